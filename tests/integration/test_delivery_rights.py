"""From a change of rights to the portal: the decision and the delivery together, over a real portal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway import consent
from gateway.canonicalise import content_hash
from gateway.database import Database
from gateway.disclosure.projections import names_for, project, references_in
from gateway.jsonbytes import loads
from gateway.ledger import disclose_client
from gateway.outbox import delivery
from gateway.runtime import Gateway
from gateway.verify import verify
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal

PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Linde"}], "birthDate": "1940-01-01"}
VISIT = {
    "resourceType": "Appointment",
    "id": "visit",
    "status": "booked",
    "description": "wondzorg",
    "start": "2026-11-21T08:00:00+01:00",
    "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
}
CLASSES = [
    ("report", "report", "trust-group", None),
    ("calendar", "calendar", "circle", "reduced"),
    ("patient", "profile", "circle", "name-only"),
]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    portal.behave()
    world = a_world(database_url, portal)
    with world.gateway.database:
        for key, class_, audience, basic in CLASSES:
            world.rows(
                "insert into class_map (org, system, class_key, class, audience, basic_projection) values (%s, 'test', %s, %s, %s, %s)",
                *(world.org, key, class_, audience, basic),
            )
        stored(world, PATIENT, "patient")
        stored(world, VISIT, "calendar")
        stored(world, observation("weight"), "report")
        yield world


def stored(world: World, resource: dict[str, Any], class_key: str) -> int:
    """Store a resource with its class and projections."""
    rkey = world.store(resource)
    row = world.one("update resource set class_key = %s where rkey = %s returning rtype, body", class_key, rkey)
    for name in names_for(row.rtype):
        shape = project(name, loads(bytes(row.body)))
        world.rows(
            "insert into resource_projection (org, rkey, name, hash) values (%s, %s, %s, %s)"
            " on conflict (rkey, name) do update set hash = excluded.hash",
            *(world.org, rkey, name, content_hash(shape)),
        )
        for type_, id_ in set(references_in(shape)):
            world.rows(
                "insert into resource_reference (org, rkey, projection, target_type, target_id) values (%s, %s, %s, %s, %s)"
                " on conflict do nothing",
                *(world.org, rkey, name, type_, id_),
            )
    return rkey


def linked(world: World, level: str, person: str = "anna") -> str:
    """Link somebody at a level, and deliver what follows."""
    member = consent.link(world.gateway, world.org, portal="familie", client=world.client_id, person=person)
    granted(world, level, person)
    return member


def granted(world: World, level: str, person: str = "anna") -> None:
    consent.set_grant(world.gateway, world.org, client=world.client_id, person=person, level=level)
    world.deliver()


def at_portal(world: World, member: str) -> dict[str, str]:
    """What is held, without the care team: every level above none has that."""
    return {name: body for name, body in world.portal.holds(member).items() if not name.startswith("CareTeam/")}


def broken(world: World, database_url: str) -> list[Any]:
    with Database(database_url, role="zorgsluis_engine", clock=world.clock) as database:
        engine = Gateway(database=database, clock=world.clock, keys=lambda _: world.ring)
        return list(verify(engine, world.org, read_back=True))


def test_each_level_sees_its_own(world: World, database_url: str) -> None:
    basic, trusted = linked(world, "basic", "bas"), linked(world, "private-medical", "truus")

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
    member = consent.link(world.gateway, world.org, portal="familie", client=world.client_id, person="anna")
    consent.set_grant(world.gateway, world.org, client=world.client_id, person="anna", level="private-medical")
    real = delivery.crash_point  # type: ignore[attr-defined]
    withdrawn: list[str] = []

    def meanwhile(point: Any) -> None:
        real(point)
        if point == "before-write" and not withdrawn:
            withdrawn.append(point)
            consent.set_grant(world.gateway, world.org, client=world.client_id, person="anna", level="none")

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
    basic, trusted = linked(world, "basic", "bas"), linked(world, "private-medical", "truus")
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
    consent.unlink(world.gateway, world.org, portal="familie", client=world.client_id, person="anna")

    world.deliver()

    assert world.portal.holds(member) == {}
    assert broken(world, database_url) == []
