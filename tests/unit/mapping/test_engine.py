"""What a row means when a record comes by."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.jsonbytes import dumps
from gateway.mapping.convert import ConvertContext, Converted, Converter, Note, Unmappable, converter
from gateway.model import MapResult
from tests.unit.mapping.kit import CONCEPTS, IDS, PATIENT, build, observation, record

BASE = ("resourceType", "id", "status", "code", "subject")


def run(rows: str, content: dict[str, Any], files: dict[str, str] | None = None, **facts: Any) -> MapResult:
    converters: dict[str, Converter] = facts.pop("converters", {})
    maps = build({"report.yaml": observation(rows), **(files or {})}, converters)
    return maps.map(record(content, **facts), IDS)


def made(rows: str, content: dict[str, Any], files: dict[str, str] | None = None, **facts: Any) -> dict[str, Any]:
    """Return what the rows add to the smallest Observation."""
    result = run(rows, content, files, **facts)
    assert result.mapped, result
    return {name: value for name, value in result.mapped[0].body.items() if name not in BASE}


def test_rows_with_one_label_fill_one_element_and_each_appended_value_its_own() -> None:
    rows = """
    - {id: A, from: sys, to: "component[8480-6].valueInteger"}
    - {id: B, from: dia, to: "component[8462-4].valueInteger"}
    - {id: C, to: "component[8480-6].code.text", const: Boven}
    - {id: D, to: "component[8462-4].code.text", const: Onder}
    - {id: E, from: "notes[].text", to: "note[].text"}
    """
    assert made(rows, {"dia": 80, "sys": 140, "notes": [{"text": "een"}, {}, {"text": "twee"}]}) == {
        "component": [{"valueInteger": 140, "code": {"text": "Boven"}}, {"valueInteger": 80, "code": {"text": "Onder"}}],
        "note": [{"text": "een"}, {"text": "twee"}],
    }


def test_extensions_get_their_url_and_stand_beside_a_primitive() -> None:
    rows = """
    - {id: A, from: x, to: "extension[https://ecd.example/x].valueString"}
    - {id: B, from: y, to: "_issued.extension[https://ecd.example/y].valueBoolean"}
    """
    assert made(rows, {"x": "een", "y": False}) == {
        "extension": [{"url": "https://ecd.example/x", "valueString": "een"}],
        "_issued": {"extension": [{"url": "https://ecd.example/y", "valueBoolean": False}]},
    }
    assert made(rows, {}) == {}


def test_the_first_row_that_yields_a_value_wins_and_a_constant_after_it_is_the_default() -> None:
    rows = """
    - {id: A, from: number, to: valueInteger}
    - {id: B, from: words, to: valueString}
    - {id: C, to: valueString, const: leeg}
    """
    assert made(rows, {"number": 5, "words": "vijf"}) == {"valueInteger": 5}
    assert made(rows, {"number": "veel", "words": "vijf"}) == {"valueString": "vijf"}
    result = run(rows, {})
    assert [line.origin for line in result.mapped[0].lineage if line.path == "valueString"] == ["default"]


def test_several_values_for_an_element_that_occurs_once_give_the_first_and_an_issue() -> None:
    result = run(
        '- {id: A, from: "x[k=a].v", to: valueString}', {"x": [{"k": "b", "v": "0"}, {"k": "a", "v": "1"}, {"k": "a", "v": "2"}]}
    )

    assert result.mapped[0].body["valueString"] == "1"
    assert [(one.code, one.source_path) for one in result.issues] == [("cardinality-overflow", "x[2].v")]
    assert [line.source for line in result.mapped[0].lineage if line.path == "valueString"] == ["x[1].v"]


@pytest.mark.parametrize(
    ("expression", "content", "holds"),
    [
        ("a", {"a": True}, True),
        ("a", {"a": False}, False),
        ("a", {"a": 0}, True),
        ("a", {}, False),
        ("a valued", {"a": False}, True),
        ("a valued", {"a": ""}, False),
        ("a = 1", {"a": 1}, True),
        ("a = 1", {"a": "1"}, True),
        ('a = "x y"', {"a": "x y"}, True),
        ("a in 1 2 or b", {"a": 3, "b": True}, True),
        ("not (a and b)", {"a": True, "b": True}, False),
        ("not a and not b", {}, True),
        ("l[k=x].v = 2", {"l": [{"k": "x", "v": 1}, {"k": "x", "v": 2}]}, True),
        ("l[k!=x] valued", {"l": [{"k": "x"}]}, False),
        ("a.b = true", {"a": {"b": True}}, True),
        ("a.b = true", {"a": [1]}, False),
        ("a[1] = y", {"a": ["x", "y"]}, True),
        ('"o d".x', {"o d": {"x": 1}}, True),
    ],
)
def test_an_expression_holds_when_it_should(expression: str, content: dict[str, Any], holds: bool) -> None:
    rows = f"- {{id: A, to: valueBoolean, const: true, when: '{expression}'}}\n- {{id: B, label: V, unless: '{expression}'}}"
    result = run(rows, content).mapped[0]

    assert ("valueBoolean" in result.body) is holds
    assert ("V" in result.labels) is not holds


def test_a_required_row_without_value_quarantines_the_record_unless_a_later_row_fills_it() -> None:
    alone = "- {id: A, from: x, to: valueString, required: true}"
    result = run(alone, {})

    assert (result.outcome, result.reason, result.mapped) == ("quarantined", "required-missing", ())
    assert [(one.code, one.severity, one.row, one.source_path) for one in result.issues] == [
        ("required-missing", "error", "report/A", "x")
    ]
    assert made(alone + "\n- {id: B, to: valueString, const: y}", {}) == {"valueString": "y"}
    conditional = "- {id: A, from: x, to: valueString, required: true, when: z}"
    assert made(conditional, {}) == {}
    assert run(conditional, {"z": True}).outcome == "quarantined"


def test_facts_labels_and_secrets_are_not_in_the_body() -> None:
    rows = """
    - {id: A, from: when, into: facts, to: data_at}
    - {id: B, from: who, into: facts, to: audience}
    - {id: C, from: gone, into: facts, to: withdrawn}
    - {id: D, const: true, into: facts, to: withdrawn, when: status = cancelled}
    - {id: E, from: portal, into: facts, to: origin_portal}
    - {id: F, from: bsn, into: secrets, to: bsn, as: bsn}
    - {id: G, label: V, when: secret}
    """
    content = {
        "when": "2026-04-05",
        "who": "circle",
        "gone": False,
        "status": "cancelled",
        "portal": "p",
        "bsn": "99999001-9",
        "secret": True,
    }
    (mapped,) = run(rows, {**content, "bsn": 999990019}, labels=frozenset({"R"})).mapped

    assert set(mapped.body) == set(BASE)
    assert mapped.data_at is not None
    assert mapped.data_at.isoformat() == "2026-04-05T00:00:00+02:00"
    assert (mapped.audience, mapped.withdrawn, mapped.origin_portal) == ("circle", True, "p")
    assert dict(mapped.secrets) == {"bsn": "999990019"}
    assert set(mapped.labels) == {"V", "R"}
    assert run(rows, {"who": "everyone"}).mapped[0].audience is None


def test_a_record_set_aside_by_status_yields_nothing_and_says_why() -> None:
    result = run("- {id: A, const: draft, into: facts, to: set_aside, when: status = DRAFT}", {"status": "DRAFT"})

    assert (result.outcome, result.reason, result.mapped) == ("set-aside", "draft", ())


def test_a_resource_without_an_id_is_told_of_before_what_other_resources_lack() -> None:
    lacking = observation("- {id: A, from: x, to: valueString, required: true}")
    keyless = lacking.replace('"{id}"', '"{other}"')
    both = build({"report.yaml": lacking, "second.yaml": keyless}).map(record({}), IDS)

    assert (both.outcome, both.reason) == ("quarantined", "required-missing")
    assert [(one.row, one.target_path) for one in both.issues] == [("second/key", "id")]


def test_a_clinical_resource_without_a_patient_is_held_back() -> None:
    result = run("", {"clientId": None})

    assert (result.outcome, result.reason) == ("quarantined", "reference-unresolved")


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"{", "report", "structure"),
        (b"[]", "report", "structure"),
        ({}, "strange", "no-map"),
        ({"id": ""}, "report", "required-missing"),
    ],
)
def test_a_record_that_cannot_be_mapped_is_quarantined_with_its_reason(content: Any, kind: str, reason: str) -> None:
    result = build({"report.yaml": observation("")}).map(record(content, kind), IDS)

    assert (result.outcome, result.reason) == ("quarantined", reason)
    assert result.issues


PARTS = """
map: ecd.report[parts valued] -> Communication @part
version: "1.0.0"
foreach: "parts[].lines[kind=a]"
key: [line, "{^^.id}", "{^.name}", "{#}"]
class: part
rows:
  - {id: C.1, to: status, const: completed}
  - {id: C.2, from: ^^.clientId, to: subject, as: reference, with: {type: Patient, key: [client, "{^^.clientId}"]}}
  - {id: C.3, from: text, to: "payload[].contentString"}
  - {id: C.4, from: ^.name, to: topic, as: concept}
  - {id: C.5, label: V, when: secret}
