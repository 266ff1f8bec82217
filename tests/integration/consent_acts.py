"""What tests of rights do again and again: give, change, look at what is held."""

from __future__ import annotations

from typing import Any

from gateway import consent
from gateway.ledger import Change
from tests.integration.store_world import World

ALL = {"Appointment", "CareTeam", "Observation", "Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization"}


def types(world: World, person: str = "50") -> set[str]:
    """Return the types of what a person holds once everything is delivered."""
    world.disclose()
    world.deliver()
    return {ref.partition("/")[0] for ref in world.held(person)}


def born(world: World, day: str) -> None:
    """Have the source say when the client was born."""
    stream, key, mapped = world.patient()
    mapped[0].body["birthDate"] = day
    world.store((stream, key, mapped))


def rights(world: World, person: str = "50") -> list[Any]:
    return world.rows(
        "select trust_grant.* from trust_grant join person on person.id = person_id where code = %s order by trust_grant.id",
        person,
    )


def grant(world: World, level: str = "private-medical", person: str = "50", **terms: Any) -> Change:
    return consent.set_grant(world.gateway, world.org, client="1001", person=person, level=level, **terms)


def call(world: World, operation: Any, **values: Any) -> Any:
    return operation(world.gateway, world.org, client="1001", **values)
