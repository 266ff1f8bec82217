"""What holds for every record."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.jsonbytes import dumps, loads
from gateway.mapping.r4 import resource_problems
from gateway.model import MapResult
from tests.unit.mapping.kit import CONCEPTS, IDS, build, leaves, record

UNITS = "source_unit,ucum,display,note\nkg,kg,kg,\nCek,Cel,°C,\n"
WIDE = """
map: ecd.report -> Observation @report
version: "1.0.0"
key: [report, "{id}"]
class: "report/{reportTypeId}"
zone: Europe/Amsterdam
profile: nl-core-BodyWeight
rows:
  - {id: W.1, to: status, from: status, codes: status}
  - {id: W.2, to: status, const: final}
  - {id: W.3, to: code, const: {system: "http://loinc.org", code: 29463-7}}
  - {id: W.4, from: clientId, to: subject, as: reference, with: {type: Patient, key: [client, "{clientId}"]}}
  - {id: W.5, from: subjectName, to: subject.display}
  - {id: W.6, from: reportingDate, to: effectiveDateTime}
  - {id: W.7, from: "entries[name=weight].value", to: valueQuantity, as: quantity, unit: "entries[name=weight].unit", with: {min: 0.2, max: 650}}
  - {id: W.8, from: "entries[name=text].value", to: valueString, as: text}
  - {id: W.9, from: "entries[].comment", to: "note[].text", as: text}
  - {id: W.10, from: kind, to: "category[kind]", codes: kind, unmapped: keep, with: {text: true}}
  - {id: W.11, from: a.b, to: "component[one].valueInteger"}
  - {id: W.12, to: "component[one].code.text", const: One}
  - {id: W.13, from: flag, to: "extension[https://ecd.example/flag].valueBoolean"}
  - {id: W.14, from: bsn, to: bsn, into: secrets, as: bsn}
  - {id: W.15, from: reportingDate, to: data_at, into: facts}
  - {id: W.16, label: V, when: "hidden or kind = secret"}
  - {id: W.17, from: status, to: set_aside, into: facts, when: "status = DRAFT"}
"""
NAME = """
map: ecd.report[entries valued] -> Communication
version: "1.0.0"
foreach: "entries[]"
key: [entry, "{^.id}", "{#}"]
class: entry
rows:
  - {id: C.1, to: status, const: completed}
  - {id: C.2, from: ^.clientId, to: subject, as: reference, with: {type: Patient, key: [client, "{^.clientId}"]}}
  - {id: C.3, from: "@report", to: "about[]", as: reference}
  - {id: C.4, from: value, to: "payload[].contentString"}
  - {id: C.5, label: V, when: "^.hidden or ^.kind = secret"}
"""
CLIENT = """
map: ecd.client -> Patient
version: "1.0.0"
key: [client, "{id}"]
class: patient
rows:
  - id: P.1
    from: "."
    to: "name[]"
    as: human_name
    with: {given: given, own_prefix: prefix, own_name: last, partner_name: pn, order: order, call: call}
  - id: P.2
    from: address
    to: "address[]"
    as: address
    with: {use: home, street: street, number: nr, postal_code: zip, city: city, country: land}
  - {id: P.3, from: "phones[]", to: "telecom[]", as: contact_point, with: {system: phone}}
  - {id: P.4, from: birthDate, to: birthDate}
  - {id: P.5, from: gender, to: gender}
