"""One client with a report, an appointment and classes for them: what rights decide about, over a real portal."""

from __future__ import annotations

from typing import Any

from gateway import consent
from gateway.canonicalise import content_hash
from gateway.disclosure.projections import names_for, project, references_in
from gateway.jsonbytes import loads
from tests.integration.delivery_world import World, observation

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


def furnish(world: World) -> None:
    """Store what there is to see."""
    for key, class_, audience, basic in CLASSES:
        world.rows(
            "insert into class_map (org, system, class_key, class, audience, basic_projection) values (%s, 'test', %s, %s, %s, %s)",
            *(world.org, key, class_, audience, basic),
        )
    stored(world, PATIENT, "patient")
    stored(world, VISIT, "calendar")
    stored(world, observation("weight"), "report")


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


def linked(world: World, level: str, person: str = "61") -> str:
    """Link somebody at a level, and deliver what follows."""
    member = consent.link(world.gateway, world.org, portal="familie", client=world.client_id, person=person)
    granted(world, level, person)
    return member


def granted(world: World, level: str, person: str = "61") -> None:
    consent.set_grant(world.gateway, world.org, client=world.client_id, person=person, level=level)
    world.deliver()


def at_portal(world: World, member: str) -> dict[str, str]:
    """What is held, without the care team: every level above none has that."""
    return {name: body for name, body in world.portal.holds(member).items() if not name.startswith("CareTeam/")}
