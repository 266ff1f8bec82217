"""What the generator promises about the organisation that it makes up."""

from __future__ import annotations

import html
import re
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import islice, pairwise

import msgspec
import pytest

from samples.ecd.bsn import bsns
from samples.ecd.generate import generate
from samples.ecd.names import PersonName
from samples.ecd.records import STREAMS, World

TODAY = date(2026, 11, 21)

REPORT_FIELDS = {
    "id", "uuid", "reportingDate", "comment", "flagged", "confidential", "hidden", "hidingReason", "parentId", "parentType", "carenId",
    "carenName", "carenRole", "status", "clientId", "employeeId", "reportTypeId", "carePlanEntryId", "reportEntries", "expertiseProfile",
    "reportActions", "reportAuthorizations", "soapReportEntries", "episodeIds", "restrictiveMeasureId", "createdAt", "updatedAt",
    "createdBy",
}  # fmt: skip


def _bytes(world: World) -> bytes:
    return msgspec.json.encode([[world[stream].all() for stream in STREAMS], world.links])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (generate(clients=12, days=20, seed=seed, today=TODAY) for seed in (3, 3, 4))

    assert _bytes(first) == _bytes(again)
    assert _bytes(first) != _bytes(other)


@pytest.mark.parametrize("seed", [0, 7, 12345])
def test_numbers_start_with_999_pass_the_elevenfold_test_and_never_repeat(seed: int) -> None:
    numbers = list(islice(bsns(seed), 3000))

    assert len(set(numbers)) == len(numbers) == 3000
    for number in numbers:
        assert re.fullmatch(r"999\d{6}", number)
        digits = [int(digit) for digit in number]
        weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
        assert sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11 == 0


def test_every_client_has_a_number_of_its_own_and_no_one_else_has_one(world: World) -> None:
    numbers = [client["bsn"] for client in world["clients"].all()]

    assert len(set(numbers)) == len(world["clients"])
    assert all("bsn" not in relation for relation in world["relations"].all())


@pytest.mark.parametrize(
    ("use", "prefix", "last", "formal"),
    [
        ("birthName", "van den", "Berg", "J.M. van den Berg"),
        ("partnerName", "de", "Vries", "J.M. de Vries"),
        ("partnerNameBirthName", "de", "Vries-van den Berg", "J.M. de Vries-van den Berg"),
        ("birthNamePartnerName", "van den", "Berg-de Vries", "J.M. van den Berg-de Vries"),
    ],
)
def test_a_name_is_written_in_the_order_in_which_it_is_used(use: str, prefix: str, last: str, formal: str) -> None:
    name = PersonName(first="Johanna Maria", given="Joke", own=("van den", "Berg"), partner=("de", "Vries"), use=use)

    assert (name.prefix, name.last, name.formal) == (prefix, last, formal)


def test_most_clients_are_between_seventy_and_ninety_five(world: World) -> None:
    ages = [(TODAY - date.fromisoformat(client["dateOfBirth"])).days / 365.25 for client in world["clients"].all()]

    assert sum(70 <= age <= 95 for age in ages) > 0.8 * len(ages)


def test_reports_have_the_fields_of_ons_and_no_others(world: World) -> None:
    assert all(set(report) == REPORT_FIELDS for report in world["reports"].all())


def test_every_type_of_report_occurs_the_unknown_one_too(world: World) -> None:
    types = Counter(report["reportTypeId"] for report in world["reports"].all())

    assert set(types) == {101, 102, 103, 104, 105, 108, 109, 110, 111, 311, 314, 315, 999}


def test_nothing_was_written_after_now_and_nothing_before_the_days_asked_for(world: World) -> None:
    for report in world["reports"].all():
        reported = datetime.fromisoformat(report["reportingDate"])
        created, updated = (datetime.fromisoformat(report[name]) for name in ("createdAt", "updatedAt"))
        assert world.now - timedelta(days=62) < reported <= created <= updated <= world.now


def test_times_carry_an_offset_and_milliseconds_on_both_sides_of_the_change_of_clocks(world: World) -> None:
    stamps = {report["reportingDate"][10:] for report in world["reports"].all()}

    assert all(re.fullmatch(r"T\d\d:\d\d:00\.000\+0[12]:00", text) for text in stamps)
    assert {text[-6:] for text in stamps} == {"+01:00", "+02:00"}


def test_measurements_are_strings_with_the_noise_of_practice(world: World) -> None:
    entries = [entry for report in world["reports"].all() for entry in report["reportEntries"]]
    values, units = {entry["value"] for entry in entries}, {entry["unit"] for entry in entries}

    assert all(isinstance(entry["value"], str) for entry in entries)
    assert any(re.fullmatch(r"\d+,\d", value) for value in values)
    assert any(re.fullmatch(r"\d+\.\d0", value) for value in values)
    assert {"HI", "LO", "<2,0"} & values
    assert {"Cek", "Cel", "kg", "Kg", "mm[Hg]"} <= units


