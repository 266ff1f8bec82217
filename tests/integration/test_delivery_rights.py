"""From a change of rights to the portal: the decision and the delivery together, over a real portal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway import consent
from gateway.database import Database
from gateway.ledger import disclose_client
from gateway.outbox import delivery
from gateway.runtime import Gateway
from gateway.verify import verify
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal
from tests.integration.rights_world import at_portal, furnish, granted, linked, stored


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    portal.behave()
    world = a_world(database_url, portal)
    with world.gateway.database:
        furnish(world)
        yield world


def broken(world: World, database_url: str) -> list[Any]:
    with Database(database_url, role="zorgsluis_engine", clock=world.clock) as database:
        engine = Gateway(database=database, clock=world.clock, keys=lambda _: world.ring)
        return list(verify(engine, world.org, read_back=True))


def test_each_level_sees_its_own(world: World, database_url: str) -> None:
    basic, trusted = linked(world, "basic", "62"), linked(world, "private-medical", "63")

    assert set(at_portal(world, basic)) == {"Patient/p1", "Appointment/visit"}
    assert "wondzorg" not in at_portal(world, basic)["Appointment/visit"]
    assert "1940" not in at_portal(world, basic)["Patient/p1"]
    assert set(at_portal(world, trusted)) == {"Patient/p1", "Appointment/visit", "Observation/weight"}
    assert "wondzorg" in at_portal(world, trusted)["Appointment/visit"]
    assert broken(world, database_url) == []


def test_a_lowered_right_takes_back_and_narrows_and_a_raised_one_gives_again(world: World, database_url: str) -> None:
    member = linked(world, "private-medical")
    world.clock.forward(hours=1)
    granted(world, "basic")
    assert set(at_portal(world, member)) == {"Patient/p1", "Appointment/visit"}
    assert "wondzorg" not in at_portal(world, member)["Appointment/visit"]
    assert broken(world, database_url) == []

    world.clock.forward(hours=1)
    granted(world, "private-medical")
    assert set(at_portal(world, member)) == {"Patient/p1", "Appointment/visit", "Observation/weight"}
    assert broken(world, database_url) == []


def test_a_right_withdrawn_while_a_delivery_is_under_way_leaves_nothing_there(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = consent.link(world.gateway, world.org, portal="familie", client=world.client_id, person="61")
    consent.set_grant(world.gateway, world.org, client=world.client_id, person="61", level="private-medical")
    real = delivery.crash_point  # type: ignore[attr-defined]
    withdrawn: list[str] = []

    def meanwhile(point: Any) -> None:
        real(point)
        if point == "before-write" and not withdrawn:
            withdrawn.append(point)
            consent.set_grant(world.gateway, world.org, client=world.client_id, person="61", level="none")

    monkeypatch.setattr(delivery, "crash_point", meanwhile)
    world.deliver()

    assert withdrawn
    assert world.portal.holds(member) == {}
    assert any(one["member"] == member for one in world.portal.dump())
    assert broken(world, database_url) == []


def test_a_right_withdrawn_after_an_answer_was_lost_leaves_nothing_there(world: World, database_url: str) -> None:
    world.portal.plan("reset-after-write")
    member = linked(world, "private-medical")
    granted(world, "none")
    world.clock.forward(minutes=20)

    world.deliver()

    assert world.portal.holds(member) == {}
    assert broken(world, database_url) == []


def test_a_new_version_reaches_who_may_see_it_and_nobody_else(world: World, database_url: str) -> None:
    basic, trusted = linked(world, "basic", "62"), linked(world, "private-medical", "63")
    before = len(world.portal.dump())
    world.clock.forward(hours=1)
    stored(world, observation("weight", "71.90"), "report")
    disclose_client(world.gateway, world.org, world.client_id)
    world.deliver()

    [only] = world.portal.dump()[before:]
    assert (only["member"], only["id"]) == (trusted, "weight")
    assert set(at_portal(world, basic)) == {"Patient/p1", "Appointment/visit"}
    assert broken(world, database_url) == []


def test_an_ended_link_empties_the_compartment(world: World, database_url: str) -> None:
    member = linked(world, "private-medical")
    consent.unlink(world.gateway, world.org, portal="familie", client=world.client_id, person="61")

    world.deliver()

    assert world.portal.holds(member) == {}
    assert broken(world, database_url) == []
