"""Delivery over mutual TLS, with real certificates: ours is asked for, theirs is checked, and a renewed one is in use at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.integration.certificates import Authority, authority
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal
from tests.integration.tls_front import tls_front


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    folder: Path = tmp_path_factory.mktemp("portal")
    with running_portal(folder) as portal:
        yield portal


@pytest.fixture
def made(tmp_path: Path) -> Authority:
    return authority(tmp_path)


@pytest.fixture
def front(portal: RunningPortal, made: Authority) -> Iterator[str]:
    with tls_front(portal.url, made) as address:
        yield address


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    portal.behave()
    world = a_world(database_url, portal)
    with world.gateway.database:
        yield world


def configured(world: World, front: str, made: Authority, **secrets: str) -> None:
    """Name the front, its authority and our files in the portal's settings."""
    known = world.portal.settings()
    token = {"token_url": f"{known['base_url']}/token"}
    settings: dict[str, Any] = {
        **known,
        **token,
        "base_url": front,
        "ca_file": str(made.ca),
        "secrets": {**known["secrets"], **secrets},
    }
    world.rows("update portal set settings = %s", Jsonb(settings))


def ours(pair: tuple[Path, Path]) -> dict[str, str]:
    return {"tls_certificate": str(pair[0]), "tls_key": str(pair[1])}


def standing(world: World) -> str | None:
    reason: str | None = world.one("select breaker_reason from portal").breaker_reason
    return reason


def test_a_portal_that_asks_for_our_certificate_is_delivered_to(world: World, front: str, made: Authority) -> None:
    configured(world, front, made, **ours(made.client))
    member = world.member()
    world.decide(member, world.store(observation("weight")))

    world.deliver()

    assert set(world.portal.holds(member)) == {"Observation/weight"}
    assert standing(world) is None


def test_without_our_certificate_the_channel_stops_and_nothing_counts_against_what_waits(
    world: World, front: str, made: Authority
) -> None:
    configured(world, front, made)
    member = world.member()
    world.decide(member, world.store(observation("weight")))

    world.deliver()

    assert standing(world) == "auth"
    assert [(row.state, row.attempt, row.sent_at) for row in world.outbox()] == [("ready", 0, None)]


def test_a_portal_with_a_certificate_of_another_authority_is_not_spoken_to(
    world: World, front: str, made: Authority, tmp_path: Path
) -> None:
    other = authority(tmp_path, "other")
    configured(world, front, other, **ours(made.client))
    member = world.member()
    world.decide(member, world.store(observation("weight")))

    world.deliver()

    assert standing(world) == "config"
    assert world.portal.holds(member) == {}


def test_a_renewed_certificate_is_in_use_without_a_restart(world: World, front: str, made: Authority, tmp_path: Path) -> None:
    unknown = authority(tmp_path, "other").client
    pair = tmp_path / "in-use.pem", tmp_path / "in-use.key"
    for source, place in zip(unknown, pair, strict=True):
        shutil.copy(source, place)
    configured(world, front, made, **ours(pair))
    member = world.member()
    world.decide(member, world.store(observation("weight")))
    world.deliver()
    assert standing(world) == "auth"

    for source, place in zip(made.client, pair, strict=True):
        shutil.copy(source, place)
    world.clock.forward(minutes=20)
    world.deliver()

    assert set(world.portal.holds(member)) == {"Observation/weight"}
    assert standing(world) is None