"""


def test_a_repeated_map_makes_a_resource_for_each_item_that_others_refer_to() -> None:
    content = {
        "parts": [
            {"name": "S", "lines": [{"kind": "b", "text": "0"}, {"kind": "a", "text": "1"}]},
            {"name": "O", "lines": [{"kind": "a", "text": "2"}]},
            {"name": "E"},
        ]
    }
    rows = '- {id: A, from: "@part", to: "partOf[]", as: reference}'
    files = {
        "part.yaml": PARTS,
        "report.yaml": observation(rows),
    }

    with pytest.raises(Exception, match=r"partOf\[\] can't refer to Communication"):
        build(files)
    focus = {"part.yaml": PARTS, "report.yaml": observation('- {id: A, from: "@part", to: "focus[]", as: reference}')}
    result = build(focus).map(record(content), IDS)
    parts = [one for one in result.mapped if one.type == "Communication"]
    report = next(one for one in result.mapped if one.type == "Observation")

    assert [(one.body["topic"]["text"], one.body["payload"][0]["contentString"]) for one in parts] == [("S", "1"), ("O", "2")]
    assert report.body["focus"] == [{"reference": f"Communication/{one.id}"} for one in parts]
    assert parts[0].id == IDS.resource_id("ecd-one", "Communication", "line/77/S/1")
    assert [line.source for line in parts[0].lineage if line.path == "payload[0].contentString"] == ["parts[0].lines[1].text"]
    assert [line.source for line in parts[0].lineage if line.path == "topic.text"] == ["parts[0].name"]


def test_a_resource_never_refers_to_one_of_its_record_that_may_not_leave() -> None:
    files = {"part.yaml": PARTS, "report.yaml": observation('- {id: A, from: "@part", to: "focus[]", as: reference}')}
    content = {"parts": [{"name": "S", "lines": [{"kind": "a", "text": "1", "secret": True}]}]}

    assert build(files).map(record(content), IDS).reason == "structure"


def test_two_resources_with_one_id_quarantine_the_record() -> None:
    same = PARTS.replace(', "{^.name}", "{#}"', "")
    content = {"parts": [{"name": "S", "lines": [{"kind": "a", "text": "1"}, {"kind": "a", "text": "2"}]}]}

    assert build({"part.yaml": same}).map(record(content), IDS).reason == "structure"


def test_a_reference_may_be_made_from_each_of_several_values() -> None:
    rows = '- {id: A, from: "staff[].id", to: "performer[]", as: reference, with: {type: Practitioner, key: [employee, "{}"]}}'
    employee = (
        PATIENT.replace("client", "employee").replace("Patient", "Practitioner").replace("class: patient", "class: employee")
    )
    body = made(rows, {"staff": [{"id": 1}, {"id": None}, {"id": 2}]}, {"employee.yaml": employee})

    ids = [IDS.resource_id("ecd-one", "Practitioner", f"employee/{number}") for number in (1, 2)]
    assert body == {"performer": [{"reference": f"Practitioner/{one}"} for one in ids]}


def test_parts_of_a_key_cannot_run_into_each_other() -> None:
    two = PATIENT.replace('[client, "{id}"]', '[client, "{id}", "{b}"]')
    maps = build({"patient.yaml": two})
    ids = {
        maps.map(record({"id": one, "b": other}, "client"), IDS).mapped[0].id
        for one, other in [("1/2", "3"), ("1", "2/3"), ("1%2F2", "3")]
    }

    assert len(ids) == 3


@pytest.mark.parametrize(
    ("unmapped", "expected", "outcome"),
    [
        ("reject-element", None, "ok-with-issues"),
        ("keep", {"text": "zz"}, "ok-with-issues"),
        ('"default: 2"', {"coding": [{"system": "http://snomed.info/sct", "code": "2", "display": "Two"}]}, "ok-with-issues"),
        ("reject-message", None, "quarantined"),
    ],
)
def test_a_code_that_the_table_does_not_know_goes_the_way_that_the_row_says(unmapped: str, expected: Any, outcome: str) -> None:
    files = {"codes.csv": CONCEPTS + "kind,,w,http://snomed.info/sct,2,Two,,\n"}
    result = run(f"- {{id: A, from: kind, to: method, codes: kind, unmapped: {unmapped}}}", {"kind": "zz"}, files)

    assert result.outcome == outcome
    assert [one.code for one in result.issues] == ["code-unmapped"]
    if result.mapped:
        assert result.mapped[0].body.get("method") == expected
        assert run("- {id: A, from: kind, to: method, codes: kind}", {"kind": "w"}, files).outcome == "ok"


def test_a_base_gives_rows_that_a_map_replaces_or_leaves_out() -> None:
    base = """
