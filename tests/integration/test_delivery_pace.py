"""A portal that takes so many requests a second gets no more: each keeps its permit for its share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import limits
from tests.integration.delivery_world import RunningPortal, World, a_world, running_portal


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    folder: Path = tmp_path_factory.mktemp("portal")
    with running_portal(folder) as portal:
        yield portal


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    portal.behave()
    world = a_world(database_url, portal)
    with world.gateway.database:
        yield world


@pytest.mark.parametrize(
    ("manifest", "least_s"),
    [("{}", None), ('{"per_second": 5, "max_concurrency": 1}', 0.2), ('{"per_second": 8, "max_concurrency": 2}', 0.25)],
)
def test_deliveries_keep_to_what_the_portal_takes_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch, manifest: str, least_s: float | None
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(limits, "pause", waited.append)
    world.rows("update portal set settings = settings || jsonb_build_object('manifest', %s::jsonb)", manifest)
    member = world.member()
    names = world.queue(member, 3)

    world.deliver()

    assert set(world.portal.holds(member)) == set(names)
    assert bool(waited) == (least_s is not None)
    # What is left of the share once the answer is there.
    assert all(0 < seconds <= (least_s or 0) for seconds in waited)