"""
TABLES = CONCEPTS + "status,,F,,final,,,\nkind,,w,http://loinc.org,1-1,One,,\nkind,,w,http://snomed.info/sct,2,Two,,\n"
SET = build({"wide.yaml": WIDE, "entry.yaml": NAME, "patient.yaml": CLIENT, "codes.csv": TABLES, "units.csv": UNITS})

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
    | st.sampled_from(
        [
            "F",
            "DRAFT",
            "w",
            "secret",
            "72,50",
            "<5",
            "HI",
            "2026-10-25T02:30:00",
            "2026-03-29T02:30",
            "2026-02-30",
            "kg",
            "Cek",
            "111222333",
            "J",
            "&amp;amp;",
            " ",
            "06-12345678",
            "1234ab",
            "NL3",
            "van der",
            "0001-01-01T00:00:00",
            "1e5",
            "²",
            "a\u00a0b",
            "a\x85b",
            "٣",
        ]
    )
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "value", "b", "x"]), inner, max_size=3),
    max_leaves=6,
)
# What each field holds when it is right: drawn half of the time, so that rows are reached as well as refused.
RIGHT: dict[str, list[Any]] = {
    "id": [1, "a/b"],
    "clientId": [12],
    "status": ["F", "DRAFT"],
    "subjectName": ["Truus"],
    "reportingDate": ["2026-04-05", "2026-10-25T02:30:00", "2026-04-05T09:30:00.000+02:00"],
    "kind": ["w", "secret", "zz"],
    "flag": [True, "nee"],
    "bsn": ["111222333"],
    "hidden": [True, False],
    "gender": ["female"],
    "birthDate": ["1938-04-05", "1938"],
    "given": ["Anna Maria"],
    "prefix": ["van der"],
    "last": ["Giessen"],
    "pn": ["Putten"],
    "order": ["NL3"],
    "call": ["Annie"],
    "a": [{"b": 5}],
    "address": [{"street": "Kade", "nr": 1, "zip": "1234ab", "city": "Zwolle", "land": "NL"}],
    "phones": [["06-12345678", None, "x"]],
    "entries": [
        [{"name": "weight", "value": "72,50", "unit": "kg"}, {"name": "text", "value": "Goed &amp; wel", "comment": "Later"}],
        [{"name": "weight", "value": "HI"}, {"name": "weight", "value": 5, "unit": "stone"}],
    ],
}
ENTRY = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(["weight", "text"]), "value": ANY, "unit": ANY, "comment": ANY}
)
ODD = {"entries": st.lists(ENTRY, max_size=3) | ANY, "phones": st.lists(SCALARS, max_size=3) | ANY}
RECORDS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) | ODD.get(name, ANY) for name, values in RIGHT.items()}
)
WHOLE = {name: values[0] for name, values in RIGHT.items()}


def mapped(content: Any, kind: str = "report") -> MapResult:
    return SET.map(record(content, kind), IDS)


def body_of(result: MapResult, type_: str = "Observation") -> dict[str, Any]:
    return next(one.body for one in result.mapped if one.type == type_)


def test_a_whole_record_reaches_every_row_so_that_the_properties_below_are_about_all_of_them() -> None:
    contents = (WHOLE, {**WHOLE, "status": "?", "entries": [{"name": "text", "value": "x"}]})
    results = [mapped(content, kind) for content in contents for kind in ("report", "client")]
    reached = {line.row for result in results for one in result.mapped for line in one.lineage}
    rows = {row for name in ("wide", "entry", "patient") for row in re.findall(r"# (\S+)", SET.source_code(name))}

    assert rows - reached == {"wide/W.14", "wide/W.15", "wide/W.16", "wide/W.17", "entry/C.5"}


@given(body=st.binary(max_size=40) | RECORDS.map(dumps) | ANY.map(dumps), kind=st.sampled_from(["report", "client", "other"]))
@example(body=b"[" * 100_000, kind="report")
@example(body=b'{"id": ' + b"[" * 900 + b"]" * 900 + b"}", kind="report")
@example(body=b'{"id": 1, "clientId": 2, "a": {"b": 99999999999999999999999}}', kind="report")
@example(body=b'{"id": 1, "clientId": 2, "entries": [{"name": "weight", "value": 1e400}]}', kind="report")
@settings(max_examples=300)
def test_mapping_any_bytes_ends_in_an_outcome_and_bodies_that_can_be_written(body: bytes, kind: str) -> None:
    result = mapped(body, kind)

    assert result.outcome in ("ok", "ok-with-issues", "quarantined", "set-aside")
    assert (result.reason is None) == (result.outcome in ("ok", "ok-with-issues"))
    assert not any("failed" in one.reason for one in result.issues)
    for one in result.mapped:
        assert loads(dumps(one.body)) == one.body


@given(content=RECORDS, kind=st.sampled_from(["report", "client"]))
@example(content=WHOLE, kind="report")
@example(content=WHOLE, kind="client")
@settings(max_examples=300)
def test_every_leaf_of_every_body_has_exactly_one_line_of_lineage(content: dict[str, Any], kind: str) -> None:
    for one in mapped(content, kind).mapped:
        paths = Counter(path for path, _ in leaves(one.body))

        assert paths == Counter(line.path for line in one.lineage)
        assert all(line.row for line in one.lineage)
        assert all((line.source is None) == (line.origin in ("constant", "default")) for line in one.lineage)


@given(content=RECORDS, kind=st.sampled_from(["report", "client"]))
@example(content=WHOLE, kind="report")
@example(content=WHOLE, kind="client")
@settings(max_examples=200)
def test_every_body_keeps_to_the_definitions_of_r4(content: dict[str, Any], kind: str) -> None:
    for one in mapped(content, kind).mapped:
        assert resource_problems(one.body) == []


@given(content=RECORDS, kind=st.sampled_from(["report", "client"]))
@example(content=WHOLE, kind="report")
@example(content=WHOLE, kind="client")
def test_the_same_record_gives_the_same_result(content: dict[str, Any], kind: str) -> None:
    assert mapped(content, kind) == mapped(content, kind)


@given(content=RECORDS)
def test_references_are_those_in_the_body_and_only_the_patients_own_compartment(content: dict[str, Any]) -> None:
    for one in mapped(content).mapped:
        inside = {value for path, value in leaves(one.body) if path.endswith("reference")}

        assert one.references == inside
        assert f"Patient/{one.patient}" in inside


@given(number=st.decimals(min_value="0.2", max_value="650", allow_nan=False, places=3), comma=st.booleans())
def test_a_decimal_keeps_the_digits_that_were_measured(number: Decimal, comma: bool) -> None:
    text = f"{number:f}"
    result = mapped({"entries": [{"name": "weight", "value": text.replace(".", ",") if comma else text, "unit": "kg"}]})

    assert b'"value":' + text.encode() in dumps(body_of(result))


@given(field=st.sampled_from(["reportingDate", "status", "flag"]), junk=ANY)
def test_a_bad_value_takes_away_its_own_element_and_no_other(field: str, junk: Any) -> None:
    good = {"clientId": 12, "kind": "w", "subjectName": "Truus", "status": "F", "flag": True, "reportingDate": "2026-04-05"}
    elements = {"reportingDate": "effectiveDateTime", "status": "status", "flag": "extension"}
    whole = body_of(mapped(good))
    result = mapped({**good, field: junk})

    if result.outcome != "set-aside":
        body = body_of(result)
        others = {name for name in whole if name != elements[field]}
        assert {name: whole[name] for name in others} == {name: body[name] for name in body if name != elements[field]}


@given(content=RECORDS, kind=st.sampled_from(["report", "client"]))
@example(content=WHOLE, kind="report")
@example(content=WHOLE, kind="client")
def test_an_issue_shows_two_characters_at_most(content: dict[str, Any], kind: str) -> None:
    for one in mapped(content, kind).issues:
        assert one.masked == "" or (one.masked.endswith("****") and len(one.masked) <= 6)


def test_no_bsn_is_in_the_body_and_a_wrong_one_is_not_in_the_issue() -> None:
    right, wrong = mapped({"bsn": "999990019"}), mapped({"bsn": "999990018"})

    assert right.mapped[0].secrets == {"bsn": "999990019"}
    assert b"9999900" not in dumps(right.mapped[0].body)
    assert wrong.mapped[0].secrets == {}
    assert [one.masked for one in wrong.issues] == ["****"]
