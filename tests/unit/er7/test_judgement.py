"""AA, AE or AR: by the envelope and the required segments, and by nothing else."""

from __future__ import annotations

import pytest

from gateway.er7 import envelope, judge, parse
from gateway.er7.structures import STRUCTURES
from tests.unit.er7.kit import PID, PV1, message, msh

COMPLETE = {
    "ADT": (PID, PV1),
    "ORU": (PID, "OBR|1", "OBX|1|NM|1||1"),
    "MDM": (PID, PV1, "TXA|1|PN", "OBX|1|TX|1||a"),
    "SIU": ("SCH|1", PID, "RGS|1"),
    "PPR": (PID, "PRB|AD"),
    "PGL": (PID, "GOL|AD"),
    "REF": ("RF1|A", "PRD|RP", PID),
}
OTHER = {"A20": ("NPU|bed|O",), "A40": (PID, "MRG|1"), "A47": (PID, "MRG|1")}


def verdict(*segments: str, event: str) -> tuple[str, list[tuple[int, str, int, int | None]]]:
    found = judge(parse(message(*segments, event=event).encode()))
    return found.code, [(fault.condition, fault.segment, fault.sequence, fault.field) for fault in found.faults]


# Taken


@pytest.mark.parametrize(("kind", "event"), sorted(STRUCTURES))
def test_every_event_that_is_taken_is_accepted_when_complete(kind: str, event: str) -> None:
    assert verdict(*OTHER.get(event, COMPLETE[kind]), event=f"{kind}^{event}") == ("AA", [])


@pytest.mark.parametrize(
    ("event", "structure"),
    [
        ("ADT^A01", "ADT_A01"), ("ADT^A04", "ADT_A01"), ("ADT^A08", "ADT_A01"), ("ADT^A13", "ADT_A01"), ("ADT^A28", "ADT_A05"),
        ("ADT^A31", "ADT_A05"), ("ADT^A07", "ADT_A06"), ("ADT^A11", "ADT_A09"), ("ADT^A40", "ADT_A39"), ("ADT^A47", "ADT_A30"),
        ("MDM^T11", "MDM_T01"), ("MDM^T10", "MDM_T02"), ("SIU^S26", "SIU_S12"), ("PGL^PC8", "PGL_PC6"), ("REF^I14", "REF_I12"),
    ],
)  # fmt: skip
def test_the_structure_follows_from_the_event_whatever_the_sender_claims(event: str, structure: str) -> None:
    for claimed in (event, f"{event}^{structure}", f"{event}^ADT_A99"):
        assert envelope(parse(message(event=claimed).encode())).structure == structure


def test_of_an_event_that_is_not_known_the_structure_is_what_the_sender_says() -> None:
    assert envelope(parse(message(event="ADT^A60^ADT_A60").encode())).structure == "ADT_A60"


def test_extra_segments_and_two_patients_with_orders_of_their_own_are_fine() -> None:
    assert verdict(PID, "OBR|1", "OBX|1", "NTE|1", "ZZZ|1", PID, "OBR|2", "OBR|3", event="ORU^R01") == ("AA", [])
    assert verdict("EVN|A40", PID, "MRG|1", PID, "PD1|1", "MRG|2", event="ADT^A40") == ("AA", [])


def test_an_empty_version_is_a_warning_and_no_more() -> None:
    text = message(event="ADT^A01").replace("|P|2.5", "|P|")
    found = judge(parse(text.encode()))
    assert (found.code, [(fault.severity, fault.field) for fault in found.faults]) == ("AA", [("W", 12)])


# Refused


@pytest.mark.parametrize(
    ("header", "faults"),
    [
        (msh(event=""), [(101, "MSH", 1, 9)]),
        (msh(event='""'), [(101, "MSH", 1, 9)]),
        (msh(control_id=""), [(101, "MSH", 1, 10)]),
        (msh(control_id='""'), [(101, "MSH", 1, 10)]),
        (msh(event="", control_id=""), [(101, "MSH", 1, 10), (101, "MSH", 1, 9)]),
        (msh(event="ORM^O01"), [(200, "MSH", 1, 9)]),
        (msh(event="ACK"), [(200, "MSH", 1, 9)]),
        (msh(event="ADT^A60"), [(201, "MSH", 1, 9)]),
        (msh(event="ADT"), [(201, "MSH", 1, 9)]),
        ("MSH|^~\\&", [(101, "MSH", 1, 10), (101, "MSH", 1, 9)]),
    ],
)
def test_what_cannot_be_routed_is_refused(header: str, faults: list[tuple[int, str, int, int | None]]) -> None:
    found = judge(parse(f"{header}\r{PID}\r".encode()))
    assert found.code == "AR"
    assert [(fault.condition, fault.segment, fault.sequence, fault.field) for fault in found.faults] == faults


