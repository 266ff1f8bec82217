"""Messages gone wrong in ways that senders, networks and people make them go wrong; the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from api.bench.messages import KINDS, messages

GUIDE: Final = Path(__file__).parent / "messages" / "guide"
GOLDEN: Final = Path(__file__).parent / "golden"
# What stands in fields where it shouldn't.
VALUES: Final = (
    *(b"", b'""', b"0", b"-1", b"99999999999999999999", b"1e400", b"NaN", b"Infinity", b"<5", b"7,2", b"1.2.3"),
    *(b"20261331", b"00000000", b"20260329023000", b"20261025023000", b"2026", b"19000229"),
    *(b"99991231235959+9999", b"20260101000000.123456789-1200", b"00010101000000+1400"),
    *(b"^^^^^^^^^^^^^^^^^^^^^^", b"~~~~~~~~", b"&&&&&&&&", b"^~&^~&", b"\\", b"\\F", b"\\X", b"\\X0D\\", b"\\X0\\", b"\\XZZ\\"),
    *(b"\\.br\\", b"\\.sp9999\\", b"\\.sp-1\\", b"\\Zq\\", b"\\C2842\\", b"\\M1\\", b"\\T\\\\S\\\\R\\\\E\\"),
    *(b"\xc3\x28", b"\xff\xfe", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xe2\x80\xae", b"\xef\xbb\xbf"),
    *(b"\x00", b"\x0b", b"\x1c", b"\x1c\r", b"\x7f", b"\x85", b"\xa0"),
    *(b"' or 1=1 --", b"<script>", b"{{x}}", b"%s%n", b"../../x", b"Patient/1", b"http://x", b"urn:uuid:1"),
    *(b"999911120^^^NLMINBIZA^NNNLD", b"999911121^^^NLMINBIZA^NNNLD", b"a" * 300, b"9" * 40, b"\xc3\xa9" * 70),
)
NAMES: Final = (
    *b"MSH EVN PID PD1 NK1 PV1 PV2 MRG OBR OBX NTE ORC TXA SCH RGS AIS AIG AIL AIP NPU PRB GOL PTH RF1 PRD ROL PRT AL1 DG1".split(),
    *b"ZZZ XYZ FHS BHS BTS FTS pid P".split(),
    b"",
)
EVENTS: Final = (
    *b"ADT^A01 ADT^A02 ADT^A03 ADT^A08 ADT^A11 ADT^A12 ADT^A13 ADT^A20 ADT^A21 ADT^A28 ADT^A31 ADT^A40 ADT^A47".split(),
    *b"ORU^R01 MDM^T01 MDM^T02 MDM^T08 MDM^T10 MDM^T11 SIU^S12 SIU^S13 SIU^S15 SIU^S17 SIU^S26".split(),
    *b"PPR^PC1 PPR^PC3 PGL^PC6 PGL^PC8 REF^I12 ORM^O01 ADT ^".split(),
    b"",
)
ENCODINGS: Final = (b"|^~\\\\&|", b"|^~\\&#|", b"|^_\\&|", b"$^~\\&$", b"||||||", b"|^^^^|", b"|", b"|^~", b"^~\\&|^")

Mutation = Callable[[list[bytes], random.Random], list[bytes]]


def seeds() -> list[list[bytes]]:
    """Return whole messages as segments: what is made, what the guide has, and the golden ones."""
    texts = [data for kind in KINDS for data in messages(kind, 3)]
    texts += [path.read_bytes() for path in sorted(GUIDE.glob("*.hl7"))]
    texts += [path.read_bytes() for path in sorted(GOLDEN.glob("hl7v2-*/*.source.*"))]
    return [[line for line in text.replace(b"\n", b"\r").split(b"\r") if line] for text in texts]


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """Yield that many inputs, each one or several steps away from a message."""
    chance = random.Random(seed)
    known = seeds()
    for _ in range(count):
        segments = list(chance.choice(known))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            segments = chance.choice(MUTATIONS)(segments, chance) or [b""]
        yield chance.choice(WRAPPINGS)(segments, chance)


def _at(segments: list[bytes], chance: random.Random) -> int:
    return chance.randrange(len(segments))


def other_value(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Put a strange value into a field, a component or a repetition."""
    at = _at(segments, chance)
    separator = chance.choice((b"|", b"|", b"|", b"^", b"~", b"&"))
    parts = segments[at].split(separator)
    parts[chance.randrange(len(parts))] = chance.choice(VALUES)
    segments[at] = separator.join(parts)
    return segments


