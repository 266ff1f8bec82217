"""The bytes at an offset are the value that was read there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.er7 import NotHL7, offsets, parse
from tests.unit.er7.kit import PID, PV1, SEGMENTS, message, msh

CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
ENDS = ["\r", "\n", "\r\n", "\r\r", "\n\r"]
PLAIN_CODECS = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


@given(
    SEGMENTS,
    st.sampled_from(CODECS),
    st.sampled_from(ENDS),
    st.sampled_from(["|^~\\&", "$%@!?"]),
    st.sampled_from(["", "\0", "\0\0"]),
)
def test_every_field_is_found_in_the_original_bytes(segments: list[list[str]], codec: str, end: str, mine: str, nul: str) -> None:
    """Whatever the character set, line ends, separators and NULs between the segments."""
    raw = [["MSH", *msh().split("|")[1:]], *segments]
    text = (nul + end).join("|".join(fields) for fields in raw).translate(str.maketrans("|^~\\&", mine))
    data = text.encode(codec, "ignore")
    placed = offsets(data)
    codec = PLAIN_CODECS.get(codec, codec)
    for index, fields in enumerate(raw):
        for number, field in enumerate(fields[1:], 2 if index == 0 else 1):
            wanted = field.translate(str.maketrans("|^~\\&", mine)).encode(codec, "ignore")
            found = placed.range(index, number)
            assert found is not None
            assert data[slice(*found)].replace("\0".encode(codec), b"") == wanted.replace("\0".encode(codec), b"")


@given(SEGMENTS, st.sampled_from(["utf-8", "utf-16"]))
def test_every_part_is_found_where_splitting_finds_it(segments: list[list[str]], codec: str) -> None:
    data = "\r".join([msh(), *("|".join(fields) for fields in segments)]).encode(codec)
    placed = offsets(data)
    plain = PLAIN_CODECS.get(codec, codec)

    def at(*place: int) -> str | None:
        found = placed.range(*place)
        return None if found is None else data[slice(*found)].decode(plain)

    for index, fields in enumerate(parse(data).segments[1:], 1):
        assert at(index, 0) == "|".join(fields)
        for number, field in enumerate(fields[1:], 1):
            for repetition, repeated in enumerate(field.split("~"), 1):
                assert at(index, number, repetition) == repeated
                for component, text in enumerate(repeated.split("^"), 1):
                    assert at(index, number, repetition, component) == text
                    for sub, part in enumerate(text.split("&"), 1):
                        assert at(index, number, repetition, component, sub) == part
            assert at(index, number, len(field.split("~")) + 1) is None
            assert at(index, number, 1, len(field.split("~")[0].split("^")) + 1) is None


def test_a_place_that_the_message_does_not_have_has_no_range() -> None:
    placed = offsets(message(PID, PV1).encode())
    assert [placed.range(*place) for place in ((3, 1), (-1, 1), (1, 6), (1, 99), (1, -1), (1, 3, 2), (1, 3, 1, 6))] == [None] * 7


def test_the_fields_of_a_header_count_as_in_the_standard() -> None:
    data = message(PID).encode()
    placed = offsets(data)
    found = [placed.range(0, number) for number in (1, 2, 3)]
    assert [data[slice(*one)] for one in found if one] == [b"|", b"^~\\&", b"ECD"]
    assert placed.range(0, 2, 1, 1) == placed.range(0, 2)


def test_a_part_without_the_ones_above_it_is_that_of_the_first() -> None:
    data = message("PID|1||a&b^c~d").encode()
    placed = offsets(data)
    assert placed.range(1, 3, 0, 2) == placed.range(1, 3, 1, 2)
    assert placed.range(1, 3, 0, 0, 2) == placed.range(1, 3, 1, 1, 2)


def test_broken_utf8_and_a_byte_order_mark_move_nothing() -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        data = mark + message("PID|1||é?ë|ü|einde").encode().replace(b"?", b"\xe9")
        found = offsets(data).range(1, 5)
        assert found is not None
        assert data[slice(*found)] == b"einde"
        assert parse(data).segments[1][3:] == ["ééë", "ü", "einde"]


def test_nul_inside_a_value_is_part_of_its_range_and_around_it_is_not() -> None:
    data = b"\0" + message("PID|1|\0a\0b\0|c").encode()
    found = offsets(data).range(1, 2)
    assert found is not None
    assert data[slice(*found)] == b"a\0b"


def test_a_report_with_line_ends_in_it_has_one_range() -> None:
    data = message("OBX|1|TX|a||een\rtwee||||||F", PV1).encode()
    found = offsets(data).range(1, 5)
    assert found is not None
    assert data[slice(*found)] == b"een\rtwee"


def test_half_a_character_at_the_end_leads_to_no_place_beyond_it() -> None:
    data = message("PID|1||x").rstrip().encode("utf-16") + b"x"
    assert offsets(data + b"|\0").range(1, 3) is not None
    for number in (1, 3):
        found = offsets(data).range(1, number)
        assert found is not None
        assert 0 <= found[0] <= found[1] <= len(data)


def test_without_a_header_there_are_no_offsets() -> None:
    with pytest.raises(NotHL7):
        offsets(b"PID|1")
