"""One input holds any number of messages; every one is found, and every byte is accounted for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.er7 import NotHL7, envelope, parse, units
from tests.unit.er7.kit import message, msh

ONE, TWO, THREE = (message(f"PID|1||{n}", end="\r").replace("||1|P", f"||{n}|P").encode() for n in (1, 2, 3))


def found(data: bytes) -> list[bytes]:
    return [unit.data for unit in units(data)]


def frame(*messages: bytes) -> bytes:
    return b"".join(b"\x0b" + one + b"\x1c\r" for one in messages)


# What is no message


@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\x0b", b"\x0b\x1c\r", b"\x1c\r", b"\0\0"])
def test_an_empty_input_is_one_incomplete_unit(data: bytes) -> None:
    assert [(unit.index, unit.complete) for unit in units(data)] == [(0, False)]


@pytest.mark.parametrize("data", [b"zomaar tekst\nop regels", b"\x89PNG\r\n\x1a\n\0\0", b"PID|1||1\rPV1|1", b"<xml/>", b"MS"])
def test_an_input_without_a_header_is_one_unit(data: bytes) -> None:
    (unit,) = units(data)
    assert (unit.data.strip(), unit.complete, unit.framed) == (data.strip(), True, False)
    with pytest.raises(NotHL7):
        parse(unit.data)


# Several messages


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\n\r", "\r\r"])
@pytest.mark.parametrize("between", ["", "\r\n", "\n\n", "  \r"])
def test_messages_one_after_another_are_each_a_unit(end: str, between: str) -> None:
    both = (message("PID|1||1", end=end) + between + message("PID|1||2", end=end)).encode()
    read = list(units(both))
    assert [parse(unit.data).segments[1][3] for unit in read] == ["1", "2"]
    assert [(unit.index, unit.complete, unit.framed) for unit in read] == [(0, True, False), (1, True, False)]
    assert [both[unit.offset : unit.offset + len(unit.data)] for unit in read] == [unit.data for unit in read]


def test_a_header_pasted_into_a_text_begins_no_message() -> None:
    pasted = message("NTE|1||kopie:\n" + msh(control_id="9") + "\nPID|1||9", "PV1|1").encode()
    assert found(pasted + TWO) == [pasted, TWO]


@pytest.mark.parametrize("line", ["BTS, dus niet", "MSH: uitleg", "FHS - ", "MSH", "BHS?"])
def test_a_line_of_text_that_begins_like_a_header_is_no_header(line: str) -> None:
    data = message(f"NTE|1||een\n{line}\ntwee", "PV1|1", end="\n").encode()
    assert found(data + data) == [data, data]
    assert parse(data).segments[1][3] == f"een\n{line}\ntwee" or line == "MSH"


def test_files_that_were_put_together_keep_their_byte_order_marks_apart() -> None:
    both = list(units(b"\xef\xbb\xbf" + ONE + b"\xef\xbb\xbf" + TWO))
    assert [parse(unit.data).segments[1][3] for unit in both] == ["1", "2"]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_messages_in_wide_text_are_found(codec: str) -> None:
    data = (message("PID|1||é😀") + message("PID|1||李")).encode(codec)
    assert [parse(unit.data).segments[1][3] for unit in units(data)] == ["é😀", "李"]
    assert sum(len(unit.data) for unit in units(data)) + (2 if codec == "utf-16" else 0) >= len(data)


def test_text_before_a_message_belongs_to_it() -> None:
    assert found(b"log regel\r" + ONE + TWO) == [b"log regel\r" + ONE, TWO]


# MLLP


def test_each_frame_of_a_capture_is_a_unit() -> None:
    read = list(units(frame(ONE, TWO, THREE)))
    assert [unit.data for unit in read] == [ONE, TWO, THREE]
    assert {(unit.framed, unit.complete, unit.notes) for unit in read} == {(True, True, ())}
    assert [unit.offset for unit in read] == [1, len(ONE) + 4, len(ONE) + len(TWO) + 7]


def test_a_frame_that_was_cut_off_is_incomplete() -> None:
    for cut in range(1, len(TWO)):
        assert [(unit.data, unit.complete) for unit in units(frame(ONE) + b"\x0b" + TWO[:cut])][1] == (TWO[:cut], False)
    restarted = [(unit.data, unit.complete) for unit in units(b"\x0b" + ONE + frame(TWO))]
    assert restarted == [(ONE, False), (TWO, True)]


def test_what_stands_between_frames_is_a_unit_of_its_own() -> None:
    read = list(units(b"hallo" + frame(ONE) + b"\r\nruis" + frame(TWO) + b"rest"))
    assert [unit.data for unit in read] == [b"hallo", ONE, b"\r\nruis", TWO, b"rest"]
    assert [unit.framed for unit in read] == [False, True, False, True, False]


def test_a_frame_without_its_start_is_taken_with_a_note() -> None:
    read = list(units(ONE + b"\x1c\r" + TWO + b"\x1c\r" + frame(THREE)))
    assert [(unit.data, unit.framed, unit.complete) for unit in read] == [(one, True, True) for one in (ONE, TWO, THREE)]
    assert [len(unit.notes) for unit in read] == [1, 1, 0]


@pytest.mark.parametrize("end", [b"\x1c", b"\x1c\r", b"\x1c\r\n", b"\x1c\n"])
def test_a_frame_may_end_without_its_return(end: bytes) -> None:
    assert found(b"\x0b" + ONE + end + b"\x0b" + TWO + end) == [ONE, TWO]


def test_a_message_in_a_frame_needs_no_last_return() -> None:
    assert found(frame(ONE.rstrip(), TWO.rstrip())) == [ONE.rstrip(), TWO.rstrip()]


def test_a_vertical_tab_in_a_text_begins_no_frame() -> None:
    tabbed = message("NTE|1||een\x0btwee").encode()
    assert found(frame(tabbed, TWO)) == [tabbed, TWO]
    assert found(tabbed + TWO) == [tabbed, TWO]


def test_several_messages_in_one_frame_are_each_a_unit() -> None:
    assert [(unit.data, unit.framed) for unit in units(frame(ONE + TWO))] == [(ONE, True), (TWO, True)]


# Batches


def batch(*messages: bytes, count: object = None) -> bytes:
    return b"BHS|^~\\&|ECD\r" + b"".join(messages) + f"BTS|{len(messages) if count is None else count}\r".encode()


def test_the_messages_of_a_batch_are_units_and_its_segments_are_not() -> None:
    read = list(units(b"FHS|^~\\&|ECD\r" + batch(ONE, TWO) + batch(THREE) + b"FTS|2\r"))
    assert [unit.data for unit in read] == [ONE, TWO, THREE]
    assert {unit.notes for unit in read} == {()}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_batch_segments_may_end_otherwise_than_the_messages(end: str) -> None:
    data = f"FHS|^~\\&|ECD{end}BHS|^~\\&|ECD{end}".encode() + ONE + TWO + f"BTS|2{end}FTS|1{end}".encode()
    assert found(data) == [ONE, TWO]


@pytest.mark.parametrize(
    "data",
    [
        batch(ONE, TWO, count=3),
        b"FHS|^~\\&\r" + batch(ONE, TWO) + b"FTS|2\r",
        b"FHS|^~\\&\r" + batch(ONE, TWO),
        b"BHS|^~\\&\r" + ONE + TWO,
        b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + TWO + b"FTS|1",
        batch(count=1) + batch(ONE, TWO),
    ],
    ids=["messages", "batches", "no FTS", "no BTS", "no BTS before FTS", "empty batch"],
)
def test_a_batch_that_does_not_add_up_is_noted(data: bytes) -> None:
    read = list(units(data))
    assert [unit.data for unit in read] == [ONE, TWO]
    assert [note.code for unit in read for note in unit.notes] == ["structure"]


@pytest.mark.parametrize("count", ["", "twee", "9" * 50, "-1", '""'])
def test_a_trailer_without_a_number_is_no_contradiction(count: str) -> None:
    assert [unit.notes for unit in units(batch(ONE, count=count))] == [()]


def test_text_alone_between_batch_segments_is_a_unit() -> None:
    assert found(batch(ONE) + b"toelichting\r" + batch(TWO)) == [ONE, b"\rtoelichting\r", TWO]


def test_a_batch_without_a_message_is_one_unit() -> None:
    (unit,) = units(batch())
    assert (unit.data, unit.complete) == (batch(), True)


# Nothing is lost

BATCH_SEGMENT = re.compile(rb"(?:(?<=[\r\n\x0b])|\A)[ \t\0\x0b]*(?:\xef\xbb\xbf)?(?:FHS|BHS|BTS|FTS)(?![A-Za-z0-9 \t])[^\r\n]*")
BITS = [ONE, TWO, b"\x0b", b"\x1c\r", b"\x1c", b"\r", b"\n", b"\0", b" ", b"ruis", b"BHS|^~\\&|A", b"BTS|2", b"FHS|^~\\&", b"FTS|1", b"MSH",
        b"MSH|^~\\&|", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe9"]  # fmt: skip


@given(st.one_of(st.lists(st.sampled_from(BITS), max_size=14).map(b"".join), st.binary(max_size=40)))
def test_every_byte_is_in_exactly_one_unit_or_is_framing_blank_or_a_batch_segment(data: bytes) -> None:
    read = list(units(data))
    assert [unit.index for unit in read] == list(range(len(read)))
    assert read
    at, left = 0, []
    for unit in read:
        assert data[unit.offset : unit.offset + len(unit.data)] == unit.data
        assert unit.offset >= at
        left.append(data[at : unit.offset])
        at = unit.offset + len(unit.data)
    rest = b"\r".join([*left, data[at:]])
    assert BATCH_SEGMENT.sub(b"", rest).strip(b" \t\r\n\0\x0b\x1c\xef\xbb\xbf\xff\xfe") == b""


@given(st.lists(st.sampled_from([ONE, TWO, THREE]), min_size=1, max_size=5), st.sampled_from(["plain", "frames", "batch"]))
def test_no_message_is_lost_however_they_are_packed(messages: list[bytes], packing: str) -> None:
    packed = {"plain": b"".join(messages), "frames": frame(*messages), "batch": batch(*messages)}[packing]
    assert [envelope(parse(unit.data)) for unit in units(packed)] == [envelope(parse(one)) for one in messages]
