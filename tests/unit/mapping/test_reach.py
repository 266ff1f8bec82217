"""How far a change of the maps reaches: what is passed by comes out the same, and what is compared differs as in a full comparison."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.mapping.compiler import compile_set
from gateway.mapping.diff import Comparison
from gateway.mapping.engine import MappingSet
from gateway.mapping.findings import MappingError
from gateway.mapping.reach import reach
from gateway.mapping.versions import compile_files, shipped_files
from gateway.model import SourceRecord
from tests.golden.cases import cases
from tests.unit.mapping.kit import IDS, record

# Maps that get in each other's way in every manner there is: one type made by several, one resource named by two, names, secrecy, faults.
HEAD: Final[dict[str, Any]] = {"version": "1.0.0", "zone": "Europe/Amsterdam"}
CLIENT: Final[dict[str, Any]] = {"type": "Patient", "key": ["client", "{clientId}"]}
SUBJECT: Final[dict[str, Any]] = {
    "id": "S",
    "from": "clientId",
    "to": "subject",
    "as": "reference",
    "with": CLIENT,
    "required": True,
}
CODE: Final[dict[str, Any]] = {"id": "C", "to": "code.text", "const": "x"}
FINAL: Final[dict[str, Any]] = {"id": "F", "to": "status", "const": "final"}
MAPS: Final[dict[str, dict[str, Any]]] = {
    "client.yaml": {
        "map": "ecd.client -> Patient",
        "key": ["client", "{id}"],
        "class": "patient",
        "rows": [
            {"id": "P.1", "from": "birthDate", "to": "birthDate"},
            {"id": "P.2", "from": "gender", "to": "gender", "codes": "sexes"},
        ],
    },
    "named.yaml": {
        "map": "ecd.report -> Patient",
        "key": ["client", "{clientId}"],
        "class": "patient",
        "write": "ensure",
        "rows": [{"id": "N.1", "from": "who", "to": "name[].text"}],
    },
    "named_too.yaml": {
        "map": "ecd.report[who] -> Patient",
        "key": ["client", "{otherId}"],
        "class": "patient",
        "write": "ensure",
        "rows": [{"id": "N.2", "from": "birthDate", "to": "birthDate"}],
    },
    "weight.yaml": {
        "map": "ecd.report[kind = weight] -> Observation @weight",
        "key": ["report", "{id}"],
        "class": "weight",
        "rows": [
            FINAL,
            CODE,
            SUBJECT,
            {"id": "W.1", "from": "value", "to": "valueQuantity", "as": "quantity", "unit": "unit", "required": True},
            {"id": "W.2", "label": "V", "when": "secret = yes"},
            {"id": "W.3", "from": "at", "to": "data_at", "into": "facts"},
        ],
    },
    "note.yaml": {
        "map": "ecd.report[kind in note weight] -> Observation @note",
        "key": ["note", "{id}"],
        "class": "note",
        "rows": [
            FINAL,
            CODE,
            SUBJECT,
            {"id": "O.1", "from": "text", "to": "valueString"},
            {"id": "O.2", "from": "sign", "to": "interpretation[]", "codes": "signs"},
        ],
    },
    "plan.yaml": {
        "map": "ecd.report[plan] -> CarePlan",
        "key": ["plan", "{id}"],
        "class": "plan",
        "rows": [
            {"id": "L.1", "to": "status", "const": "active"},
            {"id": "L.2", "to": "intent", "const": "plan"},
            SUBJECT,
            {"id": "L.3", "from": "@note", "to": "supportingInfo[]", "as": "reference"},
            {"id": "L.4", "from": "count", "to": "note[].text", "as": "string"},
        ],
    },
    "goal.yaml": {
        "map": "ecd.report[kind = goal] -> Goal",
        "key": ["goal", "{id}"],
        "class": "goal",
        "rows": [
            {"id": "G.1", "to": "lifecycleStatus", "const": "active"},
            {"id": "G.2", "from": "text", "to": "description.text", "required": True},
            SUBJECT,
            {
                "id": "G.3",
                "to": "addresses[]",
                "as": "reference",
                "when": "refers",
                "with": {"type": "Observation", "key": ["note", "{id}"]},
            },
            {"id": "G.4", "to": "set_aside", "into": "facts", "const": "by its status", "when": "aside"},
        ],
    },
}
SIGNS: Final = ["signs,,H,http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation,H,High,equivalent,"]
SEXES: Final = ["sexes,,V,,female,,equivalent,", "sexes,,M,,male,,equivalent,"]
COLUMNS: Final = "map,source_system,source_code,target_system,target_code,target_display,relation,note"
UNITS: Final = ["kilo,kg,kg,", "gram,g,g,"]

FIELDS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "kind": st.sampled_from(["weight", "note", "goal", "other"]),
    "who": st.sampled_from(["", "Jan"]),
    "birthDate": st.sampled_from(["1940-01-02", "nooit", ""]),
    "value": st.sampled_from(["72.4", "72.40", "zwaar", ""]),
    "unit": st.sampled_from(["kilo", "gram", "pond", ""]),
    "secret": st.sampled_from(["yes", ""]),
    "at": st.sampled_from(["2026-03-01T08:00:00", ""]),
    "text": st.sampled_from(["rustig", ""]),
    "sign": st.sampled_from(["H", "L", ""]),
    "plan": st.sampled_from(["ja", ""]),
    "count": st.sampled_from(["3", ""]),
    "refers": st.sampled_from(["ja", ""]),
    "aside": st.sampled_from(["ja", "", ""]),
    "clientId": st.sampled_from([12, 12, ""]),
    "otherId": st.sampled_from([12, 13]),
}
RECORDS: Final = st.lists(st.fixed_dictionaries(FIELDS), min_size=1, max_size=6)

ROW_CHANGES: Final[list[dict[str, Any]]] = [
    {"required": True},
    {"required": False},
    {"when": "kind = weight"},
    {"unless": "secret = yes"},
    {"own": "said otherwise"},
    {"const": "preliminary"},
    {"const": "y"},
    {"from": "text"},
    {"unmapped": "keep"},
    {"unmapped": "reject-message"},
    {"with": {"min": 50}},
    {"zone": "Europe/London"},
]
ADDED: Final[list[dict[str, Any]]] = [
    {"id": "X", "label": "V", "when": "text"},
    {"id": "X", "label": "hidden"},
    {"id": "X", "to": "audience", "into": "facts", "const": "circle"},
    {"id": "X", "to": "set_aside", "into": "facts", "const": "no use", "when": "sign = H"},
    {"id": "X", "from": "count", "to": "note[].text", "as": "string", "required": True},
]
KEY_CHANGES: Final[list[dict[str, Any]]] = [
    {"zone": "America/New_York"},
    {"version": "1.0.1"},
    {"write": "ensure"},
    {"write": "patch"},
    {"key": ["other", "{id}"]},
    {"key": ["client", "{clientId}"]},
    {"class": "another"},
    {"map": "ecd.report[sign] -> Observation @note"},
    {"map": "ecd.report -> Goal"},
    {"unmapped": "keep"},
]


def files(maps: Mapping[str, dict[str, Any]], signs: list[str], sexes: list[str], units: list[str]) -> dict[str, bytes]:
    """Return a set as it is written."""
    return {
        **{name: json.dumps({**HEAD, **content}).encode() for name, content in maps.items()},
        "codes.csv": "\n".join([COLUMNS, *signs, *sexes, ""]).encode(),
        "units.csv": "\n".join(["source_unit,ucum,display,note", *units, ""]).encode(),
    }


@st.composite
def changed_rows(draw: st.DrawFn, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of which one says something else, is gone, or is new."""
    number = draw(st.integers(0, len(rows) - 1))
    match draw(st.sampled_from(["changed", "removed", "added"])):
        case "changed":
            return [*rows[:number], {**rows[number], **draw(st.sampled_from(ROW_CHANGES))}, *rows[number + 1 :]]
        case "removed" if rows[1:]:
            return [*rows[:number], *rows[number + 1 :]]
    return [*rows, draw(st.sampled_from(ADDED))]


