"""Maps over HL7 v2: paths, scopes, repetition, references, what is said to be empty, and where everything came from."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import pytest

from gateway.identity import IdSpace
from gateway.mapping.compiler import compile_set
from gateway.mapping.convert import ConvertContext, converter
from gateway.mapping.findings import MappingError
from gateway.model import Mapped, MapResult, SourceRecord

IDS: Final = IdSpace(namespace=UUID(int=7), hash_key=b"maps over HL7 v2")
PATIENT: Final = b"""
map: hl7v2.oru -> Patient @patient
version: "1.0.0"
foreach: PID
key: [client, "{PID-3[5=PI].1}"]
class: patient
rows:
  - {id: P.1, from: "PID-3*", to: "identifier[]", as: number, own: a test}
  - {id: P.2, from: "PID-5.1.2", to: "name[official].family", own: a test}
  - {id: P.3, from: PID-7, to: birthDate, as: day, own: a test}
  - {id: P.4, from: "PID-13*", to: "telecom[]", as: phone, own: a test}
  - {id: P.5, from: PID-8, to: gender, codes: gender, unless: PID-30, own: a test}
"""
RESULT: Final = b"""
map: hl7v2.oru -> Observation
version: "1.0.0"
foreach: "OBX[OBX-2 = NM and not OBX-3.1 in 9-9]"
key: [result, "{OBR-3.1}", "{#}"]
class: result
rows:
  - {id: O.1, to: status, const: final, own: a test}
  - {id: O.2, from: OBX-3.1, to: code.text, own: a test}
  - {id: O.3, to: subject, as: reference, with: {type: Patient, key: [client, "{PID-3[5=PI].1}"]}, required: true, own: a test}
  - {id: O.4, from: OBX-5, to: valueString, own: a test}
  - {id: O.5, from: "NTE*-3", to: "note[].text", own: a test}
  - {id: O.6, from: "OBX[OBX-3.1 = 9-9]-5", to: method.text, own: a test}
"""
TABLE: Final = b"map,source_system,source_code,target_system,target_code,target_display,relation,note\ngender,,F,,female,,,\n"


@converter("number", to="Identifier", sources={"value": "1", "system": "4"}, raw=True)
def number(value: str, context: ConvertContext) -> dict[str, str]:
    parts = value.split("^")
    return {"value": parts[0], "system": f"urn:{parts[3]}"}


@converter("phone", to="ContactPoint")
def phone(value: str, context: ConvertContext) -> dict[str, str]:
    return {"value": value}


@converter("day", to="date", alone=True)
def day(value: str, context: ConvertContext) -> str:
    return f"{value[:4]}-{value[4:6]}-{value[6:8]}"


OWN: Final = {"number": number, "phone": phone, "day": day}
HEAD: Final = "MSH|^~\\&|A|B|C|D|20260310143005||ORU^R01|1|P|2.5\r"
ONE: Final = (
    "PID|1||77^^^VESTA^PI~999911120^^^NLMINBIZA^NNNLD||Berg&van den\\T\\co||19380412|F|||||0612345678~0301234567\r"
    "OBR|1||R1^V\rOBX|1|NM|8867-4^Pols||72.40||||||F\rNTE|1||rustig\rNTE|2||zittend\rOBX|2|ST|9-9||met de hand\r"
)
TWO: Final = "PID|2||88^^^VESTA^PI||Smit&Smit\rOBR|1||R2^V\rOBX|1|NM|8867-4||80\r"


def _map(text: str, **files: bytes) -> MapResult:
    made = compile_set({"patient.yaml": PATIENT, "result.yaml": RESULT, "codes.csv": TABLE, **files}, OWN)
    return made.map(SourceRecord(system="vesta", kind="oru", stream="hl7v2", key="1", body=text.encode()), IDS)


def _of(result: MapResult, type_: str) -> list[Mapped]:
    return [one for one in result.mapped if one.type == type_]


def test_a_field_a_component_and_every_repetition_come_where_the_rows_say() -> None:
    result = _map(HEAD + ONE)
    patient = _of(result, "Patient")[0].body
    assert patient["identifier"] == [{"value": "77", "system": "urn:VESTA"}, {"value": "999911120", "system": "urn:NLMINBIZA"}]
    assert (patient["name"], patient["birthDate"], patient["gender"]) == ([{"family": "van den&co"}], "1938-04-12", "female")
    assert patient["telecom"] == [{"value": "0612345678"}, {"value": "0301234567"}]


def test_a_result_sees_its_own_order_notes_and_patient() -> None:
    result = _map(HEAD + ONE + TWO)
    patients = [one.id for one in _of(result, "Patient")]
    assert [one.patient for one in _of(result, "Observation")] == patients
    first, second = (one.body for one in _of(result, "Observation"))
    assert [note["text"] for note in first["note"]] == ["rustig", "zittend"]
    assert (first["method"]["text"], first["valueString"], "note" in second, "method" in second) == (
        "met de hand",
        "72.40",
        False,
        False,
    )


def test_every_line_of_lineage_names_segment_field_repetition_component_and_bytes() -> None:
    text = HEAD + ONE + TWO
    lines = {line.path: line for one in _map(text).mapped for line in one.lineage}
    first = {line.path: line for line in _of(_map(text), "Patient")[0].lineage}
    assert first["identifier[1].system"].source == "PID-3[2].4"
    assert first["name[0].family"].source == "PID-5[1].1.2"
    begin, end = first["identifier[1].value"].offset or (0, 0)
    assert text.encode()[begin:end] == b"999911120"
    assert lines["valueString"].source == "OBX(3)-5[1]"
    assert lines["subject.reference"].source == "PID(2)-3[1].1"


def test_what_is_said_to_be_empty_is_taken_out_by_a_patch_and_is_nothing_elsewhere() -> None:
    text = HEAD + ONE.replace("19380412", '""').replace("0612345678~0301234567", '""')
    assert "birthDate" not in _of(_map(text), "Patient")[0].body
    patched = _of(_map(text, **{"patient.yaml": PATIENT + b"write: patch\n"}), "Patient")[0].body
    assert (patched["birthDate"], patched["telecom"]) == ("", "")


@pytest.mark.parametrize("path", ["PID-0", "pid-3", "PID-3[", "PID.3", "PID-3[5]-1", "-3"])
def test_what_is_no_path_is_a_fault_with_file_and_line(path: str) -> None:
    with pytest.raises(MappingError, match=r"patient.yaml:\d+"):
        _map(HEAD + ONE, **{"patient.yaml": PATIENT.replace(b"PID-7", path.encode())})


def test_other_separators_and_line_ends_change_nothing() -> None:
    other: Any = str.maketrans("|^~\\&", "!@#$%")
    usual = HEAD + ONE.replace("\\T\\", "")
    text = usual.translate(other).replace("\r", "\r\n")
    assert [one.body for one in _map(text).mapped] == [one.body for one in _map(usual).mapped]


def test_what_is_no_message_is_quarantined() -> None:
    result = _map("not a message")
    assert (result.outcome, result.reason) == ("quarantined", "structure")
