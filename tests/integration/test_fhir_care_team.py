"""CareTeam in: exactly what it says becomes of links and levels, or nothing does; and the client is in it as the Patient."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from gateway import consent
from gateway.canonical import MEMBER, RIGHT
from gateway.consent.codes import issue_code
from gateway.consentfhir.issues import Unacceptable
from gateway.consentfhir.show import care_teams
from gateway.consentfhir.team import put_care_team
from gateway.errors import Conflict, NotFound
from tests.integration.store_world import World, filled_world

Body = dict[str, Any]


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        yield opened


def team(world: World) -> Body:
    (found,) = care_teams(world.gateway, world.org, patient=world.id("Patient", "1001"))
    return found


def put(world: World, body: Body, version: str | None = "") -> Body:
    given = body["meta"]["versionId"] if version == "" else version
    return put_care_team(world.gateway, world.org, body, version=given, by="registrar")


def levels(world: World) -> dict[str, tuple[str, str]]:
    """Return person → (state of the link, level)."""
    return {one.person: (one.state, one.level) for one in consent.links(world.gateway, world.org)}


def role(level: str) -> list[Body]:
    return [{"coding": [{"system": RIGHT, "code": level}]}]


def recorded(world: World) -> list[str]:
    """Return every row that a CareTeam may change."""
    tables = ("link", "trust_grant", "link_code", "disclosure_ledger", "outbox", "audit_event")
    return [row.line for table in tables for row in world.rows(f"select t::text as line from {table} t order by 1")]


def refused(world: World, body: Body) -> list[tuple[str, str]]:
    """Put it; it is refused and nothing at all is written. Return code and place of each issue."""
    before = recorded(world)
    with pytest.raises(Unacceptable) as caught:
        put(world, body)
    assert recorded(world) == before
    return [(issue.code, issue.at) for issue in caught.value.issues]


def test_putting_back_what_was_read_writes_nothing(world: World) -> None:
    world.link("50", "private-medical")
    world.link("51")
    body = team(world)
    before = recorded(world)

    assert put(world, body) == body
    assert recorded(world) == before


def test_a_participant_who_is_left_out_loses_link_rights_and_letters_and_what_was_delivered_is_taken_back(world: World) -> None:
    world.link("50", "private-medical")
    world.link("51", "basic")
    issue_code(world.gateway, world.org, portal="ander", client="1001", person="50", level="basic")
    world.deliver()
    body = team(world)
    del body["participant"][0]

    answer = put(world, body)

    assert [one["member"]["identifier"]["value"] for one in answer["participant"]] == [
        body["participant"][0]["member"]["identifier"]["value"]
    ]
    assert answer == team(world)
    world.deliver()
    assert not world.held("50")
    assert world.held("51")
    assert levels(world)["50"][0] == "ended"
    assert world.one("select count(*) as n from link_code where revoked_at is null and org = %s", world.org).n == 0
    statuses = world.rows(
        "select status from trust_grant join person on person.id = person_id where code = '50' and trust_grant.org = %s",
        world.org,
    )
    assert "withdrawn" in {row.status for row in statuses}


def test_another_role_is_another_level_and_the_rest_of_the_right_stays(world: World) -> None:
    world.link("50", "basic")
    ends = world.clock() + timedelta(days=30)
    consent.change_grant(world.gateway, world.org, client="1001", person="50", classes=["calendar"], valid_to=ends)
    body = team(world)
    body["participant"][0]["role"] = role("private-medical")

    assert put(world, body)["participant"][0]["role"] == role("private-medical")

    row = world.one("select level, classes, valid_to from trust_grant where superseded_at is null and org = %s", world.org)
    assert row == ("private-medical", ["calendar"], ends)


def test_a_level_is_given_to_who_is_linked_and_had_none_and_none_withdraws_it(world: World) -> None:
    world.link("50")
    body = team(world)
    body["participant"][0]["role"] = role("basic")

    body = put(world, body)
    assert levels(world)["50"] == ("active", "basic")

    body["participant"][0]["role"] = role("none")
    put(world, body)
    assert world.one("select status from trust_grant where superseded_at is null and org = %s", world.org).status == "withdrawn"


def test_nobody_left_ends_every_link_and_the_care_team_with_them(world: World) -> None:
    world.link("50", "basic")
    body = team(world)
    del body["participant"]

    answer = put(world, body)

    assert "participant" not in answer
    assert care_teams(world.gateway, world.org, patient=world.id("Patient", "1001")) == []
    with pytest.raises(NotFound, match="zorgsluis link code"):
        put(world, answer)


def test_one_of_two_members_of_a_person_can_go_and_the_right_stays(world: World) -> None:
    world.link("50", "basic")
    world.link("50", portal="ander")
    body = team(world)
    del body["participant"][1]

    put(world, body)

    states = {(one.portal, one.state, one.level) for one in consent.links(world.gateway, world.org)}
    assert states == {("familie", "active", "basic"), ("ander", "ended", "basic")}


def test_a_participant_is_named_by_member_or_by_their_own_record(world: World) -> None:
    world.link("50")
    body = team(world)
    body["participant"] = [{"role": role("basic"), "member": {"reference": world.ref("RelatedPerson", "50")}}]

    put(world, body)

    assert levels(world)["50"] == ("active", "basic")


def test_who_is_not_linked_is_refused_with_how_one_is_linked(world: World) -> None:
    world.link("50", "basic")
    body = team(world)
    body["participant"].append({"role": role("basic"), "member": {"reference": world.ref("RelatedPerson", "51")}})

    assert refused(world, body) == [("not-found", "CareTeam.participant[1].member")]
    with pytest.raises(Unacceptable) as caught:
        put(world, body)
    assert "letter" in caught.value.issues[0].text
    assert "invitation" in caught.value.issues[0].text


FIRST = "CareTeam.participant[0]"
UNKNOWN: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ({"status": "inactive"}, {}, [("not-supported", "CareTeam.status")]),
    ({"name": "Buren"}, {}, [("not-supported", "CareTeam.name")]),
    (
        {"period": {"end": "2027-01-01"}, "note": []},
        {},
        [("not-supported", "CareTeam.note"), ("not-supported", "CareTeam.period")],
    ),
    ({"subject": {"reference": "Patient/other"}}, {}, [("business-rule", "CareTeam.subject")]),
    ({"participant": "50"}, {}, [("structure", "CareTeam.participant")]),
    ({}, {"period": {"end": "2027-01-01"}}, [("not-supported", f"{FIRST}.period")]),
    ({}, {"onBehalfOf": {}}, [("not-supported", f"{FIRST}.onBehalfOf")]),
    ({}, {"extension": []}, [("not-supported", f"{FIRST}.extension")]),
    ({}, {"role": role("administrator")}, [("not-supported", f"{FIRST}.role")]),
    ({}, {"role": [*role("basic"), *role("none")]}, [("not-supported", f"{FIRST}.role")]),
    ({}, {"role": [{"coding": [{"system": "http://snomed.info/sct", "code": "basic"}]}]}, [("not-supported", f"{FIRST}.role")]),
    ({}, {"member": {"display": "Anna"}}, [("required", f"{FIRST}.member")]),
    ({}, {"member": {"identifier": {"system": MEMBER, "value": "x"}}}, [("not-found", f"{FIRST}.member")]),
    ({}, {"member": {"reference": "Practitioner/1"}}, [("not-supported", f"{FIRST}.member.reference")]),
]


@pytest.mark.parametrize(("top", "first", "expected"), UNKNOWN, ids=[str(place) for place in range(len(UNKNOWN))])
def test_what_can_not_be_carried_out_is_refused_with_its_place(
    world: World, top: Body, first: Body, expected: list[tuple[str, str]]
) -> None:
    world.link("50", "basic")
    body = {**deepcopy(team(world)), **top}
    if first:
        body["participant"][0] |= first

    assert refused(world, body) == expected


def test_a_member_twice_and_two_levels_for_one_person_are_refused(world: World) -> None:
    world.link("50", "basic")
    world.link("50", portal="ander")
    body = team(world)
    body["participant"][1]["role"] = role("private-medical")
    assert refused(world, body) == [("business-rule", "CareTeam.participant[1].role")]

    body["participant"][1] = body["participant"][0]
    assert refused(world, body) == [("business-rule", "CareTeam.participant[1].member")]


def test_who_is_suspended_gets_no_level_by_way_of_the_care_team(world: World) -> None:
    world.link("50", "basic")
    consent.suspend(world.gateway, world.org, client="1001", person="50")
    body = team(world)
    assert body["participant"][0]["role"] == role("none")
    body["participant"][0]["role"] = role("basic")

    assert refused(world, body) == [("business-rule", f"{FIRST}.role")]


def test_a_level_that_would_not_hold_undoes_everything_else_too(world: World) -> None:
    child = world.patient()
    child[2][0].body["birthDate"] = "2020-01-01"
    world.store(child)
    world.link("50")
    world.link("51")
    body = team(world)
    body["participant"][0]["role"] = role("basic")
    del body["participant"][1]

    assert refused(world, body) == [("business-rule", f"{FIRST}.role")]


def test_another_version_or_none_is_a_conflict(world: World) -> None:
    world.link("50", "basic")
    body = team(world)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")

    for version in (body["meta"]["versionId"], "0", None):
        with pytest.raises(Conflict):
            put(world, body, version)

    assert levels(world)["50"] == ("active", "private-medical")


def test_a_right_that_ended_a_moment_ago_is_not_given_anew_by_who_read_before(world: World) -> None:
    world.link("50", "basic")
    consent.change_grant(world.gateway, world.org, client="1001", person="50", valid_to=world.clock() + timedelta(minutes=1))
    body = team(world)
    world.clock.pass_time(minutes=2)

    with pytest.raises(Conflict):
        put(world, body)


def test_the_client_who_reads_about_themselves_is_in_it_as_the_patient(world: World) -> None:
    world.link("1001", "private-medical")
    world.link("50", "basic")

    client, relative = team(world)["participant"]

    assert client["member"]["reference"] == world.ref("Patient", "1001")
    assert relative["member"]["reference"] == world.ref("RelatedPerson", "50")
    body = team(world)
    body["participant"][0] = {"role": role("basic"), "member": {"reference": world.ref("Patient", "1001")}}
    put(world, body)
    assert levels(world)["1001"] == ("active", "basic")


def test_who_has_the_number_of_another_client_is_not_this_client(world: World) -> None:
    world.store(world.patient("1002"))
    world.link("1002", "basic")

    assert "reference" not in team(world)["participant"][0]["member"]
