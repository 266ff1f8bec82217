"""Framing: however the network cuts the bytes, the same frames come out, and nothing of a whole message is lost."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.mllp.framing import Frame, Framer, Oversize
from gateway.er7 import units
from gateway.intake.reception import several

LIMIT = 64
MESSAGE = st.binary(max_size=LIMIT).map(lambda data: b"MSH" + data.translate(None, b"\x0b\x1c"))
PART = st.one_of(
    MESSAGE.map(lambda data: b"\x0b" + data + b"\x1c\r"),
    st.sampled_from(
        [b"\x0b", b"\x1c", b"\r", b"\n", b"\x1c\r", b"\x0bMSH", b"garbage", b" ", b"\x0bMSH|a\x0bb\x1cc\x1c\r", b"x" * LIMIT]
    ),
)
STREAM = st.lists(PART, max_size=12).map(b"".join)
# What people and word processors put into a text that an MLLP frame shouldn't hold.
TEXT = st.lists(st.sampled_from([b"a", b"\x0b", b"\x1cb", b"\x0bMSH said", b"\r", b"|"]), max_size=6).map(b"".join)
FRAMED = st.tuples(st.sampled_from([b"\x0b", b""]), TEXT, st.sampled_from([b"\x1c\r", b"\x1c\n", b"\x1c\r\n"]))


def frames(pieces: list[bytes], limit: int = LIMIT) -> tuple[list[Frame | Oversize], int]:
    framer = Framer(limit)
    found = [item for piece in pieces for item in framer.feed(piece)]
    return found + framer.flush(), framer.pending


def told(stream: bytes, limit: int = 1 << 20) -> list[bytes]:
    return [item.data for item in frames([stream], limit)[0] if isinstance(item, Frame)]


@given(stream=STREAM, cuts=st.lists(st.integers(0, 400), max_size=20))
def test_the_same_bytes_give_the_same_frames_however_they_are_cut(stream: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    pieces = [stream[a:b] for a, b in pairwise(places)]

    whole, one_by_one = frames([stream]), frames([bytes([byte]) for byte in stream])

    assert frames(pieces)[0] == whole[0] == one_by_one[0]
    assert frames(pieces)[1] == whole[1] == one_by_one[1]


@given(messages=st.lists(MESSAGE, max_size=8))
def test_every_framed_message_comes_out_whole_and_in_order(messages: list[bytes]) -> None:
    assert told(b"".join(b"\x0b" + message + b"\x1c\r" for message in messages)) == messages


@given(stream=STREAM)
def test_no_frame_is_larger_than_the_limit_and_nothing_follows_an_oversized_one(stream: bytes) -> None:
    found, _ = frames([stream])

    assert all(len(item.data) <= LIMIT + 2 for item in found if isinstance(item, Frame))
    assert not any(isinstance(item, Oversize) for item in found[:-1])


@given(st.lists(FRAMED, max_size=4))
def test_the_wire_and_a_capture_of_it_give_the_same_messages(frames: list[tuple[bytes, bytes, bytes]]) -> None:
    sent = [b"MSH|1\rNTE|1||" + text + b"." for _, text, _ in frames]
    stream = b"".join(start + message + end for (start, _, end), message in zip(frames, sent, strict=True))

    assert told(stream) == sent
    assert [unit.data.strip(b"\r\n") for unit in units(stream) if unit.framed] == sent


def test_an_end_byte_within_a_text_belongs_to_the_message() -> None:
    assert told(b"\x0bMSH|1\rNTE|1||one\x1ctwo\r\x1c\r") == [b"MSH|1\rNTE|1||one\x1ctwo\r"]


def test_of_a_frame_without_its_start_byte_nothing_is_lost_to_a_start_byte_within_it() -> None:
    message = b"MSH|1\rNTE|1||one\x0btwo, \x0bMSH he said\r"
    assert told(message + b"\x1c\r") == told(b"noise\r\n" + message + b"\x1c\r") == [message]


def test_an_end_byte_that_came_last_ends_the_message_unless_more_of_it_comes() -> None:
    framer = Framer(LIMIT)

    assert framer.feed(b"\x0bMSH|1\x1c") == []
    assert framer.may_have_ended
    assert framer.feed(b"more\x1c") == []
    assert framer.flush() == [Frame(data=b"MSH|1\x1cmore")]
    assert framer.flush() == framer.feed(b"\r") == []


def test_a_frame_ends_at_its_end_byte_before_a_line_end_a_start_byte_or_nothing() -> None:
    assert told(b"\x0bMSH1\x1c\x0bMSH2\x1c\n\x0bMSH3\x1c") == [b"MSH1", b"MSH2", b"MSH3"]


def test_a_frame_without_its_start_byte_is_taken() -> None:
    assert told(b"MSH1\x1c\rMSH2\x1c\r") == [b"MSH1", b"MSH2"]


def test_garbage_before_a_frame_is_counted_and_left_out() -> None:
    [frame], _ = frames([b"noise\r\n\x0bMSH1\x1c\r"])
    assert frame == Frame(data=b"MSH1", skipped=5)


def test_a_sender_that_begins_again_is_heard_from_the_new_beginning() -> None:
    assert told(b"\x0bMSH|half\r\x0bMSH|whole\r\x1c\r") == [b"MSH|whole\r"]


def test_blank_lines_without_end_cost_no_more_than_their_length() -> None:
    blank = b"\r" * 400_000
    assert told(b"\x0b" + blank + b"MSH|a\x1c\r" + blank) == [blank + b"MSH|a"]
    assert not several(b"MSH|a" + blank + b" and MSH in a text")


def test_a_start_byte_within_a_text_belongs_to_the_message() -> None:
    assert told(b"\x0bMSH|1\rNTE|1||one\x0btwo\r\x1c\r") == [b"MSH|1\rNTE|1||one\x0btwo\r"]


def test_blank_frames_are_no_messages() -> None:
    assert told(b"\x1c\r\x0b\x1c\r\x0b \r\n\x1c\r") == []


def test_an_unfinished_message_is_pending_and_blank_is_not() -> None:
    assert frames([b"\x0bMSH|1"])[1] == 5
    assert frames([b"\x0bMSH|1\x1c\r"])[1] == 0


def test_of_a_message_that_is_too_large_its_beginning_is_told_once() -> None:
    found, pending = frames([b"\x0bMSH1\x1c\r\x0bMSH|", b"x" * 100, b"\x1c\r", b"\x0bMSH2\x1c\r"])

    assert [type(item) for item in found] == [Frame, Oversize]
    assert isinstance(found[-1], Oversize)
    assert found[-1].data == b"MSH|" + b"x" * (LIMIT - len(b"MSH|"))
    assert pending == 0
