"""Time by itself changes who sees what: birthdays, mandates, objections, the end of care, and what is left at the portals then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from gateway import consent
from gateway.disclosure.decide import birthday
from gateway.jsonbytes import loads
from gateway.ledger import disclose_client, due_now
from gateway.retractions import review_late
from gateway.verify.database import on_database
from tests.integration.store_world import START, World, filled_world

SOON = START + timedelta(hours=2)
LATER = START + timedelta(hours=5)
BIRTHDAY = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # midnight in Amsterdam


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    """Somebody of the trust group holds all that there is of a client."""
    with filled_world(module_database_url) as opened:
        opened.link("50", "private-medical")
        opened.disclose()
        opened.deliver()
        yield opened


def client_is(world: World, **values: Any) -> None:
    """Change what is known of the client, as what makes a client due does."""
    columns = ", ".join(f"{name} = %s" for name in values)
    world.rows(f"update client set {columns} where id = %s returning id", *values.values(), world.client())
    look_again(world)


def grant_is(world: World, **values: Any) -> None:
    """Change the terms of the grant in force; the rows are ours to change before anything was decided by them."""
    columns = ", ".join(f"{name} = %s" for name in values)
    world.rows(f"update trust_grant set {columns} where superseded_at is null returning id", *values.values())
    look_again(world)


def mandate(world: World, scope: str, until: datetime | None = None, kind: str = "mentor") -> None:
    world.rows(
        "insert into representation (org, client_id, person_id, kind, scope, valid_from, valid_to, set_by, recorded_at) "
        "select %s, %s, id, %s, array[%s], %s, %s, 'test', app_now() from person where code = '50' returning id",
        *(world.org, world.client(), kind, scope, START, until),
    )
    look_again(world)


def says(world: World, decision: str, start: datetime, end: datetime | None = None, class_: str | None = None) -> None:
    """Let another registry say something of the client's will."""
    world.rows(
        "insert into external_consent (org, client_id, decision, category, purpose, class, valid_from, valid_to, source_ref, recorded_at) "
        "values (%s, %s, %s, 'support-network', 'SUPNWK', %s, %s, %s, 'test', app_now()) returning id",
        *(world.org, world.client(), decision, class_, start, end),
    )
    look_again(world)


def look_again(world: World) -> None:
    world.rows(
        "insert into disclose_due (org, client_id, cause) values (%s, %s, 'rights') returning id", world.org, world.client()
    )
    settle(world)


def settle(world: World) -> None:
    world.disclose()
    world.deliver()


def comes(world: World, at: datetime) -> None:
    """Let a moment come: nothing is due before it, the client is at it."""
    world.clock.at = at - timedelta(seconds=1)
    assert due_now(world.gateway, world.org, 10) == []
    world.clock.at = at
    assert due_now(world.gateway, world.org, 10) == [world.client()]
    settle(world)


def sees_report(world: World) -> bool:
    return world.ref("Observation", "1") in world.held("50")


def codes(world: World) -> set[str]:
    return {
        row.code
        for row in world.rows("select code from disclosure_verdict where client_id = %s and not directory", world.client())
    }


def rights_shown(world: World) -> list[str]:
    """Return the levels that the trust group's CareTeam shows."""
    team = loads(bytes(world.one("select body from resource where rtype = 'CareTeam'").body))
    return [participant["role"][0]["coding"][0]["code"] for participant in team["participant"]]


def test_a_parents_right_lapses_on_the_twelfth_birthday_until_it_is_confirmed(world: World) -> None:
    grant_is(world, parental=True, basis="representative")
    client_is(world, birth_date="2014-03-03")
    assert sees_report(world)

    comes(world, BIRTHDAY)
    assert world.held("50") == {}
    assert codes(world) == {"age-gate"}
    assert rights_shown(world) == ["none"]

    grant_is(world, confirmed_at=BIRTHDAY)
    assert sees_report(world)
    assert rights_shown(world) == ["private-medical"]


def test_a_childs_own_consent_begins_to_count_on_the_twelfth_birthday(world: World) -> None:
    client_is(world, birth_date="2014-03-03")
    assert codes(world) == {"age-gate"}

    comes(world, BIRTHDAY)
    assert sees_report(world)


def test_a_parents_authority_ends_on_the_eighteenth_birthday(world: World) -> None:
    mandate(world, "medical", kind="parent-authority")
    grant_is(world, basis="statutory", confirmed_at=START)
    client_is(world, birth_date="2008-03-03")
    assert sees_report(world)

    comes(world, BIRTHDAY)
    assert codes(world) == {"representation-missing"}
    assert world.held("50") == {}


def test_who_is_born_on_a_leap_day_has_a_birthday_on_the_28th() -> None:
    assert birthday(date(2008, 2, 29), 18) == datetime(2026, 2, 27, 23, 0, tzinfo=UTC)
    assert birthday(date(2008, 2, 29), 16) == datetime(2024, 2, 28, 23, 0, tzinfo=UTC)
    assert birthday(date(2014, 7, 1), 12) == datetime(2026, 6, 30, 22, 0, tzinfo=UTC)