@st.composite
def changes(draw: st.DrawFn) -> dict[str, bytes]:
    """Return the set with something else in it: rows, keys, a map, a table, the units, or an overlay."""
    maps = {name: dict(content) for name, content in MAPS.items()}
    signs, sexes, units, more = list(SIGNS), list(SEXES), list(UNITS), {}
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(maps)))
        match draw(st.sampled_from(["rows", "rows", "rows", "keys", "map", "table", "units", "overlay"])):
            case "rows":
                maps[name]["rows"] = draw(changed_rows(maps[name]["rows"]))
            case "keys":
                maps[name] |= draw(st.sampled_from(KEY_CHANGES))
            case "map":
                del maps[name]
            case "table":
                signs = draw(st.sampled_from([[], [SIGNS[0].replace("High", "Hoog")], [*SIGNS, SIGNS[0].replace("H,", "L,")]]))
                sexes.reverse()
            case "units":
                units = draw(st.sampled_from([UNITS[:1], [*UNITS, "pond,[lb_av],lb,"]]))
            case "overlay":
                removed = f"{name.removesuffix('.yaml')}/{maps[name]['rows'][0]['id']}"
                more["overlays/own.yaml"] = json.dumps({"extends": "ecd", "zone": "Europe/Paris", "remove": [removed]}).encode()
    return {**files(maps, signs, sexes, units), **more}


def said(comparison: Comparison) -> tuple[Any, ...]:
    return comparison.messages, comparison.differing, comparison.differences()


def in_full(old: MappingSet, new: MappingSet, records: Iterable[SourceRecord]) -> Comparison:
    """Compare everything with everything."""
    found, pairs = Comparison(), [(old.map(one, IDS), new.map(one, IDS)) for one in records]
    for take in (found.take, found.show):
        for number, pair in enumerate(pairs):
            take(number, *pair)
    return found


def by_reach(old: MappingSet, new: MappingSet, records: Iterable[SourceRecord]) -> Comparison:
    """Compare what a change can reach."""
    maps = reach(old, new)
    found, results = Comparison(), [maps.results(one, IDS) for one in records]
    for number, pair in enumerate(results):
        found.pass_by() if pair is None else found.take(number, *pair)
    for number, pair in enumerate(results):
        if pair is not None:
            found.show(number, *pair)
    return found


