"""What the compiler refuses, and where it says that the fault is."""

from __future__ import annotations

import re

import pytest

from gateway.mapping.convert import ConvertContext, converter
from gateway.mapping.findings import MappingError
from tests.unit.mapping.kit import CONCEPTS, PATIENT, build, observation

CLASSES = "system,class_key,class,audience,basic_projection,label,note\n"


def findings(files: dict[str, str]) -> list[str]:
    with pytest.raises(MappingError) as caught:
        build(files)
    return [str(finding) for finding in caught.value.findings]


ROW_FAULTS = {
    "{id: X, from: a, to: statuss}": "Observation has no element 'statuss'",
    "{id: X, from: a, to: note.text}": r"note repeats; write note\[\] or note\[label\]",
    '{id: X, from: a, to: "method[].text"}': "method occurs once",
    "{id: X, from: a, to: value}": "write value with its type",
    "{id: X, from: a, to: valueQuantity}": r"Quantity needs a converter \(as\)",
    "{id: X, from: a, to: valueQuantity, as: nothing}": "there is no converter 'nothing'",
    "{id: X, from: a, to: valueQuantity, as: date}": "date makes date or dateTime, the target is Quantity",
    "{id: X, from: a, to: valueQuantity, as: quantity, with: {minimum: 1}}": "quantity has no option 'minimum'",
    "{id: X, from: a, to: valueQuantity, as: quantity, with: {min: low}}": "min is a number",
    "{id: X, from: a, to: method.text, colour: red}": "'colour' was unexpected",
    "{id: X, from: 'a[', to: method.text}": "not understood",
    "{id: X, from: ^.a, to: method.text}": "there are only 0 levels",
    "{id: X, from: '#', to: valueInteger}": "only an item of foreach has a number",
    "{id: X, from: a, to: method.text, when: a ==}": "a value is expected",
    "{id: X, from: a, to: method.text, codes: missing}": "there is no concept map 'missing'",
    "{id: X, to: method, const: {coding: [{sistem: x}]}}": "sistem: no such element",
    "{id: X, to: valueInteger, const: '5'}": "Observation.value.*: not a integer",
    "{id: X, to: issued, const: 2026-01-01}": "not a instant",
    "{id: X, to: 'component[a].code.text', const: 5}": "is text",
    "{id: X, to: valueQuantity, const: {value: 5, comparator: about}}": "not in the required value set",
    "{id: X, from: a, to: 'component[a].valueString'}": "no row fills Observation.component.code",
    "{id: X, to: status, const: amended}": "always has a value already, from row N.1",
    "{id: X, from: a, to: code, as: concept}": "row N.2 fills a part of this",
    "{id: X, from: a, to: subject, as: reference}": "as: reference needs with",
    "{id: X, from: a, to: specimen, as: reference, with: {type: Patient, key: [client, '{id}']}}": "specimen can't refer to Patient",
    "{id: X, from: a, to: specimen, as: reference, with: {type: Specimen, key: [s, '{id}']}}": "no map of the set makes a Specimen",
    "{id: X, from: '@other', to: 'hasMember[]', as: reference}": "no map of this kind of record is called @other",
    "{id: X, from: a, into: facts, to: colour}": "into: facts has no colour",
    "{id: X, from: a, into: elsewhere, to: colour}": "into is facts or secrets",
    "{id: X, const: everyone, into: facts, to: audience}": "everyone is not an audience",
    "{id: X, from: a, to: effectiveDateTime, zone: Europe/Amsterdm}": "not a time zone",
    "{id: X, from: a, to: 'extension[].valueString'}": "name an extension by its url",
    "{id: X, from: a, to: meta.source}": "isn't for maps to fill",
    "{id: X, to: method.text}": "needs to and one of from, const",
    "{id: X, from: id, into: secrets, to: bsn, as: bsn}": "is a secret and can't be part of a key",
}


@pytest.mark.parametrize("row", ROW_FAULTS)
def test_a_fault_in_a_row_is_named_with_its_line(row: str) -> None:
    text = observation(f"- {row}")
    line = next(number for number, one in enumerate(text.splitlines(), start=1) if "id: X" in one)

    found = findings({"report.yaml": text})

    assert any(re.search(ROW_FAULTS[row], one) for one in found), found
    if "no row fills" not in ROW_FAULTS[row] and "secret" not in ROW_FAULTS[row]:
        assert any(one.startswith(f"report.yaml:{line}:") for one in found), found


def test_every_fault_is_reported_and_not_only_the_first() -> None:
    found = findings({"report.yaml": observation("- {id: X, from: a, to: foo}\n- {id: Y, from: b, to: bar}")})

    assert len(found) == 2


def test_a_required_element_that_no_row_fills_is_a_fault() -> None:
    found = findings({"report.yaml": observation("- {id: X, to: status, const: final}", needed="\n")})

    assert found == ["report.yaml:1: no row fills Observation.code, which R4 requires"]