def field_from_elsewhere(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Put a field of one segment into another."""
    given, at = segments[_at(segments, chance)].split(b"|"), _at(segments, chance)
    parts = segments[at].split(b"|")
    parts[chance.randrange(len(parts))] = chance.choice(given)
    segments[at] = b"|".join(parts)
    return segments


def shifted_fields(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Lose or add a separator, so that all that follows stands one place further."""
    at = _at(segments, chance)
    parts = segments[at].split(b"|")
    place = chance.randrange(len(parts))
    parts[place:place] = [b""] * chance.choice((1, 2, 40))
    segments[at] = b"|".join(parts)
    return segments


def lost_segment(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Leave a segment out."""
    del segments[_at(segments, chance)]
    return segments


def doubled_segment(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Have a segment several times."""
    at = _at(segments, chance)
    return segments[:at] + [segments[at]] * chance.choice((2, 3, 20)) + segments[at + 1 :]


def moved_segment(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Put a segment somewhere else."""
    taken = segments.pop(_at(segments, chance))
    segments.insert(chance.randrange(len(segments) + 1), taken)
    return segments


def renamed_segment(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Give a segment another name."""
    at = _at(segments, chance)
    segments[at] = chance.choice(NAMES) + segments[at][3:]
    return segments


def other_event(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Call the message by another event than what is in it."""
    parts = segments[0].split(b"|")
    if len(parts) > 8:
        parts[8] = chance.choice(EVENTS)
    segments[0] = b"|".join(parts)
    return segments


def cut_off(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Lose the end."""
    kept = segments[: _at(segments, chance) + 1]
    kept[-1] = kept[-1][: chance.randrange(len(kept[-1]) + 1)]
    return kept


def flipped_bytes(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Change some bytes to any others."""
    at = _at(segments, chance)
    text = bytearray(segments[at])
    for _ in range(chance.choice((1, 1, 4, 30)) if text else 0):
        text[chance.randrange(len(text))] = chance.randrange(256)
    segments[at] = bytes(text)
    return segments


def inserted_bytes(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Put bytes in between."""
    at = _at(segments, chance)
    place = chance.randrange(len(segments[at]) + 1)
    segments[at] = segments[at][:place] + chance.randbytes(chance.choice((1, 2, 9))) + segments[at][place:]
    return segments


def other_separators(segments: list[bytes], chance: random.Random) -> list[bytes]:
    """Declare other separators than those in use."""
    segments[0] = b"MSH" + chance.choice(ENCODINGS) + segments[0][9:]
    return segments


MUTATIONS: Final[tuple[Mutation, ...]] = (
    other_value, other_value, other_value, other_value, field_from_elsewhere, shifted_fields, lost_segment, doubled_segment, moved_segment,
    renamed_segment, other_event, cut_off, flipped_bytes, inserted_bytes, other_separators,
)  # fmt: skip


def _returns(segments: list[bytes], chance: random.Random) -> bytes:
    return b"\r".join([*segments, b""])


def _other_ends(segments: list[bytes], chance: random.Random) -> bytes:
    return chance.choice((b"\n", b"\r\n", b"\r\r", b"\n\r")).join([*segments, b""])


def _framed(segments: list[bytes], chance: random.Random) -> bytes:
    return b"\x0b" + b"\r".join(segments) + chance.choice((b"\x1c\r", b"\r\x1c\r", b"\x1c", b"\r", b""))


def _batch(segments: list[bytes], chance: random.Random) -> bytes:
    whole = b"\r".join([*segments, b""])
    return b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + whole * chance.choice((1, 2)) + chance.choice((b"BTS|1\rFTS|1\r", b"BTS|9\r", b""))


def _wide(segments: list[bytes], chance: random.Random) -> bytes:
    return b"\r".join(segments).decode("latin-1").encode(chance.choice(("utf-16", "utf-16-le", "utf-16-be")))


WRAPPINGS: Final = (_returns, _returns, _returns, _returns, _other_ends, _framed, _batch, _wide)
