"""Size changes neither the outcome nor the order of the work: what is held in memory stays a few times the input."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from gateway.er7 import NotHL7, envelope, judge, offsets, parse, unescape, units
from gateway.er7.layout import MOST_SEGMENTS
from tests.unit.er7.kit import PID, message, msh

MEGABYTE = 1_000_000


def peak(work: Callable[[], object]) -> int:
    """Return how many bytes a piece of work needs at most, beside what was there."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_fifty_megabytes_in_one_segment_are_read_in_bounded_memory() -> None:
    data = message("OBR|1", PID, f"OBX|1|ED|a||{'QUJD' * (50 * MEGABYTE // 4)}||||||F", event="ORU^R01").encode()

    def work() -> None:
        (unit,) = units(data)
        read = parse(unit.data)
        assert (len(read.segments[3][5]), read.segments[3][11]) == (50 * MEGABYTE, "F")
        assert judge(read, envelope(read)).code == "AE"
        assert offsets(data).range(3, 11) == (len(data) - 2, len(data) - 1)

    assert peak(work) < 6 * len(data)


# Each is what makes a careless pattern look at the same bytes again and again.
HOSTILE = [b"|", b"\r", b"\n", b"\x0b", b"\x1c\r", b"\0", b" ", b"\\", b"\\X41\\", b"\\X41", b"\\Z", b"A", b"^~", b"\r\n ", b"\n \r", b"\xe9",
           b"\xc3\xa9", b"MSH|", b"\rMSH", b"\nBHS|", b"\rBTS|1", b"\x0bMSH", b"a\n", b"\nPID|"]  # fmt: skip


@pytest.mark.parametrize("bit", HOSTILE, ids=repr)
@pytest.mark.parametrize("start", [b"", msh().encode(), msh().encode() + b"\rNTE|1||", b"MSH$%@!?$", b"\xff\xfe"], ids=len)
def test_much_of_anything_is_no_more_work_than_its_size(start: bytes, bit: bytes) -> None:
    """What looks at everything twice for each byte does not come to an end here."""
    data = start + bit * (MEGABYTE // 8 // len(bit))
    for count, unit in enumerate(units(data)):
        if count < 50:
            try:
                read = parse(unit.data)
            except NotHL7:
                continue
            unescape(read.segments[-1][-1])
            offsets(unit.data).range(len(read.segments) - 1, 1)


def test_a_hundred_thousand_lines_are_as_many_segments() -> None:
    assert len(parse(message(*["NTE|1||a"] * 100_000).encode()).segments) == 100_001


def test_a_hundred_thousand_messages_are_as_many_units() -> None:
    assert sum(1 for _ in units(message().encode() * 100_000)) == 100_000


def test_more_segments_than_any_message_has_are_refused() -> None:
    with pytest.raises(NotHL7, match="segments"):
        parse((msh() + "\rZ" * (MOST_SEGMENTS + 1)).encode())
