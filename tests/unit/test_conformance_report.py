"""The conformance report: hl7apy's definitions, without the ways in which hl7apy itself goes astray."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from api.bench.messages import KINDS, messages
from gateway.conformance import Finding, report
from gateway.conformance.definitions import definitions, structures
from gateway.conformance.fields import Fields
from gateway.conformance.profile import Profile
from gateway.conformance.report import MOST_BYTES, MOST_FINDINGS, MOST_SEGMENTS
from gateway.er7 import parse

HEAD = r"MSH|^~\&|ECD|HUIS|GW|GW|20260310143005+0100||{type}|M1|P|{version}"
ADT = [HEAD.format(type="ADT^A08", version="2.5.1"), "EVN||20260310143005", "PID|1||12^^^ECD^PI||Groot^Jan", "PV1|1|I"]
NOTHING_ACCEPTED = Profile(tables={}, lengths=frozenset(), local=frozenset())


def er7(*segments: str, end: str = "\r") -> bytes:
    return end.join([*segments, ""]).encode()


def codes(data: bytes) -> Counter[str]:
    return Counter(finding.code for finding in report(data))


def the(data: bytes, code: str) -> Finding:
    [found] = [finding for finding in report(data) if finding.code == code]
    return found


# Against hl7apy's own verdict


def own_verdict(text: str, folder: Path) -> Counter[str]:
    """Return the table findings of hl7apy's validator over its own parse: ``table element``."""
    message = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT)
    path = folder / "report.txt"
    try:
        message.validate(report_file=str(path))
    except HL7apyException:
        assert path.exists()
    found = re.findall(r"not in table (\w+) in element (\w+)\.(\w+)", path.read_text())
    return Counter(f"{table} {element.rpartition('_')[2]}" for table, _, element in found)


def our_verdict(data: bytes) -> Counter[str]:
    message, known = parse(data), definitions("2.5.1")
    judged = Fields(known, NOTHING_ACCEPTED)
    found = [one for fields in message.segments for one in judged.judge(fields, known.segment(fields[0]) or (), fields[0])]
    tables = [
        (re.search(r"table (\d+)", one.text), re.search(r"(\d+)(\[\d+\])?$", one.location))
        for one in found
        if one.code == "table"
    ]
    return Counter(f"HL7{table[1]} {place[1]}" for table, place in tables if table and place)


@pytest.mark.parametrize("kind", KINDS)
def test_the_tables_are_judged_as_hl7apys_own_validator_judges_them(kind: str, tmp_path: Path) -> None:
    for data in messages(kind, 3):
        assert our_verdict(data) == own_verdict(data.decode(), tmp_path)
        assert our_verdict(data)


# A message that conforms


def test_a_message_that_conforms_has_no_findings() -> None:
    assert report(er7(*ADT)) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r", "\n\r"])
def test_line_ends_change_nothing(end: str) -> None:
    segments = [*ADT, "ZVV|1", "XYZ|1"]
    assert report(er7(*segments, end=end)) == report(er7(*segments))


def test_an_event_finds_its_structure_without_being_told() -> None:
    assert codes(er7(*ADT[:2], *ADT[3:])) == {"required-missing": 1}


@pytest.mark.parametrize("encoding", [r"^~\&#", r"^~\\&", r"^~\&"])
def test_unusual_separators_are_read(encoding: str) -> None:
    data = er7(ADT[0].replace(r"^~\&", encoding), *ADT[1:])
    assert {code for code in codes(data) if code != "structure"} == set()


def test_every_event_in_the_table_has_its_structure() -> None:
    known = definitions("2.5.1")
    assert [
        key for key, name in structures().items() if known.structure(*key, "") is None and name not in ("ADT_A12", "ADT_A44")
    ] == []


# What deviates is found, and where


def test_a_version_without_definitions_is_read_as_another_and_said() -> None:
    for version in ("", "9.9", "2.9"):
        finding = the(er7(HEAD.format(type="ADT^A08", version=version), *ADT[1:]), "version")
        assert finding.location == "MSH-12"
        assert "read as 2.5.1" in finding.text


def test_own_and_unknown_segments_stay_and_are_told() -> None:
    found = {finding.location: finding.code for finding in report(er7(*ADT, "ZVV|1|VPT", "XYZ|1"))}
    assert found == {"ZVV": "segment-local", "XYZ": "segment-unknown"}


