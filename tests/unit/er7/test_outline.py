"""The outline of a message is the message, as far as its acknowledgement looks: the same header, the same names, the same verdict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.er7 import Message, NotHL7, judge, parse
from gateway.er7.outline import outline, plain
from gateway.intake.reception import several
from tests.mutated import mutated

LINE = st.sampled_from(
    [
        b"PID|1||42",
        b"PV1",
        b"OBX|1|ST|a||text\nmore",
        b"ZPI|own",
        b"pid|1",
        b"PIDX|1",
        b"a line",
        b"MSH|^~\\&|again",
        b"",
        b" PID|1",
        b"\xc3\xab",
    ]
)
HEADER = st.sampled_from(
    [
        b"MSH|^~\\&|A|B|||20261120||ADT^A01|7|P|2.5",
        b"MSH|^~\\&|A|B|||||ORU^R01|7|P|2.5||||||8859/1",
        b"MSH$%~\\&$A",
        b"MSH|^~\\&|",
        b"MSH|",
        b"\xebMSH|^~\\&|A",
    ]
)
MESSAGE = st.tuples(HEADER, st.lists(LINE, max_size=6), st.sampled_from([b"\r", b"\n", b"\r\n"])).map(
    lambda parts: parts[2].join([parts[0], *parts[1]])
)


def seen(data: bytes, look: object) -> tuple[object, ...]:
    """What an acknowledgement hangs on; the words of the refusal when there is no message."""
    try:
        message: Message = look(data)  # type: ignore[operator]
    except NotHL7 as error:
        return (str(error),)
    names = [segment[0] for segment in message.segments]
    return message.segments[0], names, message.notes, message.charset_declared, message.charset_used, judge(message)


@given(st.one_of(MESSAGE, st.binary(max_size=80)))
def test_the_outline_of_any_bytes_says_what_the_whole_message_says(data: bytes) -> None:
    assert seen(data, outline) == seen(data, parse)


@given(MESSAGE)
def test_what_is_plain_is_one_message(data: bytes) -> None:
    assert plain(data) is None or not several(data)


def test_the_outline_of_damaged_messages_says_what_the_whole_message_says() -> None:
    for data in mutated(1500, seed=20261121):
        assert seen(data, outline) == seen(data, parse)