zone: Europe/Amsterdam
class: report
rows:
  - {id: B.1, to: status, const: final}
  - {id: B.2, from: a, to: valueString}
  - {id: B.3, from: b, to: method.text}
  - {id: B.4, from: clientId, to: subject, as: reference, with: {type: Patient, key: [client, "{clientId}"]}}
"""
    one = 'map: ecd.report -> Observation\nversion: "1.0.0"\nkey: [r, "{id}"]\nextends: base\nremove: [B.3]\nrows:\n'
    one += "  - {id: B.1, to: status, const: amended}\n  - {id: O.1, to: code.text, const: x}\n"
    (mapped,) = build({"base.yaml": base, "one.yaml": one}).map(record({"a": "1", "b": "2"}), IDS).mapped

    assert list(mapped.body) == ["resourceType", "id", "status", "valueString", "subject", "code"]
    assert mapped.body["status"] == "amended"
    assert {line.path: line.row for line in mapped.lineage}["valueString"] == "base/B.2"


def test_an_overlay_adds_replaces_and_removes_rows_and_lays_its_codes_on_top() -> None:
    rows = "- {id: A, from: kind, to: method, codes: kind}\n- {id: B, from: b, to: valueString}\n- {id: C, from: c, to: bodySite, as: concept}"
    overlay = """