def test_a_place_is_told_to_the_repetition_and_component() -> None:
    data = er7(*ADT[:2], "PID|1||12^^^ECD^PI~13^^^ECD^QQQ||Groot^Jan", ADT[3])
    finding = the(data, "table")
    assert (finding.location, finding.severity) == ("PID-3[2].5", "warning")


def test_a_date_that_cannot_be_is_found_and_not_shown() -> None:
    finding = the(er7(*ADT[:2], ADT[2] + "||19381341", ADT[3]), "datatype")
    assert finding.location == "PID-7[1].1"
    assert "1938" not in finding.text


def test_segments_out_of_their_place_are_told_one_by_one() -> None:
    found = [finding for finding in report(er7(ADT[0], ADT[2], ADT[1], ADT[3])) if finding.severity == "error"]
    assert [(finding.location, finding.code) for finding in found] == [("EVN", "required-missing"), ("EVN", "structure")]


def test_two_patients_in_one_result_are_no_fault() -> None:
    group = ["PID|1||12^^^ECD^PI||Groot^Jan", "OBR|1|||85353-1^V^LN", "OBX|1|NM|8867-4^H^LN||76||||||F"]
    assert report(er7(HEAD.format(type="ORU^R01^ORU_R01", version="2.5.1"), *group, *group)) == []


def test_a_result_without_its_order_is_one_finding() -> None:
    data = er7(HEAD.format(type="ORU^R01", version="2.5.1"), ADT[2], *[f"OBX|{n}|NM|8867-4^H^LN||76||||||F" for n in range(1, 9)])
    finding = the(data, "required-missing")
    assert (finding.location, "before OBX(1)" in finding.text) == ("OBR", True)


# The Dutch profile


@pytest.mark.parametrize(
    "segment",
    [
        "PID|1||12^^^NLMINBIZA^NNNLD||Groot^Jan||||||Kerkplein 1^^Epe^^8161 AB^NL",
        "PID|1||12^^^ECD^PI||Groot^Jan|||||||||||W^gehuwd^HL70002",
    ],
)
def test_what_is_right_in_the_netherlands_is_no_finding(segment: str) -> None:
    assert report(er7(*ADT[:2], segment, ADT[3])) == []


def test_codes_of_the_sites_own_tables_are_information() -> None:
    assert the(er7(*ADT[:3], "PV1|1|I||||||||ELV"), "table").severity == "information"


# Whatever comes in


def test_no_value_is_shown_beyond_its_first_two_characters() -> None:
    data = er7(*ADT[:2], "PID|1||12^^^ECD^Geheimen||Groot^Jan||Geheimen|Geheimen", "PV1|1|Geheimen")
    assert not re.search("Geh", "".join(finding.text for finding in report(data)))


@given(st.binary(max_size=400))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert report(data)
    report(er7(*ADT) + data)


@given(
    st.lists(st.sampled_from(["PID", "PV1", "OBR", "OBX", "NTE", "ORC", "ZZZ", "XYZ", "EVN", "MSH", "SCH", "RGS"]), max_size=30)
)
@settings(max_examples=200)
def test_every_order_of_segments_gets_a_report(names: list[str]) -> None:
    for kind in ("ORU^R01", "SIU^S12", "ADT^A01", "MDM^T02"):
        found = report(er7(HEAD.format(type=kind, version="2.5.1"), *(f"{name}|1" for name in names)))
        assert all(finding.code != "fault" for finding in found)


def test_every_version_has_a_report() -> None:
    for version in ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.6", "2.7", "2.8", "2.8.1", "2.8.2"):
        for kind in KINDS:
            data = next(messages(kind, 1)).replace(b"|2.5.1|", f"|{version}|".encode())
            assert {"fault", "version"} & set(codes(data)) == set()


def test_the_guides_own_messages_have_a_report() -> None:
    for path in (Path(__file__).parents[1] / "messages" / "guide").iterdir():
        assert {"fault"} & set(codes(path.read_bytes())) == set()


def test_the_report_of_a_large_message_has_bounds_and_says_so() -> None:
    many = er7(*ADT, *["OBX|1|XX|||||||||"] * (MOST_SEGMENTS + 1))
    found = report(many)
    assert len(found) == MOST_FINDINGS + 1
    assert found[-1].code == "too-large"
    assert codes(er7(*ADT, "NTE|1||" + "x" * MOST_BYTES)) == {"too-large": 1}
    assert codes(er7(*ADT, *["OBX|1|NM|8867-4^H^LN||76||||||F"] * MOST_SEGMENTS))["too-large"] == 1
