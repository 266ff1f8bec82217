"""The rules of who sees what, case by case; what holds of all of them is in test_properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.disclosure.decide import (
    ClassRule,
    Facts,
    Grant,
    Policy,
    Subscriber,
    Verdict,
    decide,
)
from gateway.disclosure.reasons import CODES, LADDER, SENTENCES
from tests.unit.disclosure.cases import NOW

REPORT = Facts(rkey=1, rtype="Observation", rid="r", rule=ClassRule(class_="report", audience="trust-group", label="R"))
VISIT = Facts(
    rkey=2,
    rtype="Appointment",
    rid="v",
    rule=ClassRule(class_="calendar", audience="circle", basic_projection="reduced", label="N"),
    data_at=NOW,
)
MESSAGE = Facts(rkey=3, rtype="Communication", rid="m", rule=ClassRule(class_="message", audience=None, basic_projection="whole"))
MEMBER = Subscriber(person=1, link_state="active", acr=2)
BASIC = Grant(id=1, person=1, level="basic", valid_from=NOW - timedelta(days=1))
TRUSTED = replace(BASIC, id=2, level="private-medical")


def code(item: Facts, *granted: Grant, subscriber: Subscriber = MEMBER, **policy: object) -> str:
    return decide(item, subscriber, Policy(grants=granted, **policy), NOW).code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("item", "granted", "expected"),
    [
        (REPORT, [TRUSTED], Verdict(code="grant", projection="whole", grant_id=2)),
        (REPORT, [BASIC], Verdict(code="level-too-low", grant_id=1)),
        (VISIT, [BASIC], Verdict(code="grant", projection="reduced", grant_id=1)),
        (VISIT, [TRUSTED], Verdict(code="grant", projection="whole", grant_id=2)),
        (VISIT, [BASIC, TRUSTED], Verdict(code="grant", projection="whole", grant_id=2)),
        (VISIT, [], Verdict(code="no-grant")),
        (VISIT, [replace(BASIC, level="none")], Verdict(code="no-grant")),
        (MESSAGE, [BASIC], Verdict(code="level-too-low", grant_id=1)),
        (MESSAGE, [TRUSTED], Verdict(code="grant", projection="whole", grant_id=2)),
        (replace(MESSAGE, audience="circle"), [BASIC], Verdict(code="grant", projection="whole", grant_id=1)),
        (replace(REPORT, audience="circle"), [BASIC], Verdict(code="level-too-low", grant_id=1)),
        (replace(VISIT, audience="trust-group"), [BASIC], Verdict(code="level-too-low", grant_id=1)),
        (replace(VISIT, audience="provider"), [TRUSTED], Verdict(code="not-in-audience")),
        (replace(VISIT, rule=None), [TRUSTED], Verdict(code="class-unmapped")),
        (replace(REPORT, rule=ClassRule(class_="report", audience=None)), [TRUSTED], Verdict(code="unlabelled")),
    ],
)
def test_who_sees_what(item: Facts, granted: list[Grant], expected: Verdict) -> None:
    assert decide(item, MEMBER, Policy(grants=granted), NOW) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": "suspended"}, "grant-suspended"),
        ({"status": "withdrawn"}, "no-grant"),
        ({"valid_from": NOW + timedelta(seconds=1)}, "grant-outside-period"),
        ({"valid_to": NOW}, "grant-outside-period"),
        ({"data_from": NOW + timedelta(days=1)}, "before-data-period"),
        ({"data_to": NOW}, "before-data-period"),
        ({"classes": frozenset({"report"})}, "class-not-in-grant"),
    ],
)
def test_a_grant_that_falls_short_says_on_what(change: dict[str, object], expected: str) -> None:
    assert code(VISIT, replace(TRUSTED, **change)) == expected  # type: ignore[arg-type]


def test_of_several_grants_the_one_that_comes_furthest_is_the_reason() -> None:
    suspended = replace(TRUSTED, id=3, status="suspended")
    assert code(REPORT, suspended, BASIC) == "level-too-low"


def test_a_dossier_item_needs_a_portal_that_asks_for_the_extra_step() -> None:
    plain = replace(MEMBER, acr=1)
    assert code(REPORT, TRUSTED, subscriber=plain) == "step-up-missing"
    assert code(VISIT, TRUSTED, subscriber=plain) == "grant"


def test_a_relation_sees_its_own_record_whole_and_others_by_name_and_role() -> None:
    relation = Facts(
        rkey=4,
        rtype="RelatedPerson",
        rid="mine",
        rule=ClassRule(class_="profile", audience="circle", basic_projection="name-role"),
    )
    for grant in (BASIC, TRUSTED):
        policy = Policy(grants=[grant])
        assert decide(relation, replace(MEMBER, related_rid="mine"), policy, NOW).projection == "whole"
        assert decide(relation, replace(MEMBER, related_rid="other"), policy, NOW).projection == "name-role"
        assert decide(relation, MEMBER, policy, NOW).projection == "name-role"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"withdrawn": True, "labels": frozenset({"V", "hidden"})}, "resource-withdrawn"),
        ({"labels": frozenset({"confidential", "hidden"})}, "marked-confidential"),
        ({"labels": frozenset({"V"})}, "marked-confidential"),
        ({"labels": frozenset({"hidden", "third-party"})}, "hidden"),
        ({"labels": frozenset({"third-party"}), "rule": None}, "third-party-info"),
    ],
)
def test_the_first_reason_in_the_lists_order_is_the_one_given(change: dict[str, object], expected: str) -> None:
    assert code(replace(REPORT, **change), TRUSTED) == expected  # type: ignore[arg-type]


def test_what_came_from_a_portal_does_not_go_back_to_it_but_goes_to_another() -> None:
    item = replace(REPORT, origin_portal="caren")
    assert code(item, TRUSTED, subscriber=replace(MEMBER, origin="caren")) == "from-this-portal"
    assert code(item, TRUSTED, subscriber=replace(MEMBER, origin="other")) == "grant"
    assert code(item, TRUSTED, subscriber=MEMBER) == "grant"


def test_every_code_has_a_sentence_in_both_languages() -> None:
    assert list(SENTENCES) == list(CODES)
    for sentence in SENTENCES.values():
        assert sentence.nl.endswith(".")
        assert sentence.en.endswith(".")
        assert sentence.nl != sentence.en


def test_the_ladder_is_the_end_of_the_list() -> None:
    assert CODES[-len(LADDER) :] == LADDER


def test_a_portal_gets_what_its_manifest_says_it_is_for() -> None:
    calendar = replace(MEMBER, audiences=frozenset({"circle"}))

    assert code(VISIT, TRUSTED, subscriber=calendar) == "grant"
    assert code(REPORT, TRUSTED, subscriber=calendar) == "not-in-audience"
    assert code(REPORT, TRUSTED, subscriber=replace(MEMBER, audiences=frozenset({"trust-group"}))) == "grant"


def test_a_pull_that_does_not_say_when_it_signed_in_did_so_too_long_ago() -> None:
    minutes = replace(MEMBER, step_up_minutes=15)

    assert code(REPORT, TRUSTED, subscriber=minutes) == "grant"
    assert code(REPORT, TRUSTED, subscriber=replace(minutes, pull=True)) == "step-up-missing"
    assert code(REPORT, TRUSTED, subscriber=replace(minutes, pull=True, auth_time=NOW - timedelta(minutes=14))) == "grant"
    assert code(VISIT, TRUSTED, subscriber=replace(minutes, pull=True)) == "grant"
