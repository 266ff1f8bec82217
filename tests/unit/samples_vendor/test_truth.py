"""Vesta's truth, checked by rules written a second time, and the comparison that reads it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from samples.comparison import Write, compare
from samples.vendor.truth import truth_lines
from samples.vendor.world import World

Line = dict[str, Any]
BASE = "https://zorgsluis.example/fhir/record/vesta-delinde"


@pytest.fixture(scope="module")
def lines(world: World) -> list[Line]:
    return [line for line in truth_lines(world) if "summary" not in line]


def test_summary_lines_count_the_messages(world: World) -> None:
    told = {line["kind"]: line["records"] for line in truth_lines(world) if "summary" in line}

    assert told == Counter(message.kind for message in world.messages)


def test_each_thing_has_a_line_for_each_member_of_its_client_and_no_line_twice(world: World, lines: list[Line]) -> None:
    told = Counter((line["part"], line["member_key"]) for line in lines)
    members: dict[str, list[str | None]] = {
        client: [link.member_key for link in some] for client, some in world.members().items()
    }

    assert set(told.values()) == {1}
    assert told.keys() == {(thing.name, key) for thing in world.things.values() for key in members.get(thing.client) or [None]}


def test_the_dossier_is_for_the_trust_group_alone_and_level_none_gets_nothing(world: World, lines: list[Line]) -> None:
    levels = {link.member_key: link.level for link in world.links}
    for line in lines:
        if line["expect"] != "never":
            level = levels[line["member_key"]]
            dossier = line["part"].startswith(("measured:", "document:", "stay:"))
            assert level == "private-medical" or (level == "basic" and not dossier)
            assert line["expect"] == "whole" or level == "basic" or line["part"].startswith("relation:")


def test_every_line_names_a_message_that_tells_of_its_thing(world: World, lines: list[Line]) -> None:
    messages = {message.key: message for message in world.messages}
    for line in lines:
        number = line["part"].partition(":")[2].encode()
        assert re.search(rb"\b" + number + rb"\b", messages[line["key"]].data) or line["part"].startswith("stay:")


def test_what_carries_the_word_that_stays_inside_is_for_nobody(world: World, lines: list[Line]) -> None:
    marked = {message.key for message in world.messages if b"KANARIE-" in message.data}

    assert marked
    assert {line["expect"] for line in lines if line["key"] in marked} == {"never"}


def _portal(lines: list[Line]) -> list[Write]:
    """Return what a portal holds that was given exactly what it may have."""
    writes = []
    for number, line in enumerate(line for line in lines if line["expect"] != "never"):
        [kind] = line["yields"]
        whole = {"birthDate": "1940-01-01", "says": line["says"]} if line["expect"] == "whole" else {}
        body = {"resourceType": kind, "id": str(number), "meta": {"source": f"{BASE}/{line['stream']}#{line['key']}"}, **whole}
        writes.append(Write(member=line["member_key"], type=kind, id=str(number), op="update", body=json.dumps(body).encode()))
    return writes


def _differences(lines: list[Line], writes: list[Write]) -> set[str]:
    return {one.lie for one in compare(lines, writes, {line["member_key"]: line["member_key"] for line in lines})}


def test_a_portal_that_holds_just_that_is_found_right(lines: list[Line]) -> None:
    assert _differences(lines, _portal(lines)) == set()


def test_the_comparison_sees_what_is_missing_whole_garbled_or_too_much(lines: list[Line]) -> None:
    right = _portal(lines)
    value = next(place for place, one in enumerate(right) if one.type == "Observation" and b'"says": ["' in one.body)
    reduced = next(place for place, one in enumerate(right) if one.type == "Appointment" and b"birthDate" not in one.body)
    garbled = re.sub(rb'"says": \[.*?\]', b'"says": ["1"]', right[value].body)
    shown = right[reduced].body.replace(b'"meta"', b'"description": "x", "meta"')

    assert _differences(lines, right[1:]) == {"dropped"}
    assert _differences(lines, [*right, Write(**{**_fields(right[value]), "id": "more"})]) == {"delivered-though-withheld"}
    assert _differences(lines, [*right[:value], _with(right[value], garbled), *right[value + 1 :]]) == {"garbled"}
    assert _differences(lines, [*right[:reduced], _with(right[reduced], shown), *right[reduced + 1 :]]) == {"reduced-sent-whole"}


def _fields(write: Write) -> dict[str, Any]:
    return {name: getattr(write, name) for name in ("member", "type", "id", "op", "body")}


def _with(write: Write, body: bytes) -> Write:
    return Write(**{**_fields(write), "body": body})
