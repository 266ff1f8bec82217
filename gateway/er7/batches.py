"""A text with any number of messages, with or without the file and batch segments (FHS, BHS, BTS, FTS) around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.er7.layout import BLANK, DECLARATION, ends_with_return
from gateway.er7.note import Note

# Files that were put together keep their byte order marks: as characters, or read byte by byte.
_TRAILER = r"(?=\||[\r\n]|\Z|[^A-Za-z0-9 \t\r\n]\d*(?:[^A-Za-z0-9 \t]|\Z))"
_START = rf"((?:\xef\xbb\xbf|\ufeff)?(?:(?P<header>MSH|FHS|BHS){DECLARATION % 3}|(?P<trailer>BTS|FTS){_TRAILER}))"
# Where a segment can begin: after any line end, or, where line feeds are text, after a carriage return only.
AFTER_ANY = re.compile(rf"(?:\A|[\r\n])[ \t\0\x0b]*{_START}")
AFTER_RETURN = re.compile(rf"(?:\A|\r\n*)[ \t\0\x0b]*{_START}")
LINE_END = re.compile(r"[\r\n]|\Z")


@dataclass(slots=True)
class Piece:
    """A part of a text with one message, or with none where one should be. ``notes`` tell about the batch it was in."""

    start: int
    end: int
    notes: list[Note] = field(default_factory=list)


def pieces(text: str) -> Iterator[Piece]:
    """Yield the messages of a text in order; nothing for a text of white space.

    What stands before a message belongs to it; what stands alone between batch segments is a piece of its own; so is a text of batch
    segments only.
    """
    held: Piece | None = None
    told: list[Note] = []
    for found in _Batches(text).found():
        if isinstance(found, Note):
            (held.notes if held else told).append(found)
        else:
            if held:
                yield held
            held = found
            held.notes += told
            told.clear()
    if held or text.strip(BLANK):
        yield held or Piece(0, len(text), told)


class _Batches:
    """One pass over a text, counting what its batch segments count."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.returns = "\r" in text
        self.messages = self.batches = 0
        self.open: dict[str, bool] = {}

    def found(self) -> Iterator[Piece | Note]:
        """Yield the pieces, and notes about those before them."""
        begin, message = 0, False
        for segment in self._segments():
            at = segment.start(1)
            name = segment["header"] or segment["trailer"]
            if name == "MSH":
                self.messages += 1
                if message or not self._holds_text(begin, at):
                    yield from self._piece(begin, at)
                    begin = at
                message = True
                continue
            yield from self._piece(begin, at)
            end = LINE_END.search(self.text, at)
            begin, message = end.start() if end else len(self.text), False
            yield from self._batch_segment(name, self.text[segment.end() : begin])
        yield from self._piece(begin, len(self.text))
        yield from (self._unclosed(name) for name, still in self.open.items() if still)

    def _segments(self) -> Iterator[re.Match[str]]:
        segment = AFTER_ANY.search(self.text)
        while segment:
            yield segment
            in_message = segment["header"] == "MSH" and ends_with_return(self.text, segment.start(1), returns=self.returns)
            segment = (AFTER_RETURN if in_message else AFTER_ANY).search(self.text, segment.end())

    def _holds_text(self, start: int, end: int) -> bool:
        return bool(self.text[start:end].strip(BLANK))

    def _piece(self, start: int, end: int) -> Iterator[Piece]:
        if self._holds_text(start, end):
            yield Piece(start, end)

    def _batch_segment(self, name: str, rest: str) -> Iterator[Note]:
        kind = "file" if name[0] == "F" else "batch"
        if name in ("BTS", "FTS"):
            self.open[kind] = False
            yield from self._counted(kind, rest, self.messages if kind == "batch" else self.batches)
        elif self.open.get(kind):
            yield self._unclosed(kind)
        if name in ("BHS", "FHS"):
            self.open[kind] = True
        if name == "BHS":
            self.batches += 1
        if name in ("BHS", "BTS"):
            self.messages = 0

    @staticmethod
    def _counted(kind: str, rest: str, count: int) -> Iterator[Note]:
        """Compare a trailer's own count (field 1, may be empty) with what was there."""
        said = rest[1:].partition(rest[:1] or "|")[0].strip()
        if said.isdecimal() and len(said) < 10 and int(said) != count:
            of, trailer = ("messages", "BTS-1") if kind == "batch" else ("batches", "FTS-1")
            yield Note("structure", None, f"{trailer} says {int(said)} {of}, the {kind} holds {count}")

    @staticmethod
    def _unclosed(kind: str) -> Note:
        return Note("structure", None, f"the {kind} has no trailer segment; the end may be missing")