extends: ecd
codes: {kind: mine.csv}
remove: [report/B]
add:
  - {id: C, into: report, from: d, to: bodySite, as: concept}
  - {id: Z, into: report, from: z, to: valueInteger}
"""
    files = {
        "report.yaml": observation(rows),
        "codes.csv": CONCEPTS + "kind,,w,http://x.example,1,One,,\nkind,,v,http://x.example,2,Two,,\n",
        "overlays/house.yaml": overlay,
        "overlays/mine.csv": CONCEPTS + "kind,,w,http://x.example,9,Nine,,\n",
    }
    maps = build(files)
    body = maps.map(record({"kind": "w", "b": "x", "c": "no", "d": "yes", "z": 3}), IDS).mapped[0].body

    assert maps.version_label == "ecd@1.0.0+overlay"
    assert body["method"]["coding"][0]["code"] == "9"
    assert (body["bodySite"], body["valueInteger"], body.get("valueString")) == ({"text": "yes"}, 3, None)
    assert maps.map(record({"kind": "v"}), IDS).mapped[0].body["method"]["coding"][0]["code"] == "2"
    assert build({name: text for name, text in files.items() if "overlays" not in name}).sha256 != maps.sha256


@converter("odd", to="Quantity")
def odd(value: Any, context: ConvertContext) -> Any:
    """Answer as the test asks."""
    answers: dict[str, Any] = {
        "note": Converted({"value": 1, "unit": "x"}, (Note("unit-unknown", "a remark"),), {"value": "inner", "unit": "inner.u"}),
        "empty": {"value": 1, "unit": ""},
        "nothing": None,
        "text": "text",
        "float": {"value": 1.5},
    }
    if value == "refuse":
        raise Unmappable("no")
    if value == "crash":
        raise ValueError(value)
    return answers[value]


@pytest.mark.parametrize(
    ("answer", "outcome", "quantity"),
    [
        ("note", "ok-with-issues", {"value": 1, "unit": "x"}),
        ("empty", "ok", {"value": 1}),
        ("nothing", "ok", None),
        ("refuse", "ok-with-issues", None),
        ("crash", "quarantined", None),
        ("text", "quarantined", None),
        ("float", "quarantined", None),
    ],
)
def test_a_converter_may_remark_refuse_and_answer_nothing_and_a_faulty_one_costs_its_record(
    answer: str, outcome: str, quantity: Any
) -> None:
    result = run("- {id: A, from: x, to: valueQuantity, as: odd}", {"x": answer}, converters={"odd": odd})

    assert result.outcome == outcome
    assert [one.body.get("valueQuantity") for one in result.mapped] == ([] if outcome == "quarantined" else [quantity])
    assert all(answer not in one.reason for one in result.issues)
    if answer == "note":
        assert {line.path: line.source for line in result.mapped[0].lineage}["valueQuantity.unit"] == "x.inner.u"


def test_the_python_of_a_map_can_be_read_and_names_its_rows() -> None:
    source = build({"report.yaml": observation("- {id: A, from: x, to: valueString}")}).source_code("report")

    assert "# report/A" in source
    assert "d0.get('x')" in source


def test_constants_are_not_shared_between_resources() -> None:
    maps = build(
        {"report.yaml": observation("- {id: A, to: method, const: {coding: [{code: a}]}}\n- {id: B, from: t, to: method.text}")}
    )
    first = maps.map(record({"t": "een"}), IDS).mapped[0].body
    second = maps.map(record({}), IDS).mapped[0].body

    assert (first["method"], second["method"]) == ({"coding": [{"code": "a"}], "text": "een"}, {"coding": [{"code": "a"}]})
    assert dumps(second["method"]) == b'{"coding":[{"code":"a"}]}'
