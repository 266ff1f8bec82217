"""Where a value lies in the original bytes: worked out only when somebody asks."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from gateway.er7.charset import Decoded, decode
from gateway.er7.layout import HEADERS, MOST_FIELDS, Layout, layout

Span = tuple[int, int]
# Bytes to a character where that is the same for all; other encodings are measured.
WIDTHS = {"utf-32-le": 4, "utf-32-be": 4}
MEASURED = ("utf-8", "utf-16-le", "utf-16-be")


class Offsets:
    """The byte ranges of one message's segments, fields, repetitions, components and sub-components."""

    def __init__(self, decoded: Decoded, placed: Layout, length: int) -> None:
        self._decoded = decoded
        self._placed = placed
        self._length = length
        self._fields: dict[int, list[int]] = {}

    def range(self, segment: int, field: int, repetition: int = 0, component: int = 0, sub: int = 0) -> Span | None:
        """Return ``[start, end)`` of a value in the original bytes, ``None`` when the message has no such place.

        ``segment`` counts from 0, all else from 1; 0 is the whole (field 0: the segment). A component without a repetition is one of
        the first repetition, a sub-component without a component one of the first component.
        """
        if not 0 <= segment < len(self._placed.spans):
            return None
        span = self._field(segment, field) if field else self._placed.spans[segment]
        separators = self._placed.separators.characters
        component = component or (1 if sub else 0)
        repetition = repetition or (1 if component else 0)
        if self._is_header(segment) and field <= 2:
            separators = "\0\0\0\0\0"  # the separators do not divide themselves
        for separator, number in ((separators[2], repetition), (separators[1], component), (separators[4], sub)):
            span = self._part(span, separator, number) if span and number else span
        return self._bytes(segment, span) if span else None

    def _is_header(self, segment: int) -> bool:
        start = self._placed.spans[segment][0]
        text = self._placed.text
        return text[start : start + 3] in HEADERS and text[start + 3 : start + 4] == self._placed.separators.field

    def _field(self, segment: int, number: int) -> Span | None:
        """Return where a field is in the text. In a header, field 1 is the separator itself, so that the others are one further."""
        start, end = self._placed.spans[segment]
        if self._is_header(segment):
            if number == 1:
                return start + 3, start + 4
            number -= 1
        begins = self._fields.get(segment)
        if begins is None:
            begins = self._fields[segment] = self._begins(start, end)
        return (begins[number], begins[number + 1] - 1) if 0 <= number < len(begins) - 1 else None

    def _begins(self, start: int, end: int) -> list[int]:
        """Return where each field of a segment begins, and one past the end as if another followed."""
        begins = [start]
        for piece in self._placed.text[start:end].split(self._placed.separators.field, MOST_FIELDS):
            begins.append(begins[-1] + len(piece) + 1)
        return begins

    def _part(self, span: Span, separator: str, number: int) -> Span | None:
        """Return where the part with this number is between separators."""
        start, end = span
        for _ in range(number - 1):
            found = self._placed.text.find(separator, start, end)
            if found < 0:
                return None
            start = found + 1
        found = self._placed.text.find(separator, start, end)
        return start, end if found < 0 else found

    def _bytes(self, segment: int, span: Span) -> Span:
        """Return a range of the text as a range of the bytes. What is left out inside it (NUL) is part of it, not what is around."""
        start = self._with_nuls(span[0])
        end = self._with_nuls(span[1] - 1) + 1 if span[1] > span[0] else start
        begin = self._byte(segment, start)
        # Half a character at the end counts as a whole one.
        return min(begin, self._length), min(begin + self._measure(start, end), self._length)

    @cached_property
    def _kept_before_nul(self) -> list[int]:
        positions: list[int] = []
        text, found = self._decoded.measured, -1
        while (found := text.find("\0", found + 1)) >= 0:
            positions.append(found - len(positions))
        return positions

    def _with_nuls(self, position: int) -> int:
        return position + bisect_right(self._kept_before_nul, position)

    @cached_property
    def _width(self) -> int | None:
        if self._decoded.encoding not in MEASURED or len(self._decoded.measured) == self._length:
            return WIDTHS.get(self._decoded.encoding, 1)
        return None

    @cached_property
    def _segment_bytes(self) -> list[Span]:
        """Where each segment starts: in the text with its NULs, and in the bytes."""
        found, text_at, byte_at = [], 0, self._decoded.skipped
        for start, _ in self._placed.spans:
            begin = self._with_nuls(start)
            byte_at += self._measure(text_at, begin)
            text_at = begin
            found.append((text_at, byte_at))
        return found

    def _byte(self, segment: int, position: int) -> int:
        text_at, byte_at = self._segment_bytes[segment]
        return byte_at + self._measure(text_at, position)

    def _measure(self, start: int, end: int) -> int:
        if self._width:
            return (end - start) * self._width
        return len(self._decoded.measured[start:end].encode(self._decoded.encoding, "surrogateescape"))


def offsets(data: bytes, charset: str | None = None) -> Offsets:
    """Return the byte ranges of a message that ``parse`` reads with the same arguments.

    Raises:
        NotHL7: there is no readable MSH segment.
    """
    decoded = decode(data, charset)
    return Offsets(decoded, layout(decoded.text), len(data))
