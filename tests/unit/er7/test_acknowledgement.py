"""The answer repeats who sent what, says what was wrong, and is a message that others read without complaint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.er7 import Envelope, Fault, accept_code, acknowledge, application_code, envelope, judge, parse, unescape
from tests.unit.er7.kit import AT, PID, message, msh

# hl7apy finds no structure for an ACK before 2.3.1.
VERSIONS = ["2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.2"]
WRONG = [
    Fault(100, "The PID segment is missing; this message needs one.", segment="PID"),
    Fault(101, "MSH-12 | is ^ empty.", field=12),
]
STRICT = 1


def header(**fields: str) -> Envelope:
    """Return the envelope of an ordinary message with some fields otherwise."""
    return envelope(parse(message().encode()))._replace(**fields)


def strict(data: bytes, encoding: str = "utf-8") -> Any:
    """Read an answer as hl7apy does, complaining about everything."""
    read = parse_message(data.decode(encoding), validation_level=STRICT)
    read.validate()
    return read


def answer(known: Envelope | None, code: str = "AA", *errors: Fault) -> list[list[str]]:
    data = acknowledge(known, code, errors, control_id="Z1", at=AT)
    return parse(data, known.charset if known else None).segments


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("charset", ["", "8859/1", "UNICODE UTF-8"])
@pytest.mark.parametrize("errors", [[], WRONG[:1], WRONG], ids=len)
def test_an_answer_parses_strictly_in_each_version(version: str, charset: str, errors: list[Fault]) -> None:
    known = header(version=version, charset=charset, sender="ECD^2.16.840.1^ISO")
    for code in ("AA", "AE", "AR", "CA", "CE", "CR"):
        read = strict(acknowledge(known, code, errors, control_id="Z1", at=AT))
        assert (read.msa.msa_1.value, read.msa.msa_2.value, read.msh.msh_12.value) == (code, "1", version)
        assert len(read.children.get("ERR")) == (min(len(errors), 1) if version < "2.5" else len(errors))


def test_the_header_mirrors_sender_and_receiver() -> None:
    known = header(
        sender="ECD^2.16^ISO", facility="HUIS", receiver="GW", receiver_facility="POORT", processing_id="T", trigger="A08"
    )
    head, msa = answer(known)
    assert head[3:7] == ["GW", "POORT", "ECD^2.16^ISO", "HUIS"]
    assert head[7:13] == ["20260310143005+0100", "", "ACK^A08^ACK", "Z1", "T", "2.5"]
    assert msa == ["MSA", "AA", "1"]


def test_errors_say_where_what_and_how_bad_in_words() -> None:
    segments = answer(header(version="2.5"), "AE", *WRONG)
    assert [fields[0] for fields in segments] == ["MSH", "MSA", "ERR", "ERR"]
    assert segments[2][2:5] == ["PID^1", "100^Segment sequence error^HL70357", "E"]
    assert segments[3][2:5] == ["MSH^1^12", "101^Required field missing^HL70357", "E"]
    assert [unescape(fields[8]) for fields in segments[2:]] == [fault.text for fault in WRONG]


def test_before_2_5_the_errors_are_where_those_versions_have_them() -> None:
    segments = answer(header(version="2.4"), "AE", *WRONG)
    assert segments[1][3] == WRONG[0].text
    first, second = segments[2][1].split("~")
    assert first == "PID^1^^100&Segment sequence error&HL70357"
    assert second == "MSH^1^12^101&Required field missing&HL70357"


def test_a_message_without_a_header_is_answered_too() -> None:
    verdict = judge(None)
    read = strict(acknowledge(None, verdict.code, verdict.faults, control_id="Z1", at=AT))
    assert (read.msa.msa_1.value, read.msa.msa_2.value) == ("AR", '""')


@pytest.mark.parametrize(
    "control_id", ["A^B", "A|B", "A&B", "A~B", "A\\B", "A\\T\\B", "A\nB", "é", "x" * 5000, "\\" * 300, "", " "]
)
def test_any_control_id_comes_back_as_one_safe_component(control_id: str) -> None:
    segments = answer(header(control_id=control_id))
    assert [fields[0] for fields in segments] == ["MSH", "MSA"]
    assert len(segments[1]) == 3
    assert not set("^~&") & set(segments[1][2])
    wanted = unescape(control_id).replace("\n", " ").strip() or '""'
    assert wanted.startswith(unescape(segments[1][2]))
    assert len(segments[1][2]) >= min(len(wanted), 197)
    strict(acknowledge(header(control_id=control_id), "AA", control_id="Z1", at=AT))


@pytest.mark.parametrize("version", ["", "9", "2.5~2.4", "x", "2.1", "2.2", "2.3"])
def test_an_unknown_version_is_answered_in_the_default_and_an_old_one_in_its_own(version: str) -> None:
    (head, *_) = answer(header(version=version))
    assert head[12] == (version if version in ("2.1", "2.2", "2.3") else "2.5")


@pytest.mark.parametrize(("charset", "codec"), [("8859/1", "latin-1"), ("8859/15", "iso8859-15"), ("UNICODE UTF-8", "utf-8")])
def test_the_answer_has_the_character_set_of_the_message(charset: str, codec: str) -> None:
    data = message(charset=charset).replace("|HUIS|", "|Zorg é|").encode(codec)
    reply = acknowledge(envelope(parse(data)), "AA", control_id="Z1", at=AT)
    assert "Zorg é" in reply.decode(codec)
    assert parse(reply).charset_declared == charset


@pytest.mark.parametrize(
    ("zone", "text"),
    [(UTC, "+0000"), (timezone(timedelta(hours=2)), "+0200"), (timezone(-timedelta(minutes=210)), "-0330"), (None, "")],
)
def test_the_time_has_its_offset(zone: timezone | None, text: str) -> None:
    data = acknowledge(None, "AA", control_id="Z1", at=datetime(2026, 3, 10, 14, 30, 5, 999, tzinfo=zone))
    assert parse(data).segments[0][7] == "20260310143005" + text


# Which answer, and when


@pytest.mark.parametrize(
    ("accept", "application", "at_once", "after_mapping"),
    [
        ("", "", ("AA", "AE", "AR"), (None, None, None)),
        ("AL", "NE", ("CA", "CE", "CR"), (None, None, None)),
        ("AL", "AL", ("CA", "CE", "CR"), ("AA", "AE", "AR")),
        ("NE", "AL", (None, None, None), ("AA", "AE", "AR")),
        ("ER", "SU", (None, "CE", "CR"), ("AA", None, None)),
        ("SU", "ER", ("CA", None, None), (None, "AE", "AR")),
        ("", "AL", (None, None, None), ("AA", "AE", "AR")),
        ("NE", "NE", (None, None, None), (None, None, None)),
        ("??", "", ("CA", "CE", "CR"), (None, None, None)),
    ],
)  # fmt: skip
def test_the_sender_chooses_the_mode_and_the_moment(accept: str, application: str, at_once: Any, after_mapping: Any) -> None:
    known = header(accept_ack=accept, application_ack=application)
    assert tuple(accept_code(known, code) for code in ("AA", "AE", "AR")) == at_once
    assert tuple(application_code(known, code) for code in ("AA", "AE", "AR")) == after_mapping


def test_without_a_header_the_mode_is_the_original() -> None:
    assert (accept_code(None, "AR"), application_code(None, "AR")) == ("AR", None)


FIELD = st.text(st.sampled_from("aé|^~\\&\r\n\0 \x0b\x1cF1€"), max_size=12)


@settings(max_examples=200)
@given(st.lists(FIELD, min_size=15, max_size=15), st.sampled_from(["AA", "CE"]), st.booleans())
def test_nothing_in_a_header_can_break_the_answer(fields: list[str], code: str, wrong: bool) -> None:
    known = Envelope._make([*fields[:14], "utf-8"])
    read = parse(acknowledge(known, code, WRONG if wrong else (), control_id=fields[14], at=AT))
    assert [segment[0] for segment in read.segments] == ["MSH", "MSA", *(["ERR"] if wrong else []), *(["ERR"] if wrong else [])]
    assert (read.segments[1][1], [note.code for note in read.notes if note.code != "charset"]) == (code, [])


def test_the_envelope_of_a_short_header_is_empty_where_fields_are_missing() -> None:
    known = envelope(parse(f"MSH|^~\\&|ECD\r{PID}".encode()))
    assert known == Envelope("", "", "", "", "ECD", "", "", "", "", "", "", "", "", "", "utf-8")
    assert envelope(parse(msh(event="ADT^A01~x").encode())).trigger == "A01"