OLD: Final = compile_set(files(MAPS, SIGNS, SEXES, UNITS), {})


@settings(max_examples=150, deadline=None)
@given(new=changes(), contents=RECORDS)
def test_what_a_change_reaches_is_all_that_differs(new: dict[str, bytes], contents: list[dict[str, Any]]) -> None:
    try:
        maps = compile_set(new, {})
    except MappingError:
        assume(False)
    records = [record(one, kind) for one in contents for kind in ("report", "client", "unknown")]

    assert said(by_reach(OLD, maps, records)) == said(in_full(OLD, maps, records))


ELSEWHERE: Final[list[tuple[str, dict[str, Any], dict[str, Any]]]] = [
    # Of the maps that changed none was for the record, and now one is.
    (
        "goal.yaml",
        {"map": "ecd.report[kind = weight] -> Goal"},
        {"kind": "weight", "value": "72.4", "unit": "kilo", "text": "rustig", "otherId": 13},
    ),
    # What is said of other maps stays said when the changed one has nothing to say any more.
    (
        "note.yaml",
        {"rows": [FINAL, CODE, SUBJECT]},
        {"kind": "note", "sign": "L", "who": "Jan", "birthDate": "nooit", "otherId": 13},
    ),
]


@pytest.mark.parametrize(("name", "change", "content"), ELSEWHERE)
def test_what_other_maps_make_of_a_record_counts(name: str, change: dict[str, Any], content: dict[str, Any]) -> None:
    new = compile_set(files({**MAPS, name: {**MAPS[name], **change}}, SIGNS, SEXES, UNITS), {})
    records = [record({"clientId": 12, **content})]

    found = said(by_reach(OLD, new, records))

    assert found == said(in_full(OLD, new, records))
    assert found[1]


HL7_CHANGES: Final[dict[str, bytes]] = {
    "a row of one map": b"extends: hl7v2\nadd: [{id: ZVV.4, into: encounter, from: ZVV-4, to: serviceProvider.display, as: string, own: x}]\n",
    "rows of several kinds": b"extends: hl7v2\nremove: [patient/PID.11, patient_named/PID.8, report/TXA.25, goal/GOL.7]\n",
    "what stays inside": b'extends: hl7v2\nadd: [{id: V, into: problem, label: V, when: "PRB-1 = AD", own: x}]\n',
    "what is needed": b'extends: hl7v2\nadd: [{id: R, into: appointment, from: SCH-26, to: "identifier[]", as: EI, required: true, own: x}]\n',
    "the zone of all": b"extends: hl7v2\nzone: Europe/London\n",
}


@pytest.mark.parametrize("change", HL7_CHANGES)
def test_over_messages_of_every_kind_a_change_differs_as_in_a_full_comparison(change: str) -> None:
    shipped = shipped_files("hl7v2")
    old, new = compile_files(shipped), compile_files({**shipped, "overlays/own.yaml": HL7_CHANGES[change]}, keep=False)
    records = [case.record() for case in cases() if case.system == "hl7v2"]

    found = said(by_reach(old, new, records))

    assert found == said(in_full(old, new, records))
    assert found[1]


def test_nothing_is_reached_by_what_means_the_same() -> None:
    signs = ["", *SIGNS]
    same = compile_set({**files(MAPS, signs, SEXES, UNITS), "more.csv": f"{COLUMNS}\nnobodys,,1,,1,,equivalent,\n".encode()}, {})

    assert same.sha256 != OLD.sha256
    assert not reach(OLD, same).before.plans
    assert reach(OLD, same).results(record({"kind": "weight"}), IDS) is None


def test_only_maps_of_a_changed_type_and_of_what_they_name_are_asked_twice() -> None:
    goal = {**MAPS["goal.yaml"], "class": "another"}
    signs = [SIGNS[0].replace("High", "Hoog")]

    by_goal = reach(OLD, compile_set(files({**MAPS, "goal.yaml": goal}, SIGNS, SEXES, UNITS), {}))
    by_table = reach(OLD, compile_set(files(MAPS, signs, SEXES, UNITS), {}))

    assert [plan.name for plan in by_goal.after.plans] == ["goal"]
    assert [plan.name for plan in by_table.after.plans] == ["note", "plan", "weight"]
    assert [plan.name for plan in by_table.others.plans] == ["client", "goal", "named", "named_too"]


def test_a_message_of_a_kind_that_no_changed_map_is_for_is_not_even_read() -> None:
    shipped = shipped_files("hl7v2")
    change = b"extends: hl7v2\nremove: [goal/GOL.7]\n"
    maps = reach(compile_files(shipped), compile_files({**shipped, "overlays/own.yaml": change}, keep=False))

    assert maps.results(SourceRecord(system="caress", kind="adt", stream="hl7v2", key="1", body=b"never read"), IDS) is None
    assert maps.results(SourceRecord(system="caress", kind="ppr", stream="hl7v2", key="1", body=b"read"), IDS) is not None
