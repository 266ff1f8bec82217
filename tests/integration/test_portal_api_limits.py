"""The portal API: what the care organisation decided outlives letters, invitations and administrators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import LockNotAvailable

from gateway import consent
from gateway.consent.changing import changing
from gateway.consent.codes import issue_code
from gateway.consent.pages import hand_over
from gateway.database import Database
from tests.integration.portal_api_world import Portal, held, portals
from tests.integration.store_world import START

STANDING = "select level, classes, data_from, valid_to, status from trust_grant where superseded_at is null"
MEMBERS = "select person.code as person, member::text as member from link join person on person.id = person_id"
PERSON = "select code from link join person on person.id = person_id where member::text = %s"


@pytest.fixture
def portal(module_database_url: str, tmp_path: Path) -> Iterator[Portal]:
    with portals(module_database_url, tmp_path) as (found, _):
        yield found


def act(calling: Portal, operation: Any, **values: Any) -> Any:
    return operation(calling.world.gateway, calling.world.org, client="1001", **values)


# Letters and invitations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["withdraw", "withdraw everybody", "suspend", "unlink"])
def test_an_open_letter_goes_with_the_rights_of_its_reader(portal: Portal, how: str) -> None:
    portal.world.link("51", "basic")
    code = portal.letter("51")
    if how == "unlink":
        act(portal, consent.unlink, portal="familie", person="51")
    elif how == "suspend":
        act(portal, consent.suspend, person="51")
    else:
        act(portal, consent.withdraw, **({} if how.endswith("everybody") else {"person": "51"}))

    assert portal.redeem(code).status_code == 404
    portal.world.disclose()
    portal.world.deliver()
    assert portal.world.held("51") == {}


def test_a_letter_to_somebody_who_has_nothing_yet_goes_when_everybodys_rights_are_withdrawn(portal: Portal) -> None:
    code = portal.letter("51")

    act(portal, consent.withdraw)

    assert portal.redeem(code).status_code == 404


LATER_DECISIONS: dict[str, Any] = {
    "set to none": lambda portal: act(portal, consent.set_grant, person="50", level="none"),
    "set lower": lambda portal: act(portal, consent.set_grant, person="50", level="basic"),
    "set as it was": lambda portal: act(portal, consent.set_grant, person="50", level="basic", classes=["calendar"]),
    "changed": lambda portal: act(portal, consent.change_grant, person="50", data_from=START),
    "changed into what it was": lambda portal: act(portal, consent.change_grant, person="50", level="basic"),
    "ended": lambda portal: act(portal, consent.expire, person="50"),
    "ended later on": lambda portal: act(portal, consent.expire, person="50", at=START + timedelta(days=9)),
}


@pytest.mark.parametrize("decision", LATER_DECISIONS.values(), ids=LATER_DECISIONS.keys())
def test_no_open_letter_undoes_what_the_care_organisation_decided_about_the_right_of_its_reader(
    portal: Portal, decision: Any
) -> None:
    portal.world.link("50")
    act(portal, consent.set_grant, person="50", level="basic", classes=["calendar"])
    code = portal.letter("50", "private-medical")
    unread = portal.letter("51", "private-medical")

    decision(portal)

    decided = portal.world.rows(STANDING)
    assert portal.redeem(code).status_code == 404
    assert portal.world.rows(STANDING) == decided
    assert portal.redeem(unread, "acc-2").status_code == 201


def test_a_letter_that_promises_no_level_still_links_whose_right_was_set_meanwhile(portal: Portal) -> None:
    portal.world.link("50", portal="ander")
    code = portal.letter("50", "none")
    act(portal, consent.set_grant, person="50", level="basic")

    told = portal.redeem(code)

    assert told.status_code == 201
    assert [row.level for row in portal.world.rows(STANDING)] == ["basic"]


def test_no_letter_is_issued_while_rights_of_the_client_are_being_withdrawn(portal: Portal) -> None:
    world = portal.world
    impatient = Database(make_conninfo(world.database.dsn, options="-c lock_timeout=50"), clock=world.clock)
    with impatient, changing(world.gateway, world.org, "1001"), pytest.raises(LockNotAvailable):
        issue_code(replace(world.gateway, database=impatient), world.org, client="1001", person="50", portal="familie")

    assert world.rows("select id from link_code") == []


def test_no_letter_gives_a_level_while_rights_are_suspended(portal: Portal) -> None:
    portal.world.link("51", "basic")
    act(portal, consent.suspend, person="51")

    assert portal.redeem(portal.letter("51")).status_code == 409


def test_open_invitations_go_when_everybodys_rights_are_withdrawn(portal: Portal) -> None:
    page, administrator = portal.page()
    token = portal.invite(page, administrator)["token"]

    act(portal, consent.withdraw)

    assert portal.accept(token).status_code == 404


# Administrators -----------------------------------------------------------------------------------------------------------------


def asked_back(portal: Portal, how: str) -> Any:
    """Have the administrator take the holder of acc-2 off the page and ask them again, or set their right; return the answer."""
    page = str(portal.world.one("select page::text from care_page").page)
    members = {row.person: row.member for row in portal.world.rows(MEMBERS)}
    administrator = members.pop("50")
    member = f"pages/{page}/rights/{next(iter(members.values()))}"
    if how == "set":
        return portal.ask("PUT", member, {"administrator": administrator, "level": "private-medical"})
    assert portal.ask("DELETE", f"{member}?administrator={administrator}").status_code == 200
    return portal.accept(portal.invite(page, administrator, "private-medical")["token"])


@pytest.mark.parametrize("how", ["set", "ask back"])
@pytest.mark.parametrize("end", [consent.suspend, consent.withdraw, consent.expire])
def test_what_the_care_organisation_ended_no_administrator_gives_back(portal: Portal, end: Any, how: str) -> None:
    page, administrator = portal.page()
    member = portal.accept(portal.invite(page, administrator)["token"]).json()["member"]
    act(portal, end, person=portal.world.one(PERSON, member).code)

    assert asked_back(portal, how).status_code == 409
    assert held(portal, member) == set()


@pytest.mark.parametrize("how", ["set", "ask back"])
def test_an_administrator_keeps_to_the_periods_that_the_care_organisation_set(portal: Portal, how: str) -> None:
    page, _ = portal.page()
    portal.redeem(portal.letter("51", "basic"), "acc-2", page)
    act(portal, consent.change_grant, person="51", data_from=START, valid_to=START + timedelta(days=9))

    assert asked_back(portal, how).status_code == 200

    row = portal.world.one("select * from trust_grant where superseded_at is null and granted_by = 'person 50'")
    assert (row.level, row.data_from, row.valid_to) == ("private-medical", START, START + timedelta(days=9))


def test_who_comes_back_with_the_same_account_is_the_same_person(portal: Portal) -> None:
    page, _ = portal.page()
    portal.redeem(portal.letter("51", "basic"), "acc-2", page)
    act(portal, consent.exclude, reason_code="good-care", set_by="arts", person="51", class_="report")

    member = asked_back(portal, "ask back").json()["member"]

    assert portal.world.one(PERSON, member).code == "51"
    assert "Appointment" in held(portal, member)
    assert "Observation" not in held(portal, member)


def test_a_letter_makes_nobody_administrator_of_others_by_opening_a_page_of_their_own(portal: Portal) -> None:
    _, first = portal.page()

    told = portal.redeem(portal.letter("51", "none"), "acc-2").json()

    assert told["administrator"] is False
    own = f"pages/{told['page']}/rights"
    assert portal.ask("DELETE", f"{own}/{first}?administrator={told['member']}").status_code == 404
    assert portal.ask("GET", f"pages/{told['page']}").json()["state"] == "active"
    assert "Observation" in held(portal, first)


@pytest.mark.parametrize("level", ["none", "basic"])
def test_whose_own_right_does_not_hold_administers_nothing(portal: Portal, level: str) -> None:
    page, administrator = portal.page(level=level)
    invitation = {"administrator": administrator, "level": "basic"}
    if level == "basic":
        token = portal.invite(page, administrator)["token"]
        act(portal, consent.suspend, person="50")
        assert portal.accept(token).status_code == 409

    assert portal.ask("POST", f"pages/{page}/invitations", invitation).status_code == 409
    assert portal.ask("GET", f"pages/{page}/rights?administrator={administrator}").status_code == 409


def test_administrators_without_a_mandate_give_no_more_than_they_have(portal: Portal) -> None:
    page, administrator = portal.page()
    token = portal.invite(page, administrator, "private-medical")["token"]
    act(portal, consent.change_grant, person="50", level="basic", classes=["calendar"], valid_to=START + timedelta(days=9))
    place = f"pages/{page}/invitations"

    assert portal.accept(token).status_code == 409
    for more in ({"level": "private-medical", "classes": ["calendar"]}, {"level": "basic"}):
        assert portal.ask("POST", place, {"administrator": administrator, **more}).status_code == 409
    within = portal.invite(page, administrator, "basic", classes=["calendar"])
    assert portal.accept(within["token"]).status_code == 200
    assert portal.world.one("select valid_to from trust_grant where granted_by = 'person 50'").valid_to == START + timedelta(
        days=9
    )


def test_who_acts_on_a_mandate_gives_by_it_and_not_by_what_they_see_themselves(portal: Portal) -> None:
    act(portal, consent.add_mandate, person="50", kind="mentor")
    page, administrator = portal.page(level="none")

    joined = portal.accept(portal.invite(page, administrator, "private-medical")["token"]).json()

    assert "Observation" in held(portal, joined["member"])


@pytest.mark.parametrize("case", ["own", "suspended"])
def test_a_simulation_is_refused_what_saving_is_refused(portal: Portal, case: str) -> None:
    page, administrator = portal.page()
    member = portal.accept(portal.invite(page, administrator)["token"]).json()["member"]
    act(portal, consent.suspend, person=portal.world.one(PERSON, member).code)
    whose = administrator if case == "own" else member
    wish = {"administrator": administrator, "level": "basic"}

    saved = portal.ask("PUT", f"pages/{page}/rights/{whose}", wish)
    simulated = portal.ask("POST", f"pages/{page}/simulate", {**wish, "member": whose})

    assert (saved.status_code, simulated.status_code) == (409, 409)
    assert saved.content == simulated.content


def test_a_second_letter_opens_nobodys_compartment_to_another_account(portal: Portal) -> None:
    _, member = portal.page("51", account="acc-2")
    second = portal.letter("51")

    assert portal.redeem(second, "acc-3").status_code == 409
    assert portal.redeem(second, "acc-2").json()["member"] == member
    act(portal, consent.unlink, portal="familie", person="51")
    assert portal.redeem(portal.letter("51"), "acc-3").status_code == 201


def test_an_administrator_who_came_by_invitation_raises_their_own_right_by_none(portal: Portal) -> None:
    page, first = portal.page()
    member = portal.accept(portal.invite(page, first)["token"]).json()["member"]
    person = portal.world.one(PERSON, member).code
    hand_over(portal.world.gateway, portal.world.org, page=UUID(page), person=person)
    act(portal, consent.add_mandate, person=person, kind="mentor")
    token = portal.invite(page, member, "private-medical")["token"]

    assert portal.accept(token).status_code == 409
    assert "Observation" not in held(portal, member)
    assert portal.accept(token, "acc-3").status_code == 200


def test_a_look_at_the_invitations_is_in_the_trail(portal: Portal) -> None:
    page, administrator = portal.page()
    portal.ask("GET", f"pages/{page}/invitations?administrator={administrator}")

    row = portal.world.one("select agent, client_id from audit_event where event = 'invitation' and action = 'R'")
    assert (row.agent, row.client_id) == (f"member {administrator}", portal.world.client())
