"""The portal API: invitations, and what the administrator of a care page may do with the rights of others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway import consent
from gateway.audit_export import export, in_dutch
from gateway.consent.pages import close_page, hand_over
from tests.integration.portal_api_world import Portal, held, portals, wrong


@pytest.fixture
def portal(module_database_url: str, tmp_path: Path) -> Iterator[Portal]:
    with portals(module_database_url, tmp_path) as (found, _):
        yield found


# Invitations --------------------------------------------------------------------------------------------------------------------


@pytest.mark.row("C2")
@pytest.mark.row("M3")
def test_an_invitation_gives_nothing_before_it_is_accepted(portal: Portal) -> None:
    page, administrator = portal.page()
    before = portal.world.one("select count(*) as n from link").n

    invited = portal.invite(page, administrator, "private-medical")

    assert portal.world.one("select count(*) as n from link").n == before
    assert portal.world.rows("select * from trust_grant where level = 'private-medical' and granted_by like 'person%%'") == []
    assert portal.ask("GET", f"pages/{page}").json()["days"] == 0

    joined = portal.accept(invited["token"]).json()
    assert joined["page"] == page
    assert "Observation" in held(portal, joined["member"])


@pytest.mark.row("M3")
def test_a_part_can_be_given(portal: Portal) -> None:
    page, administrator = portal.page()
    invited = portal.invite(page, administrator, "private-medical", classes=["calendar"])

    joined = portal.accept(invited["token"]).json()

    assert "Appointment" in held(portal, joined["member"])
    assert "Observation" not in held(portal, joined["member"])


def test_an_invitation_is_answered_once(portal: Portal) -> None:
    page, administrator = portal.page()
    declined, accepted, withdrawn = (portal.invite(page, administrator) for _ in range(3))
    assert portal.ask("POST", f"invitations/{declined['token']}/decline", {"account": "acc-2"}).status_code == 200
    assert portal.accept(accepted["token"]).status_code == 200
    taken = portal.ask("DELETE", f"pages/{page}/invitations/{withdrawn['invitation']}?administrator={administrator}")
    assert taken.status_code == 200

    answers = [wrong(portal.accept(one["token"], f"acc-{n}")) for n, one in enumerate((declined, accepted, withdrawn))]

    assert {status for status, _ in answers} == {404}
    listed = portal.ask("GET", f"pages/{page}/invitations?administrator={administrator}").json()["invitations"]
    assert [one["state"] for one in listed] == ["declined", "accepted", "withdrawn"]
    assert [one["member"] is None for one in listed] == [True, False, True]


def test_an_invitation_lapses_and_goes_with_who_made_it(portal: Portal) -> None:
    page, administrator = portal.page()
    late, orphaned = portal.invite(page, administrator), portal.invite(page, administrator)
    portal.world.clock.pass_time(days=14)
    assert portal.accept(late["token"]).status_code == 404
    assert portal.accept(orphaned["token"], "acc-3").status_code == 404

    fresh = portal.invite(page, administrator)
    consent.unlink(portal.world.gateway, portal.world.org, portal="familie", client="1001", person="50")
    assert portal.accept(fresh["token"], "acc-4").status_code == 404


def test_an_account_that_is_on_the_page_can_not_be_somebody_else_there(portal: Portal) -> None:
    page, administrator = portal.page(account="acc-1")
    invited = portal.invite(page, administrator)

    assert portal.accept(invited["token"], "acc-1").status_code == 409
    assert portal.accept(invited["token"], "acc-2").status_code == 200


def test_of_two_who_accept_an_invitation_at_once_one_wins(portal: Portal) -> None:
    page, administrator = portal.page()
    token = portal.invite(page, administrator)["token"]
    statuses: list[int] = []
    together = threading.Barrier(2)

    def accept(account: str) -> None:
        together.wait()
        statuses.append(portal.accept(token, account).status_code)

    threads = [threading.Thread(target=accept, args=(account,)) for account in ("acc-2", "acc-3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 404]
    assert portal.world.one("select count(*) as n from link").n == 2


def test_guessing_invitations_is_limited_like_guessing_codes(portal: Portal) -> None:
    statuses = [portal.accept(f"guess-{number}").status_code for number in range(6)]

    assert statuses == [404] * 5 + [429]


@pytest.mark.row("C2")
def test_only_the_administrator_of_a_page_changes_anything_on_it(portal: Portal) -> None:
    page, administrator = portal.page()
    member = portal.accept(portal.invite(page, administrator)["token"]).json()["member"]
    body = {"administrator": member, "level": "private-medical"}
    tries = [
        portal.ask("GET", f"pages/{page}/rights?administrator={member}"),
        portal.ask("GET", f"pages/{page}/rights"),
        portal.ask("PUT", f"pages/{page}/rights/{member}", body),
        portal.ask("POST", f"pages/{page}/simulate", {**body, "member": member}),
        portal.ask("POST", f"pages/{page}/invitations", body),
        portal.ask("GET", f"pages/{page}/invitations?administrator={member}"),
        portal.ask("DELETE", f"pages/{page}/rights/{administrator}?administrator={member}"),
        portal.ask("PUT", f"pages/{uuid4()}/rights/{member}", {**body, "administrator": administrator}),
        portal.ask("PUT", f"pages/{page}/rights/{uuid4()}", {**body, "administrator": administrator}),
    ]

    assert {answer.status_code for answer in tries} == {404}
    assert len({answer.content for answer in tries}) == 1


# Rights -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.row("C2")
def test_every_change_by_an_administrator_is_in_the_trail(portal: Portal) -> None:
    page, administrator = portal.page()
    member = portal.accept(portal.invite(page, administrator)["token"]).json()["member"]
    place = f"pages/{page}/rights"
    portal.ask("GET", f"{place}?administrator={administrator}")
    portal.ask("PUT", f"{place}/{member}", {"administrator": administrator, "level": "private-medical"})
    portal.ask("DELETE", f"{place}/{member}?administrator={administrator}")

    rows = portal.world.rows("select event, count(*) as n from audit_event where client_id is not null group by event")
    assert {row.event: row.n for row in rows if row.event not in ("delivery", "retraction", "withheld")} == {
        "link-code": 2,
        "link": 2,
        "grant": 3,
        "invitation": 2,
        "rights": 1,
        "matrix": 1,
        "unlink": 1,
    }


def test_what_an_administrator_gives_is_told_to_the_client_as_a_relatives_act(portal: Portal) -> None:
    page, administrator = portal.page()
    member = portal.accept(portal.invite(page, administrator)["token"]).json()["member"]
    portal.ask("PUT", f"pages/{page}/rights/{member}", {"administrator": administrator, "level": "private-medical"})

    told = export(portal.world.gateway, portal.world.org, client="1001")
    given = [in_dutch(event)[3] for event in told if event["subtype"][0]["code"] == "grant"]

    assert sorted(given) == [*[f"member {administrator} (naaste)"] * 2, "operator (medewerker)"]
    giver = portal.world.one("select distinct granted_by from trust_grant where granted_by <> 'operator'").granted_by
    assert giver == "person 50"


def test_rights_show_people_by_member_with_the_reason_for_each_class(portal: Portal) -> None:
    page, administrator = portal.page()
    member = portal.accept(portal.invite(page, administrator)["token"]).json()["member"]

    told = portal.ask("GET", f"pages/{page}/rights?administrator={administrator}").json()

    people = {one["member"]: one for one in told["people"]}
    assert (people[administrator]["administrator"], people[member]["administrator"]) == (True, False)
    assert (people[administrator]["level"], people[member]["level"]) == ("private-medical", "basic")
    assert people[administrator]["related"] == portal.world.id("RelatedPerson", "50")
    assert (people[administrator]["sees"]["report"], people[member]["sees"]["report"]) == ("grant", "level-too-low")
    assert "Naaste" not in str(told)


def test_a_change_of_rights_does_what_its_simulation_said_and_the_simulation_nothing(portal: Portal) -> None:
    page, administrator = portal.page()
    member = portal.accept(portal.invite(page, administrator)["token"]).json()["member"]
    held(portal, member)
    wish = {"administrator": administrator, "level": "private-medical"}
    before = portal.world.rows("select id, level from trust_grant order by id")

    told = portal.ask("POST", f"pages/{page}/simulate", {**wish, "member": member}).json()

    assert told["classes"]["report"]["delivering"] == 1
    assert portal.world.rows("select id, level from trust_grant order by id") == before
    assert portal.world.rows("select * from outbox") == []
    done = portal.ask("PUT", f"pages/{page}/rights/{member}", wish)
    assert done.status_code == 200
    assert "Observation" in held(portal, member)


def test_removing_somebody_takes_everything_back_at_once(portal: Portal) -> None:
    page, administrator = portal.page()
    member = portal.accept(portal.invite(page, administrator, "private-medical")["token"]).json()["member"]
    assert held(portal, member)

    told = portal.ask("DELETE", f"pages/{page}/rights/{member}?administrator={administrator}").json()

    assert told["retracting"] > 0
    assert held(portal, member) == set()
    assert (
        portal.ask("PUT", f"pages/{page}/rights/{member}", {"administrator": administrator, "level": "basic"}).status_code == 404
    )


def test_administrators_neither_raise_their_own_rights_nor_take_themselves_off(portal: Portal) -> None:
    page, administrator = portal.page(level="basic")
    own = f"pages/{page}/rights/{administrator}"

    assert portal.ask("PUT", own, {"administrator": administrator, "level": "private-medical"}).status_code == 409
    assert portal.ask("DELETE", f"{own}?administrator={administrator}").status_code == 409
    assert portal.world.one("select level from trust_grant where superseded_at is null").level == "basic"


@pytest.mark.parametrize("kind", ["administrator-finance", "mentor"])
def test_an_administrator_gives_no_more_than_their_mandate(portal: Portal, kind: str) -> None:
    page, administrator = portal.page()
    consent.add_mandate(portal.world.gateway, portal.world.org, client="1001", person="50", kind=kind)
    body = {"administrator": administrator, "level": "private-medical"}

    status = portal.ask("POST", f"pages/{page}/invitations", body).status_code

    assert status == (409 if kind == "administrator-finance" else 201)


def test_a_class_that_is_none_is_named_with_those_that_are(portal: Portal) -> None:
    page, administrator = portal.page()
    body = {"administrator": administrator, "level": "basic", "classes": ["calender"]}

    answer = portal.ask("POST", f"pages/{page}/invitations", body)

    assert answer.status_code == 400
    assert "calendar" in answer.json()["detail"]


def test_what_the_care_organisation_suspended_no_administrator_gives_back(portal: Portal) -> None:
    page, administrator = portal.page()
    invited = [portal.invite(page, administrator)["token"] for _ in range(2)]
    member = portal.accept(invited[0]).json()["member"]
    person = portal.world.one("select code from link join person on person.id = person_id where member::text = %s", member).code
    consent.suspend(portal.world.gateway, portal.world.org, client="1001", person=person)
    body = {"administrator": administrator, "level": "private-medical"}

    assert portal.ask("PUT", f"pages/{page}/rights/{member}", body).status_code == 409
    assert portal.accept(invited[1]).status_code == 409
    assert held(portal, member) == set()
    told = portal.ask("GET", f"pages/{page}/rights?administrator={administrator}").json()["people"]
    assert [one["status"] for one in told] == ["active", "suspended"]


def test_a_page_that_was_handed_over_has_another_administrator(portal: Portal) -> None:
    page, before = portal.page()
    after = portal.redeem(portal.letter("51"), "acc-2", page).json()["member"]
    hand_over(portal.world.gateway, portal.world.org, page=UUID(page), person="51")

    statuses = [portal.ask("GET", f"pages/{page}/rights?administrator={one}").status_code for one in (before, after)]
    assert statuses == [404, 200]
    close_page(portal.world.gateway, portal.world.org, page=UUID(page))
    assert portal.ask("GET", f"pages/{page}/rights?administrator={after}").status_code == 404
    assert portal.ask("GET", f"pages/{page}").json()["state"] == "not-linked"