def test_without_a_readable_header_the_answer_is_ar_with_the_reason() -> None:
    found = judge(None, reason="no line begins with MSH")
    assert found.code == "AR"
    assert "no line begins with MSH" in found.faults[0].text


# Not right


@pytest.mark.parametrize(
    ("event", "missing"),
    [("ADT^A01", "PID"), ("ADT^A20", "NPU"), ("ADT^A40", "MRG"), ("ADT^A47", "MRG"), ("ADT^A40", "PID"), ("ORU^R01", "PID"),
     ("ORU^R01", "OBR"), ("SIU^S12", "SCH"), ("MDM^T02", "TXA"), ("MDM^T01", "PID"), ("PPR^PC1", "PID"), ("PPR^PC2", "PRB"),
     ("PGL^PC6", "PID"), ("PGL^PC7", "GOL"), ("REF^I12", "RF1"), ("REF^I12", "PID")],
)  # fmt: skip
def test_a_required_segment_that_is_missing_is_an_error_that_names_it(event: str, missing: str) -> None:
    kind, _, trigger = event.partition("^")
    segments = [line for line in OTHER.get(trigger, COMPLETE[kind]) if not line.startswith(missing)]
    assert verdict("EVN|x", *segments, event=event) == ("AE", [(100, missing, 1, None)])


@pytest.mark.parametrize(
    ("event", "doubled"),
    [("ADT^A08", "PID"), ("ADT^A01", "PV1"), ("ADT^A20", "NPU"), ("MDM^T02", "TXA"), ("MDM^T02", "PID"), ("SIU^S12", "SCH"),
     ("PPR^PC1", "PID"), ("REF^I12", "PID")],
)  # fmt: skip
def test_a_segment_that_is_wrongly_doubled_is_an_error(event: str, doubled: str) -> None:
    kind, _, trigger = event.partition("^")
    segments = OTHER.get(trigger, COMPLETE[kind])
    again = next(line for line in segments if line.startswith(doubled))
    assert verdict(*segments, again, event=event) == ("AE", [(100, doubled, 2, None)])


def test_two_patients_never_share_orders() -> None:
    assert verdict(PID, PID, "OBR|1", event="ORU^R01") == ("AE", [(100, "PID", 1, None)])
    assert verdict(PID, "OBR|1", PID, event="ORU^R01") == ("AE", [(100, "PID", 2, None)])
    assert verdict("OBR|1", "OBX|1", PID, "OBR|2", event="ORU^R01") == ("AE", [(100, "OBR", 1, None)])


def test_a_result_before_every_patient_is_nobodys() -> None:
    assert verdict("OBX|1", PID, "OBR|1", PID, "OBR|2", event="ORU^R01") == ("AE", [(100, "OBX", 1, None)])


def test_each_merge_has_its_own_pair() -> None:
    assert verdict(PID, PID, "MRG|1", event="ADT^A40") == ("AE", [(100, "PID", 1, None)])
    assert verdict(PID, "MRG|1", "MRG|2", event="ADT^A40") == ("AE", [(100, "MRG", 2, None)])
    assert verdict("MRG|1", PID, "MRG|2", event="ADT^A40") == ("AE", [(100, "MRG", 1, None)])


def test_no_sentence_holds_anything_of_the_message() -> None:
    for text in ("ADT^Geheim", "Geheim^A01", "ADT^A01"):
        found = judge(parse(f"{msh(event=text)}\rPV1|1||Jansen\r".encode()))
        assert found.code != "AA"
        assert not any(word in fault.text for fault in found.faults for word in ("Geheim", "Jansen"))
