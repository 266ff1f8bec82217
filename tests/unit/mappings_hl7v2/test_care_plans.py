"""Problems, goals, pathways and referrals: what belongs together, what an action does, and what stays inside."""

from __future__ import annotations

from typing import Final

import pytest

from gateway.model import Mapped
from tests.unit.mappings_hl7v2.results_messages import CLIENT, mapped

PROBLEM: Final = "PRB|{action}|20260305103000+0100|{code}|{number}^CARESS"
GOAL: Final = "GOL|{action}|20260305103000+0100|D^Loopt veilig^L|{number}^CARESS"


def prb(number: str, action: str = "AD", code: str = "VAL^Valgevaar^L", sensitivity: str = "") -> str:
    """Return a PRB."""
    return PROBLEM.format(number=number, action=action, code=code) + "|" * 21 + sensitivity


def gol(number: str, action: str = "AD") -> str:
    """Return a GOL."""
    return GOAL.format(number=number, action=action)


def plan(kind: str, *segments: str) -> dict[str, Mapped]:
    """Return what a message gives, by the number that it has at the sender."""
    result = mapped(kind, CLIENT, *segments)
    assert result.outcome in ("ok", "ok-with-issues"), result.reason
    return {one.body["identifier"][0]["value"]: one for one in result.mapped if one.type in ("Condition", "Goal", "CarePlan")}


def addressed(one: Mapped) -> list[str]:
    """Return what a goal or a pathway is for."""
    return [reference["reference"] for reference in one.body.get("addresses", ())]


def test_in_a_problem_message_goals_and_pathways_are_for_the_problem_before_them() -> None:
    made = plan("PPR^PC1", prb("P1"), gol("G1"), "PTH|AD|Z^Zorgpad^L|T1^CARESS", prb("P2"), gol("G2"), gol("G3"))
    problems = {number: f"Condition/{made[number].id}" for number in ("P1", "P2")}

    assert [addressed(made[number]) for number in ("G1", "T1")] == [[problems["P1"]]] * 2
    assert [addressed(made[number]) for number in ("G2", "G3")] == [[problems["P2"]]] * 2


def test_in_a_goal_message_the_problem_stands_under_the_goal() -> None:
    made = plan("PGL^PC6", gol("G1"), prb("P1"), gol("G2"), gol("G3"), prb("P3"))

    assert addressed(made["G1"]) == [f"Condition/{made['P1'].id}"]
    assert addressed(made["G2"]) == []
    assert addressed(made["G3"]) == [f"Condition/{made['P3'].id}"]


def test_notes_and_who_is_responsible_go_with_what_they_stand_right_under() -> None:
    role = "ROL||AD|PP^verantwoordelijke^L|90001234^Bakker^M.^^^^^^AGB"
    made = plan(
        "PPR^PC1", prb("P1"), "NTE|1|L|bij P1", role, gol("G1"), prb("P2"), gol("G2"), "NTE|1|L|bij G2", "NTE|2|L|en nog een"
    )

    assert {number: one.body.get("note") for number, one in made.items()} == {
        "P1": [{"text": "bij P1"}],
        "G1": None,
        "P2": None,
        "G2": [{"text": "bij G2\nen nog een"}],
    }
    assert [number for number, one in made.items() if "recorder" in one.body] == ["P1"]


@pytest.mark.parametrize(
    ("kind", "segment"), [("PPR^PC3", prb("X1", "DE")), ("PPR^PC3", prb("X1", "")), ("PPR^PC2", prb("X1", "DE"))]
)
def test_a_deleted_problem_is_taken_back_and_was_never_true(kind: str, segment: str) -> None:
    gone = plan(kind, segment)["X1"]

    assert gone.withdrawn
    assert gone.body["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in gone.body


@pytest.mark.parametrize(
    ("kind", "segment"), [("PGL^PC8", gol("X1", "DE")), ("PGL^PC8", gol("X1", "")), ("PGL^PC7", gol("X1", "DE"))]
)
def test_a_deleted_goal_is_taken_back(kind: str, segment: str) -> None:
    gone = plan(kind, segment)["X1"]

    assert (gone.withdrawn, gone.body["lifecycleStatus"]) == (True, "entered-in-error")


@pytest.mark.parametrize("action", ["LI", "UN", "UC"])
def test_a_problem_that_is_named_for_its_links_alone_is_never_changed(action: str) -> None:
    assert plan("PGL^PC7", gol("G1", "UP"), prb("P1", action))["P1"].write == "ensure"
    assert plan("PPR^PC2", prb("P1", "UP"))["P1"].write == "snapshot"


@pytest.mark.parametrize(("goal", "problem"), [("UN", "UC"), ("UP", "UN")])
def test_an_unlinked_goal_no_longer_refers_to_its_problem(goal: str, problem: str) -> None:
    assert addressed(plan("PPR^PC2", prb("P1", problem), gol("G1", goal))["G1"]) == []


@pytest.mark.parametrize("sensitivity", ["PSY^psychiatrie^HL70177", "V", "R", "HIV", "onbekend"])
def test_a_sensitive_problem_stays_inside_and_nothing_that_may_leave_refers_to_it(sensitivity: str) -> None:
    made = plan("PPR^PC1", prb("P1", sensitivity=sensitivity), gol("G1"))

    assert made["P1"].labels == {"V"}
    assert not made["G1"].labels
    assert addressed(made["G1"]) == []


@pytest.mark.parametrize(("system", "claims"), [("ICD10", True), ("ICPC", True), ("OMAHA", True), ("L", False), ("SCT", False)])
def test_the_dutch_profile_is_claimed_for_coding_systems_that_it_takes_whole(system: str, claims: bool) -> None:
    problem = plan("PPR^PC1", prb("P1", code=f"E11^Diabetes^{system}"))["P1"]

    assert ("meta" in problem.body) is claims
    assert problem.body["code"]["coding"][0]["code"] == "E11"


@pytest.mark.parametrize(
    ("kind", "state", "status"), [("I12", "", "active"), ("I13", "A", "active"), ("I13", "R", "revoked"), ("I14", "A", "revoked")]
)
def test_a_referral_is_under_way_until_it_is_refused_or_taken_back(kind: str, state: str, status: str) -> None:
    result = mapped(f"REF^{kind}", f"RF1|{state}|||||VW1^ZORGDOMEIN", CLIENT)
    [referral] = [one for one in result.mapped if one.type == "ServiceRequest"]

    assert referral.body["status"] == status
    assert {one.id for one in mapped("REF^I12", "RF1||||||VW1^ZORGDOMEIN", CLIENT).mapped} >= {referral.id}
