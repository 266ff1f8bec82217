"""One file, request or capture as the messages in it: MLLP frames, FHS/BHS batches, several messages one after another.

Every byte that is not framing, white space or a batch segment is in exactly one unit; what holds no message is a unit of its own, so
that it can be accounted for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.er7.batches import pieces
from gateway.er7.charset import UNMARKED
from gateway.er7.note import Note

# A frame: 0B, the message, 1C 0D. Some senders leave the 0D out; then another frame or the end has to follow. A 0B after a frame
# opens the next whatever follows, elsewhere only before a header: it may be text.
HEADER = rb"[ \t\r\n\0]*(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\0?(?:(?:MSH|FHS|BHS)[^A-Za-z0-9\s]|M\0S\0H|F\0H\0S|B\0H\0S)"
EDGE = re.compile(rb"(?P<end>\x1c(?:\r\n?|\n|(?=\x0b)|\Z)(?P<next>[\r\n]*\x0b)?)|\x0b(?=" + HEADER + rb")")
OPENED = re.compile(rb"[ \t\r\n]*\x0b")
WIDE_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
BLANK = b" \t\r\n\x0b\x1c\0"
ELSEWHERE = (b"\x0b", b"\x1c", b"BHS", b"BTS", b"FHS", b"FTS")
NO_START = Note("structure", None, "the MLLP frame has no start character")


@dataclass(frozen=True, slots=True, repr=False)
class Unit:
    """One message, or what stands where one should be.

    ``offset`` is the position of ``data`` in the input; ``framed``: it came in an MLLP frame; ``complete``: False in a frame that was
    cut off and for an empty input: these get no acknowledgement. ``notes`` tell about the frame or the batch it was in.
    """

    index: int
    offset: int
    data: bytes
    framed: bool
    complete: bool
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the input: one frame's content, or what stands between frames."""

    start: int
    end: int
    framed: bool
    complete: bool = True
    notes: tuple[Note, ...] = ()


def units(data: bytes) -> Iterator[Unit]:
    """Yield the units of an input in order; at least one, also for an empty input. Any bytes are an input."""
    if _is_one_message(data):
        yield Unit(0, 0, data, framed=False, complete=True)
        return
    index = 0
    for part in _parts(data):
        for start, end, notes in _spans(data, part):
            yield Unit(index, start, data[start:end], part.framed, part.complete, part.notes + tuple(notes))
            index += 1
    if not index:
        yield Unit(0, 0, data, framed=False, complete=False)


def _is_one_message(data: bytes) -> bool:
    """See at a glance what most inputs are: nothing in them could begin or end anything else."""
    return data.startswith(b"MSH") and data.find(b"MSH", 3) < 0 and not any(map(data.__contains__, ELSEWHERE))


def _parts(data: bytes) -> Iterator[_Part]:
    """Cut a capture at the edges of its frames. Without any it is one part."""
    opened = OPENED.match(data)
    start, framed = (opened.end(), True) if opened else (0, False)
    for edge in EDGE.finditer(data, start):
        if edge["end"] is not None:
            yield _Part(start, edge.start(), framed=True, notes=() if framed else (NO_START,))
        else:
            yield _Part(start, edge.start(), framed, complete=not framed)
        start, framed = edge.end(), edge["end"] is None or edge["next"] is not None
    yield _Part(start, len(data), framed, complete=not framed)


def _spans(data: bytes, part: _Part) -> Iterator[tuple[int, int, list[Note]]]:
    """Yield where the messages of a part are in the input."""
    if part.start == part.end:
        return
    text, size = _text(data, part)
    at, start = 0, part.start
    for piece in pieces(text):
        start += size(text[at : piece.start])
        at = piece.end
        end = part.end if at == len(text) else start + size(text[piece.start : at])
        yield start, end, piece.notes
        start = end


def _text(data: bytes, part: _Part) -> tuple[str, Callable[[str], int]]:
    """Return a part as text to look for segment names in, and how many bytes a stretch of that text takes."""
    content = data[part.start : part.end]
    for encoding in (
        *(name for mark, name in WIDE_MARKS if content.startswith(mark)),
        *(name for pattern, name in UNMARKED if pattern.match(content)),
    ):
        text = content.decode(encoding, "replace")
        return text, lambda stretch, encoding=encoding: len(stretch.encode(encoding, "surrogatepass"))
    return content.decode("latin-1"), len
