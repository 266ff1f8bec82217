"""A message as lists of fields: the split that everything downstream reads.

Common messages take one pass of ``str.split``; whatever is unusual goes through ``gateway.er7.layout``, which also knows where each
segment lies in the text. Both give the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter, methodcaller

from gateway.er7.charset import UTF8, decode
from gateway.er7.layout import HEADERS, NAME, STANDARD, layout
from gateway.er7.note import Note

FIELDS = methodcaller("split", "|")
FIRST = itemgetter(0)
PLAIN = "MSH|^~\\&|"
# Above this size the careful way is taken, which has bounds.
LARGE = 1_000_000
# Names seen often, so that they need no pattern.
USUAL = frozenset(
    {"EVN", "PID", "PD1", "NK1", "PV1", "PV2", "MRG", "ROL", "PRT", "AL1", "DG1", "ORC", "OBR", "OBX", "NTE", "TXA", "IN1"}
    | {"SCH", "RGS", "AIS", "AIG", "AIL", "AIP", "NPU", "PRB", "GOL", "PTH", "RF1", "PRD"}
)


@dataclass(slots=True, repr=False)
class Message:
    """One message, separators normalised to ``|^~\\&``.

    ``segments[i][0]`` is a segment's name, ``segments[i][n]`` its field n by HL7's number: raw text with escapes, components and
    repetitions; in MSH (also FHS, BHS) field 1 is ``|`` and 2 ``^~\\&``. Trailing empty fields may be missing. ``charset_declared``
    is MSH-18 as sent, ``charset_used`` a Python codec.
    """

    segments: list[list[str]]
    notes: tuple[Note, ...]
    charset_declared: str | None
    charset_used: str


def parse(data: bytes, charset: str | None = None) -> Message:
    """Split one message.

    ``charset`` (a name as in MSH-18) is what the source is known to send, used when MSH-18 is empty.

    Raises:
        NotHL7: there is no readable MSH segment.
    """
    # Most messages are plain ASCII: their charset needs no thought.
    segments = _plain(data.decode("ascii")) if data.isascii() else None
    if segments is not None:
        return _message(segments, (), UTF8)
    decoded = decode(data, charset)
    segments = _plain(decoded.text)
    if segments is not None:
        return _message(segments, decoded.notes, decoded.encoding)
    placed = layout(decoded.text)
    return _message(placed.segments(), decoded.notes + placed.notes, decoded.encoding)


def _message(segments: list[list[str]], notes: tuple[Note, ...], encoding: str) -> Message:
    header = segments[0]
    return Message(segments, notes, (header[18] or None) if len(header) > 18 else None, encoding)


def _plain(text: str) -> list[list[str]] | None:
    """Return the segments of a message without surprises, ``None`` when there may be one."""
    if not text.startswith(PLAIN) or len(text) > LARGE or "\0" in text or "\x1c" in text:
        return None
    if "\n" in text:
        text = text.replace("\r\n" if "\r" in text else "\n", "\r")
        if "\n" in text:
            return None
    segments = list(map(FIELDS, filter(None, text.split("\r"))))
    unusual = set(map(FIRST, segments[1:])) - USUAL
    if unusual and (unusual & HEADERS or not all(map(NAME.fullmatch, unusual))):
        return None
    segments[0].insert(1, STANDARD.field)
    return segments
