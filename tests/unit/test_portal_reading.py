"""The sample portal's own reading of FHIR: rights first, then what a page says."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples.portal.reading.agenda import appointments
from samples.portal.reading.careplan import plans
from samples.portal.reading.dutchtime import covers, moment
from samples.portal.reading.measurements import series
from samples.portal.reading.people import human_name, relation
from samples.portal.reading.resources import Contents, parse
from samples.portal.reading.rights import Level, Reader, allowed, level_of, reader_of, reduced, visible
from samples.portal.reading.timeline import folded, marked, reports
from tests import portal_bundles as made

TODAY = date(2026, 3, 2)
DOSSIER = ["Observation", "Composition", "CarePlan", "Goal", "Condition", "QuestionnaireResponse", "DocumentReference"]
KINDS = [*DOSSIER, "Appointment", "Communication", "Patient", "RelatedPerson", "CareTeam", "Organization", "Anything"]
AUDIENCES = ["circle", "trust-group", "provider-and-trust-group", "provider", "something-new"]

items = st.builds(
    lambda kind, audiences, confidentiality: {
        "resourceType": kind,
        "id": "x",
        "meta": {
            "security": [
                *({"system": f"{made.BASE}/CodeSystem/audience", "code": code} for code in audiences),
                {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": confidentiality},
            ]
        },
    },
    st.sampled_from(KINDS),
    st.lists(st.sampled_from(AUDIENCES), max_size=2),
    st.sampled_from(["N", "R", "V"]),
)


def codes(item: dict[str, Any]) -> set[str]:
    return {label["code"] for label in item["meta"]["security"]}


# Rights


@given(item=items)
def test_a_basic_member_never_sees_a_dossier_type_or_a_narrower_audience(item: dict[str, Any]) -> None:
    if allowed(item, Level.BASIC):
        assert item["resourceType"] not in DOSSIER
        assert codes(item) <= {"circle", "N", "R"}


@given(item=items, level=st.sampled_from(Level))
def test_nobody_sees_what_never_leaves_or_is_the_providers(item: dict[str, Any], level: Level) -> None:
    if codes(item) & {"V", "provider", "something-new"}:
        assert not allowed(item, level)


@given(item=items)
def test_each_level_sees_all_that_the_one_below_sees(item: dict[str, Any]) -> None:
    assert not allowed(item, Level.NONE)
    assert not allowed(item, Level.BASIC) or allowed(item, Level.PRIVATE_MEDICAL)


@given(item=items)
def test_an_item_without_audience_is_seen_by_nobody(item: dict[str, Any]) -> None:
    if allowed(item, Level.PRIVATE_MEDICAL) and not codes(item) & set(AUDIENCES):
        assert item["resourceType"] in {"Patient", "RelatedPerson", "CareTeam", "Organization"}


@pytest.mark.row("C18")
@given(item=items, level=st.sampled_from(Level))
def test_without_a_second_proof_no_part_of_the_dossier_is_visible_at_any_level(item: dict[str, Any], level: Level) -> None:
    shown = [*visible(Contents([item]), Reader(level=level, confirmed=False))]

    assert not [one for one in shown if one["resourceType"] in DOSSIER]
    assert not (shown and codes(item) & {"trust-group", "provider-and-trust-group"})


def test_a_whole_appointment_is_reduced_for_a_basic_member() -> None:
    whole = made.appointment("a", TODAY, 8, "Verzorging", whole=True) | {"reasonCode": [{"text": "geheim"}]}

    seen = reduced(whole, Reader(level=Level.BASIC))

    assert set(seen) == {"resourceType", "id", "status", "start", "end", "comment", "serviceType"}


@pytest.mark.parametrize(
    ("participant", "level"),
    [
        ({"role": [{"coding": [{"system": f"{made.BASE}/CodeSystem/right", "code": "private-medical"}]}]}, Level.PRIVATE_MEDICAL),
        ({"role": [{"coding": [{"system": "elsewhere", "code": "private-medical"}]}]}, Level.NONE),
        ({"role": [{"coding": [{"system": f"{made.BASE}/CodeSystem/right", "code": "everything"}]}]}, Level.NONE),
        ({}, Level.NONE),
    ],
)
def test_a_level_that_is_not_known_is_none(participant: dict[str, Any], level: Level) -> None:
    assert level_of(participant, TODAY) is level


@pytest.mark.parametrize(
    ("period", "level"),
    [
        ({"start": "2026-03-02", "end": "2026-03-02"}, Level.BASIC),
        ({"end": "2026-03-01"}, Level.NONE),
        ({"start": "2026-03-03"}, Level.NONE),
    ],
)
def test_a_right_holds_within_its_period(period: dict[str, str], level: Level) -> None:
    participant = made.care_team({"piet": "basic"})["participant"][0] | {"period": period}

    assert level_of(participant, TODAY) is level


def test_of_two_entries_for_one_member_the_lowest_counts() -> None:
    team = made.care_team({"anna": "private-medical"})
    lower = made.care_team({"anna": "basic"}) | {"id": "other"}

    assert reader_of(Contents([team, lower]), made.ANNA, TODAY).level is Level.BASIC


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2026-03-01T23:00:00Z", "2027-12-31T23:00:00Z", date(2026, 3, 2), date(2027, 12, 31)),
        ("2026-03-02", "2027-12-31", date(2026, 3, 2), date(2027, 12, 31)),
        ("2026-03", "2027", date(2026, 3, 1), date(2027, 12, 31)),
    ],
)
def test_a_period_begins_and_ends_with_dutch_days(start: str, end: str, first: date, last: date) -> None:
    day = timedelta(days=1)

    assert [covers(start, end, one) for one in (first - day, first, last, last + day)] == [False, True, True, False]
    assert covers("", "", first)


def test_a_team_that_ended_gives_no_rights() -> None:
    ended = made.care_team() | {"status": "inactive"}

    assert reader_of(Contents([ended]), made.ANNA, TODAY).level is Level.NONE


def test_contact_details_of_others_are_taken_off() -> None:
    contents = visible(Contents(made.people()), Reader(level=Level.PRIVATE_MEDICAL, reference="RelatedPerson/anna"))

    assert {person["id"] for person in contents.of("RelatedPerson") if "telecom" in person} == {"anna"}


# Measurements


def measured(**more: Any) -> Any:
    body = json.dumps(made.measurement("m", "2026-03-02", "29463-7", **more)).replace('"72.50"', "72.50")
    [one] = series(parse([body.encode()]))
    return one


def test_every_digit_of_a_measurement_is_shown() -> None:
    assert measured(valueQuantity={"value": "72.50", "unit": "kg"}).items[0].text == "72,50 kg"


@pytest.mark.parametrize(
    "more",
    [
        {"dataAbsentReason": {"coding": [{"code": "error"}]}, "note": [{"text": "Cek"}]},
        {"valueString": "Cek"},
        {"valueQuantity": {"value": 33.3, "comparator": ">", "unit": "mmol/L"}},
        {"valueQuantity": {"value": 10**400, "unit": "kg"}},
    ],
)
def test_what_is_no_number_is_told_but_not_drawn(more: dict[str, Any]) -> None:
    one = measured(**more)

    assert one.items[0].text
    assert not one.items[0].readable
    assert one.chart()["times"] == []


def test_half_a_blood_pressure_shows_the_half_that_is_known() -> None:
    item = made.pressure("p", "2026-03-02T08:00:00+01:00", 142, 84)
    del item["component"][1]["valueQuantity"]
    item["component"][1]["dataAbsentReason"] = {"coding": [{"code": "unknown"}]}

    [one] = series(parse([json.dumps(item).encode()]))

    assert one.items[0].text == "142 / – mmHg"
    assert [line["numbers"] for line in one.chart()["lines"]] == [[142.0], [None]]


def test_a_score_without_unit_is_a_number_too() -> None:
    score = made.measurement("s", "2026-03-02", "225908003", valueInteger=4)

    [one] = series(parse([json.dumps(score).encode()]))

    assert (one.label, one.items[0].text, one.chart()["lines"][0]["numbers"]) == ("Pijnscore", "4", [4.0])


def test_two_units_are_two_series() -> None:
    items = [
        made.measurement("a", "2026-03-01", "29463-7", valueQuantity=made.quantity(72, "kg")),
        made.measurement("b", "2026-03-02", "29463-7", valueQuantity=made.quantity(7200, "g")),
    ]

    assert [one.unit for one in series(Contents(parse([json.dumps(item).encode() for item in items])))] == ["g", "kg"]


# Time


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-03-02", "2 maart 2026"),
        ("2026-03-02T07:05:00Z", "2 maart 2026, 08:05"),
        ("2026-07-02T23:30:00Z", "3 juli 2026, 01:30"),
        ("2026-03", "maart 2026"),
        ("2026", "2026"),
        ("2026-02-30", "None"),
        ("onbekend", "None"),
    ],
)
def test_a_moment_is_as_precise_as_it_was_written(value: str, shown: str) -> None:
    assert str(moment(value)) == shown


def test_newest_first_puts_what_has_no_time_last_in_its_day() -> None:
    written = [
        made.report("dated", "2026-03-02", "x"),
        made.report("late", "2026-03-02T22:00:00+01:00", "x"),
        made.report("early", "2026-03-02T00:05:00+01:00", "x"),
        made.report("before", "2026-03-01T23:59:00+01:00", "x"),
    ]

    assert [report.id for report in reports(Contents(written))] == ["late", "early", "dated", "before"]


# Texts and people


@given(st.text(), st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_marking_what_was_found_changes_no_letter(words: str, searched: list[str]) -> None:
    assert "".join(piece for piece, _ in marked(words, [folded(word) for word in searched])) == words


def test_names_are_those_that_people_use() -> None:
    patient, anna, *_ = made.people()

    assert human_name(patient) == "Willemien van der Zande-Bos"
    assert human_name({"name": [{"family": "Bos", "given": ["W.", "M."]}]}) == "W.M. Bos"
    assert human_name({}) == ""
    assert relation(anna) == "dochter, eerste contactpersoon"


def test_only_the_plan_in_force_is_shown() -> None:
    plan, *rest = made.care_plan(TODAY)
    over = plan | {"id": "over", "period": {"start": "2024-01-01", "end": "2025-01-01"}}
    stopped = plan | {"id": "stopped", "status": "revoked"}

    [shown] = plans(Contents([plan, over, stopped, *rest]), TODAY)

    assert [domain.number for domain in shown.domains] == ["1", "3", "4"]


def test_remarks_and_the_day_to_reach_a_goal_by_are_told() -> None:
    plan, goal, action, *rest = made.care_plan(TODAY)
    goal |= {"note": [{"text": "Samen besproken."}], "target": [{"dueDate": "2026-05-01"}]}
    action |= {"note": [{"text": "Verband ligt in de gang."}]}

    [shown] = plans(Contents([plan, goal, action, *rest]), TODAY)
    found = next(one for domain in shown.domains for one in domain.goals if one.note)

    assert (found.note, str(found.due), found.actions[0].note) == ("Samen besproken.", "1 mei 2026", "Verband ligt in de gang.")


def test_instructions_travel_with_a_whole_appointment_only() -> None:
    whole = made.appointment("a", TODAY, 8, "Verzorging", whole=True) | {"patientInstruction": "Graag nuchter blijven."}

    told = [
        appointments(Contents([reduced(whole, Reader(level=level))]))[0].instruction
        for level in (Level.BASIC, Level.PRIVATE_MEDICAL)
    ]

    assert told == ["", "Graag nuchter blijven."]


def test_a_soep_line_that_was_withheld_leaves_the_others() -> None:
    parts = [part for part in made.soep(TODAY) if part["id"] != "soep-255362007"]

    [shown] = reports(Contents(parts))

    assert [line.letter for line in shown.lines] == ["O", "E", "P"]
