"""Where the segments of a message lie in its text, and by which characters it is divided: the careful way to read one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from gateway.er7.note import Note, NotHL7
from gateway.er7.separators import STANDARD, Separators, read_separators

__all__ = ["HEADERS", "NAME", "STANDARD", "Layout", "layout"]

NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
HEADERS = frozenset({"MSH", "FHS", "BHS"})
# The name of a segment that has none.
NAMELESS = "???"
# A line without a segment's name that comes while one of these fields is open continues it: its text has a bare line end in it.
TEXT_FIELDS = {"OBX": 5, "NTE": 3}
# What follows the name of a header: its separator, a few characters that divide, and the separator again. A line of text that begins
# with "MSH:" is no header.
DECLARATION = r"(?=\||([^A-Za-z0-9 \t\r\n])[^A-Za-z0-9 \t\r\n]{0,6}?\%d)"
HEADER = re.compile(rf"(?:\A|[\r\n\x0b\ufeff])[ \t]*(MSH){DECLARATION % 2}")
LINE_END = re.compile("[\r\n]")
BLANK = " \t\r\n\x0b\x1c\0\ufeff"
MOST_SEGMENTS = 250_000
MOST_FIELDS = 1_000
# More notes than this tell nobody more.
MOST_NOTES = 20


@dataclass(frozen=True, slots=True)
class Layout:
    """The text (without NUL), its separators, and ``[start, end)`` of each segment in it."""

    text: str
    separators: Separators
    spans: list[tuple[int, int]]
    notes: tuple[Note, ...]

    def segments(self) -> list[list[str]]:
        """Return the fields of each segment as ``Message`` has them."""
        return [self._fields(self.text[start:end]) for start, end in self.spans]

    def _fields(self, raw: str) -> list[str]:
        raw = re.sub("\r\n?", "\n", raw) if "\r" in raw else raw
        if raw[:3] in HEADERS and raw[3:4] == self.separators.field:
            rest = raw[4:].split(self.separators.field, MOST_FIELDS)[1:]
            return [raw[:3], STANDARD.field, STANDARD.encoding, *map(self.separators.normalise, rest)]
        fields = self.separators.normalise(raw).split(STANDARD.field, MOST_FIELDS)
        if not NAME.fullmatch(fields[0]):
            # A line of text that stands alone: what it says is no name, and is shown to nobody as one.
            fields[0] = NAMELESS
        return fields


def layout(text: str) -> Layout:
    """Find the segments of the message in a text, from its first MSH on.

    Raises:
        NotHL7: there is no readable MSH segment, or there are more segments than any message has.
    """
    notes = []
    if "\0" in text:
        text = text.replace("\0", "")
        notes.append(Note("structure", None, "NUL characters were left out"))
    header = HEADER.search(text)
    if not header:
        raise NotHL7("no line begins with MSH and a field separator")
    if text[: header.start(1)].strip(BLANK):
        notes.append(Note("structure", None, "text before the MSH segment was passed over"))
    separators, found = read_separators(text, header.start(1))
    spans: list[tuple[int, int]] = []
    notes += found
    notes += _few(_place(text, header.start(1), separators.field, spans))
    return Layout(text, separators, spans, tuple(notes))


def _few(notes: Iterator[Note]) -> list[Note]:
    few = list(islice(notes, MOST_NOTES))
    more = sum(1 for _ in notes)
    return [*few, Note("structure", None, f"{more} more lines had to be put right")] if more else few


def _place(text: str, begin: int, field: str, spans: list[tuple[int, int]]) -> Iterator[Note]:
    """Fill ``spans`` with the segments; yield what had to be put right."""
    name = re.compile(rf"[ \t]*([A-Z][A-Z0-9]{{2}})(?={re.escape(field)}|\Z)")
    hidden = re.compile(rf"\n[A-Z][A-Z0-9]{{2}}{re.escape(field)}")
    divided = 0  # by how many separators the segment is, so far
    for start, end in _lines(text, begin):
        if len(spans) == MOST_SEGMENTS:
            raise NotHL7(f"more than {MOST_SEGMENTS} segments")
        line = text[start:end]
        if found := name.match(line):
            spans.append((start + found.start(1), end))
            divided = line.count(field)
            if "\n" in line and hidden.search(line):
                yield Note("structure", len(spans) - 1, "a line feed in a field is followed by what looks like a segment")
        elif TEXT_FIELDS.get(text[spans[-1][0] : spans[-1][0] + 3]) == divided:
            spans[-1] = (spans[-1][0], end)
            divided += line.count(field)
            yield Note("structure", len(spans) - 1, "a line without a segment name was read as text of the segment before it")
        else:
            spans.append((start, end))
            divided = 0
            yield Note("structure", len(spans) - 1, "a line begins without a segment name")


def _lines(text: str, begin: int) -> Iterator[tuple[int, int]]:
    """Yield the lines that are not blank; line feeds at the edges are part of the line end."""
    for found in re.compile("[^\r]+" if ends_with_return(text, begin, returns="\r" in text) else "[^\r\n]+").finditer(
        text, begin
    ):
        start, end = found.span()
        while start < end and text[start] in "\n\x0b\ufeff":
            start += 1
        while start < end and text[end - 1] in "\n\x1c":
            end -= 1
        if text[start:end].strip(BLANK):
            yield start, end


def ends_with_return(text: str, begin: int, *, returns: bool) -> bool:
    """Is a carriage return the segment terminator, so that a line feed is part of a field?

    ``begin`` is where the MSH segment is; ``returns``: there is a carriage return somewhere.
    """
    end = LINE_END.search(text, begin)
    if not end or end[0] == "\r":
        return True
    after = text[end.end() : end.end() + 5]
    segment = NAME.match(after) or not after.strip()
    return after.startswith("\r") or (returns and not segment)