def test_what_holds_by_a_mandate_goes_with_it(world: World) -> None:
    mandate(world, "medical", until=SOON)
    grant_is(world, basis="statutory")
    assert sees_report(world)

    comes(world, SOON)
    assert world.held("50") == {}


@pytest.mark.parametrize(
    ("scope", "kinds"), [("care", {"Patient", "RelatedPerson", "Appointment", "CareTeam"}), ("finance", set())]
)
def test_a_mandate_opens_what_its_scope_names(world: World, scope: str, kinds: set[str]) -> None:
    mandate(world, scope)
    grant_is(world, basis="statutory")

    assert {ref.split("/")[0] for ref in world.held("50")} - {"Practitioner", "PractitionerRole", "Organization"} == kinds


def test_an_objection_elsewhere_takes_back_while_it_holds_and_the_more_specific_permission_wins(world: World) -> None:
    says(world, "deny", SOON, LATER)
    comes(world, SOON)
    assert world.held("50") == {}

    says(world, "permit", SOON, class_="report")
    assert {ref.split("/")[0] for ref in world.held("50")} >= {"Observation"}
    assert "Appointment" not in {ref.split("/")[0] for ref in world.held("50")}

    comes(world, LATER)
    assert world.ref("Appointment", "2@a") in world.held("50")


@pytest.mark.parametrize("freeze", [False, True])
def test_at_the_end_of_care_sharing_stops_as_the_organisation_has_it(world: World, freeze: bool) -> None:
    world.rows("update organisation set freeze_at_end = %s where id = %s returning id", freeze, world.org)
    client_is(world, end_of_care_at=SOON)
    held = world.held("50")

    comes(world, SOON)
    assert codes(world) == {"client-stop"}
    assert world.held("50") == (held if freeze else {})

    world.store(world.report("1", "Anders.", employee="7"), world.report("2"))
    assert world.disclose() == 0


@pytest.mark.parametrize("expiry", ["retract", "freeze"])
def test_when_a_right_expires_the_portal_keeps_or_loses_it_as_the_organisation_has_it(world: World, expiry: str) -> None:
    world.rows("update organisation set expiry = %s where id = %s returning id", expiry, world.org)
    grant_is(world, valid_to=SOON)
    held = world.held("50")

    comes(world, SOON)
    assert codes(world) == {"grant-outside-period"}
    report = world.ref("Observation", "1")
    assert (world.held("50").get(report) == held[report]) == (expiry == "freeze")

    world.store(world.report("1", "Anders.", employee="7"), world.report("2"))
    assert world.disclose() == 0
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")
    world.deliver()
    assert world.held("50") == {}


def test_a_suspended_right_shows_nothing_until_it_holds_again(world: World) -> None:
    held = world.held("50")
    grant_is(world, status="suspended")
    assert world.held("50") == {}
    assert codes(world) == {"grant-suspended"}

    grant_is(world, status="active")
    assert world.held("50").keys() == held.keys()


def test_the_next_change_is_the_first_of_all_that_is_to_come(world: World) -> None:
    def next_change() -> datetime | None:
        found: datetime | None = world.one("select next_change_at from client where id = %s", world.client()).next_change_at
        return found

    assert next_change() is None
    client_is(world, birth_date="2008-03-03", end_of_care_at=BIRTHDAY - timedelta(hours=1))
    assert next_change() == BIRTHDAY - timedelta(hours=1)
    says(world, "deny", START, BIRTHDAY - timedelta(hours=2))
    assert next_change() == BIRTHDAY - timedelta(hours=2)
    mandate(world, "care", until=BIRTHDAY - timedelta(hours=3))
    assert next_change() == BIRTHDAY - timedelta(hours=3)
    grant_is(world, valid_to=BIRTHDAY - timedelta(hours=4))
    assert next_change() == BIRTHDAY - timedelta(hours=4)
    world.clock.at = BIRTHDAY - timedelta(minutes=1)
    look_again(world)
    assert next_change() == BIRTHDAY
    world.clock.at = BIRTHDAY
    look_again(world)
    assert next_change() is None


def test_a_client_about_whom_nothing_can_be_decided_is_told_after_a_quarter_of_an_hour_until_it_can(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent.change_grant(world.gateway, world.org, client="1001", person="50", valid_to=SOON)
    world.clock.pass_time(hours=3)

    def told(minutes: int) -> tuple[list[str], list[str]]:
        world.clock.pass_time(minutes=minutes)
        for client in due_now(world.gateway, world.org, 10):
            with suppress(KeyError):
                disclose_client(world.gateway, world.org, client)
        review_late(world.gateway, world.org)
        tasks = world.rows("select about from task where kind = 'retraction-late' and closed_at is null order by id")
        found = on_database(world.gateway, world.org)
        return [task.about for task in tasks], [one.what for one in found if "decided anew" in one.what]

    with monkeypatch.context() as broken:
        broken.setattr("gateway.ledger.disclose_locked", Mock(side_effect=KeyError))
        assert told(0) == told(10) == ([], [])
        assert told(10)[0] == ["urgent"]
        assert len(told(1)[1]) == 1
        assert told(240)[0] == ["urgent", "deadline"]
    assert told(0) == ([], [])
