"""What a freeze leaves at the portals: what only the stop stands in the way of, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway import consent
from gateway.accounting import ledgers
from gateway.verify.database import on_database
from tests.integration.store_world import World, filled, gone, open_world

WORK = "select op from outbox"


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    yield opened
    opened.database.close()


def expired(world: World) -> None:
    """A right comes to its end where the organisation lets stay what was given."""
    world.one("update organisation set expiry = 'freeze' where id = %s returning id", world.org)
    soon = world.clock() + timedelta(days=1)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical", valid_to=soon)
    world.deliver()
    world.clock.pass_time(days=2)


def care_ended(world: World) -> None:
    """Care comes to its end where the organisation lets stay what was given."""
    world.one("update organisation set freeze_at_end = true where id = %s returning id", world.org)
    consent.end_care(world.gateway, world.org, client="1001")


def died(world: World) -> None:
    consent.died(world.gateway, world.org, client="1001", freeze=True)


def stopped(world: World) -> None:
    consent.stop(world.gateway, world.org, client="1001", reason="client-asked", freeze=True)


def kinds(world: World) -> set[str]:
    """Disclose and deliver what is due; return the kinds of what the member holds."""
    world.disclose()
    world.deliver()
    return {ref.split("/")[0] for ref in world.held("50")}


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


@pytest.mark.parametrize("lower", [consent.set_grant, consent.change_grant])
@pytest.mark.parametrize("end", [care_ended, died, stopped])
def test_under_a_freeze_what_shows_more_than_a_lowered_right_leaves_is_taken_back(
    world: World, end: Callable[[World], object], lower: Callable[..., object]
) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    end(world)
    kinds(world)
    assert world.held("50")[world.ref("Patient", "1001")] == "whole"

    lower(world.gateway, world.org, client="1001", person="50", level="basic")
    world.disclose()
    assert {op for op, *_ in world.deliver()} == {"delete"}

    # What a basic member sees no less of stays: the own record, the name of the other, the care team.
    assert world.held("50") == {
        world.ref("RelatedPerson", "50"): "whole",
        world.ref("RelatedPerson", "51"): "name-role",
        next(ref for ref in world.held("50") if ref.startswith("CareTeam/")): "whole",
    }
    assert world.disclose() == 0
    assert on_database(world.gateway, world.org) == []


def test_under_a_freeze_what_a_lowered_right_shows_as_much_of_stays(world: World) -> None:
    filled(world)
    world.link("50", "basic")
    world.deliver()
    held = world.held("50")
    died(world)

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")
    world.disclose()
    world.deliver()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic")
    world.disclose()
    world.deliver()

    assert held[world.ref("Appointment", "2@a")] == "reduced"
    assert world.held("50") == held


def test_under_a_freeze_what_was_being_cut_down_to_a_part_is_taken_back(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic")
    assert world.held("50")[world.ref("Appointment", "2@a")] == "whole"

    died(world)
    kinds(world)

    assert world.ref("Appointment", "2@a") not in world.held("50")


def test_what_an_expired_right_left_stays_no_wider_than_a_right_to_come_shows(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    expired(world)
    kinds(world)
    assert world.held("50")[world.ref("Patient", "1001")] == "whole"

    later = world.clock() + timedelta(days=1)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic", valid_from=later)
    kinds(world)

    left = world.held("50")
    assert world.ref("RelatedPerson", "50") in left
    assert left.keys().isdisjoint({world.ref("Patient", "1001"), world.ref("Appointment", "2@a"), world.ref("Observation", "1")})
    assert on_database(world.gateway, world.org) == []


def test_under_a_freeze_a_right_that_is_withdrawn_leaves_nothing_at_the_portal(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    consent.stop(world.gateway, world.org, client="1001", reason="death", freeze=True)

    consent.withdraw(world.gateway, world.org, client="1001", person="50")
    world.deliver()

    assert world.held("50") == {}


def test_the_directory_stays_under_a_freeze_as_long_as_something_that_stays_refers_to_it(world: World) -> None:
    deliver_a_signed_report(world)
    consent.stop(world.gateway, world.org, client="1001", reason="death", freeze=True)
    assert {"Practitioner", "Observation"} <= {ref.split("/")[0] for ref in world.held("50")}

    world.store(gone(world.report("1", employee="7")))
    world.disclose()
    world.deliver()

    assert {ref.split("/")[0] for ref in world.held("50")} == {"Patient", "CareTeam"}


DIRECTORY = {"Practitioner", "PractitionerRole", "Organization"}


def deliver_a_signed_report(world: World) -> None:
    """One report of an employee, at the portal of a member who may have all."""
    world.store(world.employee("7"), world.patient(), world.report("1", employee="7"))
    world.link("50", "private-medical")
    world.deliver()


@pytest.mark.parametrize("end", [expired, care_ended, died, stopped])
def test_what_is_frozen_keeps_the_directory_that_it_refers_to_until_it_goes_itself(
    world: World, end: Callable[[World], object]
) -> None:
    world.store(world.employee("7"), world.employee("8"), world.patient(), world.report("1", employee="7"))
    world.link("50", "private-medical")
    world.deliver()
    held = world.held("50")

    end(world)
    kinds(world)
    assert world.held("50") == held
    assert world.disclose() == 0

    # Somebody else signs it at the source: what the portal holds still names who did.
    world.store(world.report("1", "Anders.", employee="8"), world.report("2", employee="8"))
    kinds(world)
    assert world.held("50") == held

    world.store(gone(world.report("1", employee="8")))
    assert kinds(world).isdisjoint({"Observation", *DIRECTORY})
    assert world.disclose() == 0


@pytest.mark.parametrize("end", [expired, care_ended, died, stopped])
def test_under_a_freeze_the_directory_that_the_source_took_back_is_taken_back(
    world: World, end: Callable[[World], object]
) -> None:
    deliver_a_signed_report(world)
    end(world)
    world.store(world.employee("8"), world.report("1", "Anders.", employee="8"))
    assert kinds(world) >= {"Observation", *DIRECTORY}

    world.store(gone(world.employee("7")))

    left = kinds(world)
    assert "Observation" in left
    assert left.isdisjoint({"Practitioner", "PractitionerRole"})


@pytest.mark.parametrize("end", [expired, care_ended, died, stopped])
def test_the_directory_of_what_is_frozen_is_counted_as_retained_and_breaks_no_invariant(
    world: World, end: Callable[[World], object]
) -> None:
    deliver_a_signed_report(world)
    end(world)
    kinds(world)

    assert {line.kind: line.fates for line in ledgers(world.gateway, world.org).directory} == {
        kind: {"retained": 1} for kind in DIRECTORY
    }
    assert on_database(world.gateway, world.org) == []


def test_a_right_that_expired_keeps_the_directory_only_where_rights_are_frozen_then(world: World) -> None:
    deliver_a_signed_report(world)
    expired(world)
    world.one("update organisation set expiry = 'retract' where id = %s returning id", world.org)

    assert kinds(world) == set()