@pytest.mark.parametrize(
    ("target", "fault"),
    [("ended", "leads outside the required value set"), ("final", None)],
)
def test_a_concept_map_stays_within_the_required_value_set(target: str, fault: str | None) -> None:
    files = {
        "report.yaml": observation(
            "- {id: S, from: status, to: status, codes: status, required: true}\n- {id: C, to: code.text, const: x}\n"
            "- {id: P, from: clientId, to: subject, as: reference, with: {type: Patient, key: [client, '{clientId}']}}",
            needed="\n",
        ),
        "codes.csv": f"{CONCEPTS}status,,D,,{target},,,\n",
    }
    if fault is None:
        build(files)
    else:
        assert [one.startswith("codes.csv:2:") and fault in one for one in findings(files)] == [True]


@pytest.mark.parametrize(
    ("one", "other", "fault"),
    [
        ("[reportTypeId=101]", "[reportTypeId=101]", True),
        ("[reportTypeId=101]", "[reportTypeId=102]", False),
        ("[reportTypeId in 101 102]", "[not reportTypeId in 101 102 103]", False),
        ("[hidden]", "[not hidden]", False),
        ("", "[reportTypeId=102]", True),
    ],
)
def test_two_maps_that_may_make_one_resource_of_one_record_are_a_fault(one: str, other: str, fault: bool) -> None:
    files = {"a.yaml": observation("", selector=one), "b.yaml": observation("", selector=other)}
    if fault:
        assert "makes the same type and key" in findings(files)[0]
    else:
        build(files)


def test_a_reference_from_a_wider_to_a_narrower_audience_is_a_fault() -> None:
    visit = """
map: ecd.visit -> Communication
version: "1.0.0"
key: [visit, "{id}"]
class: visit
rows:
  - {id: V.1, to: status, const: completed}
  - {id: V.2, from: clientId, to: subject, as: reference, with: {type: Patient, key: [client, "{clientId}"]}}
  - {id: V.3, from: report, to: "about[]", as: reference, with: {type: Observation, key: [report, "{report}"]}}
"""
    wide, narrow = "ecd,visit,calendar,circle,,,\n", "ecd,report/101,report,trust-group,,,\n"
    patient = "ecd,patient,profile,circle,,,\n"
    files = {"visit.yaml": visit, "report.yaml": observation("", selector="[reportTypeId=101]")}

    found = findings({**files, "class_map.csv": CLASSES + patient + wide + narrow})

    assert found == ["visit.yaml:9: row V.3: class visit is for a wider audience than report/101, to which this refers"]
    same = build({**files, "class_map.csv": CLASSES + patient + wide + narrow.replace("trust-group", "circle")})
    assert same.references_by_class()["visit"] == {"patient", "report/101"}


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("x.yaml", "map: [", "x.yaml:1"),
        ("x.yaml", "a: 1\na: 2\n", "x.yaml:2: the key 'a' stands here twice"),
        ("x.yaml", "map: nonsense\n", "x.yaml:1: map"),
        ("x.yaml", PATIENT.replace("Patient", "Patiënt"), "does not match"),
        ("x.yaml", PATIENT.replace("ecd.client -> Patient", "ecd.client -> Bananas"), "Bananas is not a resource type"),
        ("x.yaml", PATIENT.replace('key: [client, "{id}"]', ""), "missing: key"),
        ("x.yaml", PATIENT.replace("{id}", "{id"), "braces don't match"),
        ("x.yaml", PATIENT.replace("ecd.client", "other.client"), "a set is for one system"),
        ("x.yaml", "extends: none\nmap: ecd.a -> Patient\n", "no such file in the set"),
        ("x.yaml", "extends: x\nmap: ecd.a -> Patient\n", "it extends itself"),
        ("overlays/y.yaml", "extends: ecd\nrows: []\n", "rows isn't for overlays"),
        ("overlays/y.yaml", "extends: ecd\nremove: [patient/P.9]\n", "there is no row patient/P.9"),
        ("codes.csv", "map,source_system,source_code\n", "the columns must be"),
        ("units.csv", "a,b\n", "the columns must be"),
        ("class_map.csv", CLASSES + "ecd,patient,x,everyone,,,\n", "'everyone' is not an audience"),
        ("class_map.csv", CLASSES, "the class map doesn't know 'patient'"),
    ],
)
def test_a_fault_in_a_file_is_named(name: str, text: str, fault: str) -> None:
    assert any(fault in one for one in findings({name: text}))


def test_a_converter_of_a_source_may_not_take_a_general_name() -> None:
    @converter("date")
    def other(value: object, context: ConvertContext) -> object:
        return value

    with pytest.raises(MappingError, match="exists already"):
        build({}, {"date": other})
