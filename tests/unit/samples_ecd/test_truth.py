"""The truth, checked against the records by rules written a second time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from samples.ecd.records import Link, Record, World
from samples.ecd.truth import truth_lines

Line = dict[str, Any]


@pytest.fixture(scope="module")
def lines(world: World) -> list[Line]:
    return [line for line in truth_lines(world) if "summary" not in line]


def _record(world: World, line: Line) -> Record:
    record = world[line["stream"]].get(line["key"])
    assert record is not None
    return record


def _links(world: World) -> dict[str, Link]:
    return {link.member_key: link for link in world.links}


def test_summary_lines_count_the_records_of_each_stream(world: World) -> None:
    told = {line["summary"]: line["records"] for line in truth_lines(world) if "summary" in line}

    assert told == {stream: len(shelf) for stream, shelf in world.shelves.items()}


def test_each_record_has_a_line_for_each_member_of_its_client_and_no_line_twice(world: World, lines: list[Line]) -> None:
    members = defaultdict(set)
    for link in world.links:
        members[link.client].add(link.member_key)
    told = defaultdict(list)
    for line in lines:
        told[line["stream"], line["key"], line["part"], line["client"]].append(line["member_key"])

    for (_, _, _, client), keys in told.items():
        assert sorted(keys, key=str) == sorted(members[client] or [None], key=str)
    judged = {(stream, key) for stream, key, _, _ in told}
    assert judged == {
        (stream, key) for stream in ("clients", "relations", "reports", "care_plans", "agenda") for key in world[stream]
    }


def test_only_members_of_the_trust_group_get_anything_of_the_dossier(world: World, lines: list[Line]) -> None:
    links = _links(world)
    for line in lines:
        if line["stream"] in {"reports", "care_plans"} and line["expect"] != "never":
            assert line["expect"] == "whole"
            assert links[line["member_key"]].trust_group is not None


def test_a_member_without_a_level_gets_nothing_and_a_basic_member_nothing_whole_but_the_own_person(
    world: World, lines: list[Line]
) -> None:
    links = _links(world)
    for line in lines:
        level = links[line["member_key"]].level if line["member_key"] else "none"
        if level == "none":
            assert line["expect"] == "never"
        if level == "basic" and line["expect"] == "whole":
            assert (line["stream"], line["key"]) == ("relations", line["person"])


def test_whatever_carries_a_canary_is_never_for_anyone(world: World, lines: list[Line]) -> None:
    for line in lines:
        if line["expect"] == "never":
            continue
        record = _record(world, line)
        shown = {**record, "soapReportEntries": [one for one in record.get("soapReportEntries", ()) if not one["confidential"]]}
        assert not re.search("KANARIE", str(shown))


def test_what_the_family_wrote_does_not_come_back_to_it(world: World, lines: list[Line]) -> None:
    returned = [line for line in lines if line["stream"] == "reports" and _record(world, line)["carenId"]]

    assert returned
    assert all(line["expect"] == "never" for line in returned)
    assert {line["reason"] for line in returned} <= {
        "from-this-portal", "marked-confidential", "hidden", "class-unmapped", "not-linked",
    }  # fmt: skip


def test_reasons_come_in_their_fixed_order(world: World, lines: list[Line]) -> None:
    order = [
        "not-linked", "marked-confidential", "hidden", "class-unmapped", "not-in-audience", "from-this-portal", "no-grant",
        "level-too-low", "grant",
    ]  # fmt: skip
    for line in lines:
        if line["reason"].startswith("not-sent:"):
            assert _record(world, line)["status"] in {"DRAFT", "OLD"}
            continue
        assert line["reason"] == min(_reasons(world, line), key=order.index)


def _reasons(world: World, line: Line) -> Iterator[str]:
    """Yield every reason that holds for a line, with ``grant`` when it might also be seen."""
    record = _record(world, line)
    link = _links(world).get(line["member_key"] or "")
    if link is None:
        yield "not-linked"
    elif link.level == "none":
        yield "no-grant"
    elif link.level == "basic" and line["stream"] in {"reports", "care_plans"}:
        yield "level-too-low"
    else:
        yield "grant"
    if line["stream"] == "agenda" and (record["private"] or not record["clientPresent"]):
        yield "not-in-audience"
    if line["stream"] == "reports":
        yield from _report_reasons(record, line["part"])


def _report_reasons(report: Record, part: str) -> Iterator[str]:
    if report["confidential"] or part == "confidential":
        yield "marked-confidential"
    if report["hidden"]:
        yield "hidden"
    if report["reportTypeId"] == 999:
        yield "class-unmapped"
    if report["carenId"]:
        yield "from-this-portal"


def test_yields_count_one_resource_for_each_thing_in_the_record(world: World, lines: list[Line]) -> None:
    total: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    seen = set()
    for line in lines:
        place = line["stream"], line["key"], line["part"]
        if place in seen:
            continue
        seen.add(place)
        for kind, count in line["yields"].items():
            total[line["stream"], line["key"]][kind] += count

    for (stream, key), counts in total.items():
        record = world[stream].get(key)
        assert record is not None
        assert dict(counts) == _yields(stream, record)


def _yields(stream: str, record: Record) -> dict[str, int]:
    if stream == "care_plans":
        entries = record["carePlanEntries"]
        return {"CarePlan": 1 + sum(len(one["actionEntries"]) for one in entries), "Goal": len(entries)}
    if stream == "reports" and record["reportTypeId"] == 315:
        lines = record["soapReportEntries"]
        return {"Composition": len({one["confidential"] for one in lines}), "Observation": len(lines)}
    types = {"clients": "Patient", "relations": "RelatedPerson", "reports": "Observation", "agenda": "Appointment"}
    return {types[stream]: 1}


def test_a_partly_confidential_report_is_two_parts(world: World, lines: list[Line]) -> None:
    mixed = {
        str(report["id"])
        for report in world["reports"].all()
        if len({line["confidential"] for line in report["soapReportEntries"]}) == 2
    }
    parts = defaultdict(set)
    for line in lines:
        if line["stream"] == "reports":
            parts[line["key"]].add(line["part"])

    assert mixed
    assert {key for key, names in parts.items() if names == {"", "confidential"}} == mixed
