"""What a freeze leaves at the portals: what only the stop stands in the way of, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway import consent
from tests.integration.store_world import World, filled, gone, open_world

WORK = "select op from outbox"


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    yield opened
    opened.database.close()


REFUSED_BESIDES: list[Any] = [
    lambda world: world.store(gone(world.report("1", employee="7"))),
    lambda world: world.store(world.report("1", employee="7", audience="provider")),
    lambda world: consent.exclude(
        world.gateway,
        world.org,
        client="1001",
        reason_code="other",
        set_by="x",
        person="50",
        resource=world.ref("Observation", "1"),
    ),
]


@pytest.mark.parametrize("refuse", REFUSED_BESIDES, ids=["deleted at the source", "meant for nobody", "excluded"])
def test_under_a_freeze_what_is_refused_besides_is_taken_back_and_the_rest_stays(
    world: World, refuse: Callable[[World], object]
) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    held = world.held("50")
    consent.stop(world.gateway, world.org, client="1001", reason="death", freeze=True)
    assert world.rows(WORK) == []

    refuse(world)
    world.disclose()
    assert world.ref("Observation", "1") in {ref for op, _, ref, _ in world.deliver() if op == "delete"}
    left = world.held("50")
    assert left == {ref: projection for ref, projection in held.items() if ref != world.ref("Observation", "1")}
    assert world.disclose() == 0


def test_under_a_freeze_a_right_that_is_withdrawn_leaves_nothing_at_the_portal(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    consent.stop(world.gateway, world.org, client="1001", reason="death", freeze=True)

    consent.withdraw(world.gateway, world.org, client="1001", person="50")
    world.deliver()

    assert world.held("50") == {}


def test_the_directory_stays_under_a_freeze_as_long_as_something_that_stays_refers_to_it(world: World) -> None:
    world.store(world.employee("7"), world.patient(), world.report("1", employee="7"))
    world.link("50", "private-medical")
    world.deliver()
    consent.stop(world.gateway, world.org, client="1001", reason="death", freeze=True)
    assert {"Practitioner", "Observation"} <= {ref.split("/")[0] for ref in world.held("50")}

    world.store(gone(world.report("1", employee="7")))
    world.disclose()
    world.deliver()

    assert {ref.split("/")[0] for ref in world.held("50")} == {"Patient", "CareTeam"}
