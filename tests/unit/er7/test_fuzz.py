"""Mangled messages are refused or read, never the cause of an exception. ``FUZZ_MESSAGES`` is how many (2,000 when not set)."""

from __future__ import annotations

import os
import random

from gateway.er7 import Message, NotHL7, accept_code, acknowledge, envelope, judge, offsets, parse, unescape, units
from gateway.er7.charset import decode
from gateway.er7.layout import layout
from tests.unit.er7.kit import AT, PID, PV1, message

SEEDS = [
    message(PID, PV1, "OBX|1|TX|a||een\\.br\\twee \\T\\ \\X41\\||||||F", "ZVV|1", charset="8859/1").encode("latin-1"),
    message(PID, "OBR|1", "OBX|1|NM|a^b&c~d||7,2", PID, "OBR|2", event="ORU^R01").encode(),
    message("SCH|1", "NTE|1||é€😀\ntekst", event="SIU^S12", charset="UNICODE UTF-8", end="\r\n").encode(),
    message(PID, "TXA|1", event="MDM^T02").encode("utf-16"),
    b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + message().encode() * 2 + b"BTS|2\rFTS|1\r",
    b"\x0b" + message().encode() + b"\x1c\r\x0b" + message(event="ADT^A40").encode() + b"\x1c\r",
    message().translate(str.maketrans("|^~\\&", "$%@!?")).encode(),
]
BITS = [b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"\0", b"\x0b", b"\x1c", b"\x1c\r", b"MSH|", b"MSH", b"BTS|9", b"\xff\xfe",
        b"\xef\xbb\xbf", b"\xe9", b"\xed\xa0\x80", b'""', b"\\X", b"\\.sp 99\\", b"\\Z", b"PID|", b"9" * 30]  # fmt: skip


def mangled(chance: random.Random) -> bytes:
    """Return a message with a few bytes cut, put in, doubled, moved or changed."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randint(1, 8)):
        at, to = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        match chance.randrange(6):
            case 0:
                del data[at : min(to, at + 40)]
            case 1:
                data[at:at] = chance.choice(BITS)
            case 2:
                data[at:at] = data[at : min(to, at + 60)]
            case 3:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 4:
                data = data[at:] + data[:at]
            case _:
                data[at : at + 4] = chance.choice(BITS)
    return bytes(data)


def read(data: bytes) -> Message | None:
    """Do to one unit all that intake and mapping do; an exception other than NotHL7 ends the test."""
    reason = ""
    try:
        message = parse(data)
    except NotHL7 as error:
        message, reason = None, str(error)
    known = envelope(message) if message else None
    verdict = judge(message, known, reason=reason)
    for code in (accept_code(known, verdict.code), verdict.code):
        reply = parse(acknowledge(known, code or "AA", verdict.faults, control_id="1", at=AT))
        assert [fields[0] for fields in reply.segments][:2] == ["MSH", "MSA"]
    if message:
        assert message.segments == layout(decode(data).text).segments(), "the quick and the careful way differ"
        placed = offsets(data)
        for index, fields in enumerate(message.segments):
            for number, field in enumerate(fields[1:], 1):
                unescape(field)
                found = placed.range(index, number, 1, 1, 1)
                assert found is not None
                assert 0 <= found[0] <= found[1] <= len(data)
    return message


def test_a_mangled_message_never_raises_and_always_gets_an_answer() -> None:
    chance = random.Random(20260310)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(int(os.environ.get("FUZZ_MESSAGES", "2000"))):
        data = mangled(chance)
        for unit in units(data):
            outcomes["read" if read(unit.data) else "refused"] += 1
        read(data)
    assert min(outcomes.values()) > 0
