"""The portal API: what the care organisation decided outlives letters, invitations and administrators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import consent
from tests.integration.portal_api_world import Portal, held, portals
from tests.integration.store_world import START

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
