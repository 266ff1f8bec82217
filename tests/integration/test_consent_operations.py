"""What becomes of rights: changed, suspended, withdrawn, ended, confirmed; mandates, exclusions, stops and others' consents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway import consent
from gateway.errors import NotFound, Rejected
from gateway.ledger import Change
from tests.integration.consent_acts import ALL, call, grant, rights, types
from tests.integration.store_world import START, World, filled_world


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        yield opened


# Rights ---------------------------------------------------------------------------------------------------------------------------


def test_what_is_suspended_is_taken_back_and_comes_again(world: World) -> None:
    world.link("50", "private-medical")
    assert types(world) == ALL

    call(world, consent.suspend, person="50")
    assert types(world) == set()

    call(world, consent.reinstate, person="50")
    assert types(world) == ALL


def test_withdrawing_everybodys_rights_leaves_nothing_anywhere(world: World) -> None:
    world.link("50", "private-medical")
    world.link("51", "basic", portal="ander")
    assert types(world, "51") > {"Appointment"}

    change = call(world, consent.withdraw)

    assert change.retracting > 0
    assert (types(world, "50"), types(world, "51")) == (set(), set())
    assert call(world, consent.withdraw) == Change()


def test_a_right_that_is_ended_at_a_moment_goes_when_it_comes(world: World) -> None:
    world.link("50", "private-medical")
    call(world, consent.expire, person="50", at=START + timedelta(hours=2))
    assert types(world) == ALL

    world.clock.pass_time(hours=2)

    assert types(world) == set()


@pytest.mark.parametrize("past", [False, True])
def test_an_end_is_brought_forward_and_never_put_off(world: World, past: bool) -> None:
    world.link("50")
    grant(world, valid_to=START + timedelta(days=2))
    world.clock.pass_time(days=3 if past else 0)

    with pytest.raises(Rejected, match="in force after"):
        call(world, consent.expire, person="50", at=START + timedelta(days=9))

    assert [row.valid_to for row in rights(world)] == [START + timedelta(days=2)]


def test_every_operation_adds_a_row_and_changes_no_earlier_one(world: World) -> None:
    world.link("50", "private-medical")
    steps: list[tuple[Any, dict[str, Any]]] = [
        (consent.change_grant, {"classes": ["report"]}),
        (consent.suspend, {}),
        (consent.reinstate, {}),
        (consent.expire, {"at": START + timedelta(days=9)}),
        (consent.withdraw, {}),
    ]
    seen: list[Any] = []
    for operation, values in steps:
        before = rights(world)
        world.clock.pass_time(minutes=1)
        call(world, operation, person="50", **values)
        after = rights(world)
        assert len(after) == len(before) + 1
        assert [row._replace(superseded_at=None) for row in before] == [row._replace(superseded_at=None) for row in after[:-1]]
        assert (after[-2].superseded_at, after[-1].recorded_at) == (world.clock(), world.clock())
        assert after[-1].supersedes == after[-2].id
        seen.append((after[-1].level, after[-1].status, after[-1].classes))
    assert seen == [
        ("private-medical", "active", ["report"]),
        ("private-medical", "suspended", ["report"]),
        ("private-medical", "active", ["report"]),
        ("private-medical", "active", ["report"]),
        ("private-medical", "withdrawn", ["report"]),
    ]


def test_a_right_is_narrowed_to_classes_and_to_a_period_of_the_data(world: World) -> None:
    world.link("50")
    grant(world, classes=["calendar"])
    assert "Observation" not in types(world)

    call(world, consent.change_grant, person="50", classes=None, data_to=START)
    assert not types(world) & {"Observation", "Appointment"}

    call(world, consent.change_grant, person="50", data_to=START + timedelta(days=1))
    assert types(world) == ALL


def test_changing_nothing_changes_nothing(world: World) -> None:
    world.link("50", "basic")
    trail = world.one("select count(*) as n from audit_event").n

    assert call(world, consent.change_grant, person="50", level="basic") == Change()
    assert world.one("select count(*) as n from audit_event").n == trail


@pytest.mark.parametrize("operation", [consent.suspend, consent.reinstate, consent.expire, consent.confirm, consent.change_grant])
def test_what_is_not_there_can_not_be_changed(world: World, operation: Any) -> None:
    world.link("50")
    with pytest.raises(Rejected, match="no right"):
        call(world, operation, person="50")
    with pytest.raises(NotFound):
        call(world, operation, person="nobody")


# Mandates -------------------------------------------------------------------------------------------------------------------------


def test_a_right_that_a_representative_gives_needs_their_live_mandate(world: World) -> None:
    world.link("50")
    with pytest.raises(Rejected, match="who gives it"):
        grant(world, basis="representative")
    with pytest.raises(Rejected, match="no mandate"):
        grant(world, basis="representative", representative="51")
    with pytest.raises(Rejected, match="basis must be 'representative'"):
        grant(world, representative="51")

    number = call(world, consent.add_mandate, person="51", kind="mentor")
    grant(world, basis="representative", representative="51")

    assert [(row.basis, row.representation_id, row.parental) for row in rights(world)] == [("representative", number, False)]
    assert types(world) == ALL


def test_who_minds_the_money_opens_no_file(world: World) -> None:
    world.link("50")
    call(world, consent.add_mandate, person="51", kind="administrator-finance")

    for level in ("basic", "private-medical"):
        with pytest.raises(Rejected, match=f"covers {level}"):
            grant(world, level, basis="representative", representative="51")

    call(world, consent.add_mandate, person="50", kind="administrator-finance")
    grant(world, basis="statutory")
    assert types(world) == set()


def test_the_end_of_a_mandate_opens_a_task_for_each_right_that_was_given_on_it(world: World) -> None:
    for person in ("50", "51"):
        world.link(person)
    number = call(world, consent.add_mandate, person="60", kind="curator")
    for person in ("50", "51"):
        grant(world, "basic", person, basis="representative", representative="60")

    call(world, consent.end_mandate, mandate=number)

    found = consent.tasks(world.gateway, world.org, "1001")
    assert [(task.kind, task.client, task.detail["person"], task.detail["giver"]) for task in found] == [
        ("mandate-ended", "1001", "50", "60"),
        ("mandate-ended", "1001", "51", "60"),
    ]
    assert {one.what for one in consent.review(world.gateway, world.org)} == {"mandate-ended"}
    assert consent.turn_clock(world.gateway, world.org) == 0
    with pytest.raises(Rejected, match="mandate"):
        call(world, consent.change_grant, person="50", level="private-medical")

    grant(world, "basic", "50", basis="client")
    call(world, consent.withdraw, person="51")
    consent.turn_clock(world.gateway, world.org)
    assert consent.tasks(world.gateway, world.org) == []


def test_a_mandate_that_ends_by_itself_is_told_ahead_and_then_flags(world: World) -> None:
    world.link("50")
    call(world, consent.add_mandate, person="60", kind="mentor", valid_to=START + timedelta(days=40))
    grant(world, "basic", basis="representative", representative="60")
    assert consent.review(world.gateway, world.org) == []

    world.clock.pass_time(days=10)
    assert [(one.what, one.persons, one.task) for one in consent.review(world.gateway, world.org)] == [
        ("mandate-ends", ("60",), None)
    ]

    world.clock.pass_time(days=30)
    (found,) = consent.review(world.gateway, world.org)
    assert (found.what, found.persons) == ("mandate-ended", ("50",))


def test_a_statutory_right_goes_with_the_mandate_and_is_flagged(world: World) -> None:
    world.link("50")
    number = call(world, consent.add_mandate, person="50", kind="mentor")
    grant(world, basis="statutory")
    assert types(world) == ALL

    call(world, consent.end_mandate, mandate=number)

    assert types(world) == set()
    assert [task.kind for task in consent.tasks(world.gateway, world.org)] == ["mandate-ended"]


def test_mandates_are_superseded_and_never_changed(world: World) -> None:
    number = call(world, consent.add_mandate, person="60", kind="mentor", evidence_ref="besluit-7")
    world.clock.pass_time(hours=1)
    call(world, consent.end_mandate, mandate=number)

    rows = world.rows("select valid_from, valid_to, superseded_at, evidence_ref from representation order by id")
    later = START + timedelta(hours=1)
    assert [tuple(row) for row in rows] == [(START, None, later, "besluit-7"), (START, later, None, "besluit-7")]
    (listed,) = consent.mandates(world.gateway, world.org, "1001")
    assert (listed.person, listed.kind, listed.scope, listed.live) == ("60", "mentor", ("care", "medical"), False)


@pytest.mark.parametrize(
    "wrong", [{"kind": "friend"}, {"kind": "mentor", "scope": ["all"]}, {"kind": "mentor", "valid_to": START}]
)
def test_a_mandate_that_makes_no_sense_is_refused(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        call(world, consent.add_mandate, person="60", **wrong)
    with pytest.raises(NotFound):
        call(world, consent.end_mandate, mandate=999_999)


# Exclusions, others' consents, stops --------------------------------------------------------------------------------------------------


def test_exclusions_are_listed_until_they_are_lifted(world: World) -> None:
    world.link("50")
    number = call(world, consent.exclude, reason_code="good-care", set_by="arts", person="50", class_="report")
    (listed,) = consent.exclusions(world.gateway, world.org, "1001")
    assert (listed.number, listed.person, listed.class_, listed.reason_code) == (number, "50", "report", "good-care")

    call(world, consent.lift, exclusion=number)

    told = world.rows(
        "select action, (detail ->> 'exclusion')::int as number from audit_event where event = 'exclude' order by action"
    )
    assert [tuple(row) for row in told] == [("C", number), ("D", number)]
    assert consent.exclusions(world.gateway, world.org, "1001") == []
    with pytest.raises(NotFound):
        call(world, consent.lift, exclusion=number)


def test_an_objection_elsewhere_forbids_until_the_registry_says_otherwise(world: World) -> None:
    world.link("50", "private-medical")
    call(world, consent.record_external, decision="deny", source_ref="mitz/1", class_="report")
    assert "Observation" not in types(world)

    call(world, consent.record_external, decision="permit", source_ref="mitz/2", class_="report", person="50")
    assert "Observation" in types(world)

    call(world, consent.record_external, decision="deny", source_ref="mitz/2", class_="report", person="50")
    assert "Observation" not in types(world)
    assert [one.source_ref for one in consent.externals(world.gateway, world.org, "1001")] == ["mitz/1", "mitz/2"]

    for ref in ("mitz/1", "mitz/2"):
        call(world, consent.end_external, source_ref=ref)
    assert "Observation" in types(world)
    with pytest.raises(NotFound):
        call(world, consent.end_external, source_ref="mitz/1")


@pytest.mark.parametrize(("rule", "kept"), [(True, True), (False, False)])
def test_what_portals_hold_at_a_death_stays_or_goes_as_the_organisation_has_it(world: World, rule: bool, kept: bool) -> None:
    world.rows("update organisation set freeze_on_death = %s where id = %s returning id", rule, world.org)
    world.link("50", "private-medical")
    types(world)

    call(world, consent.died)
    world.store(world.report("9"))

    assert (types(world) == ALL) is kept
    assert world.ref("Observation", "9") not in world.held("50")


def test_the_end_of_care_stops_sharing_when_it_comes_and_can_be_undone(world: World) -> None:
    world.link("50", "private-medical")
    call(world, consent.end_care, at=START + timedelta(days=1))
    assert types(world) == ALL

    world.clock.pass_time(days=1)
    assert types(world) == set()

    call(world, consent.resume)
    assert types(world) == ALL