def test_some_blood_pressures_have_one_side_only(world: World) -> None:
    sides = Counter(
        tuple(entry["name"] for entry in report["reportEntries"] if entry["value"])
        for report in world["reports"].all()
        if report["reportTypeId"] == 103
    )

    assert sides["systolicPressure", "diastolicPressure"] > 10 * sides["systolicPressure",] > 0
    assert set(sides) <= {("systolicPressure", "diastolicPressure"), ("systolicPressure",), ("diastolicPressure",)}


def test_texts_are_escaped_exactly_once(world: World) -> None:
    texts = [report["comment"] for report in world["reports"].all()]
    texts += [line["content"] for report in world["reports"].all() for line in report["soapReportEntries"]]

    assert any("&amp;" in text for text in texts)
    assert not any(re.search(r"[<>\"']|&(?!amp;|lt;|gt;|quot;|#x27;)", text) for text in texts)
    assert not any("&amp;" in html.unescape(text) for text in texts)


def test_texts_vary(world: World) -> None:
    texts = [report["comment"] for report in world["reports"].all() if report["reportTypeId"] == 101]

    assert len(set(texts)) > 0.7 * len(texts)
    assert not any("{" in text or "  " in text for text in texts)


def test_whatever_must_not_leave_carries_a_word_of_its_own(world: World) -> None:
    closed = [
        report for report in world["reports"].all() if report["confidential"] or report["hidden"] or report["reportTypeId"] == 999
    ]
    words = [re.findall(r"KANARIE-[\w-]+", msgspec.json.encode(report).decode()) for report in closed]
    lines = [line for report in world["reports"].all() for line in report["soapReportEntries"] if line["confidential"]]
    agenda = [one for one in world["agenda"].all() if one["private"] or not one["clientPresent"]]

    assert all(words)
    assert closed
    first = [found[0] for found in words]
    assert len(set(first)) == len(first)
    assert lines
    assert all("KANARIE-" in line["content"] for line in lines)
    assert agenda
    assert all("KANARIE-" in one["comment"] for one in agenda)


def test_what_may_leave_carries_no_such_word(world: World) -> None:
    for report in world["reports"].all():
        if report["confidential"] or report["hidden"] or report["reportTypeId"] == 999:
            continue
        shown = [report["comment"], *(line["content"] for line in report["soapReportEntries"] if not line["confidential"])]
        assert not any("KANARIE" in text for text in shown)


def test_each_client_has_one_active_plan_and_actions_under_goals(world: World) -> None:
    for client in world["clients"].all():
        plans = world["care_plans"].of_client(client["id"])
        assert Counter(plan["status"] for plan in plans)["ACTIVE"] == 1
        for entry in (entry for plan in plans for entry in plan["carePlanEntries"]):
            assert entry["demandEntry"]["demand"]["domain"]
            assert entry["goalEntry"]["goal"]["definition"]
            assert entry["actionEntries"]
    assert {plan["status"] for plan in world["care_plans"].all()} == {"ACTIVE", "OLD", "DRAFT"}


def test_persistent_ids_of_actions_are_unique(world: World) -> None:
    ids = [
        action["carePlanPersistentActionId"]
        for plan in world["care_plans"].all()
        for entry in plan["carePlanEntries"]
        for action in entry["actionEntries"]
    ]

    assert len(set(ids)) == len(ids)


def test_visits_stand_on_the_days_of_their_series_from_a_week_back_to_four_weeks_ahead(world: World) -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for visit in world["agenda"].all():
        series, day = visit["id"].split("@")
        begin = datetime.fromisoformat(visit["startsAt"])
        assert int(series) == visit["timelineId"]
        assert begin.date() == date.fromisoformat(day)
        assert -7 <= (begin.date() - TODAY).days < 28
        assert visit["recurrenceType"] == "single" or visit[days[begin.weekday()]]


def test_some_visits_are_private_some_without_the_client_and_some_last_for_days(world: World) -> None:
    visits = world["agenda"].all()
    lengths = [datetime.fromisoformat(one["endsAt"]) - datetime.fromisoformat(one["startsAt"]) for one in visits]

    assert any(one["private"] for one in visits)
    assert any(not one["clientPresent"] for one in visits)
    assert max(lengths) > timedelta(days=2)
    assert min(lengths) > timedelta()


def test_links_are_of_all_levels_some_clients_have_none_and_some_people_have_two_clients(world: World) -> None:
    linked = {link.client for link in world.links}
    accounts = Counter(link.account for link in world.links)

    assert {link.level for link in world.links} == {"none", "basic", "private-medical"}
    assert 0 < len(linked) < len(world["clients"])
    assert 2 in accounts.values()
    for link in world.links:
        relation = world["relations"].get(link.person)
        assert relation is not None
        assert str(relation["clientId"]) == link.client
        assert (link.trust_group is not None) == (link.level == "private-medical")


def test_the_stream_of_reports_is_not_in_the_order_of_the_changes(world: World) -> None:
    updated = [report["updatedAt"] for report in world["reports"].all()]

    assert any(later < earlier for earlier, later in pairwise(updated))
