"""MLLP framing: bytes in whatever pieces the network gives, whole frames out.

A frame is ``<VT> message <FS><CR>``. Senders differ, so LF or the next VT after the FS will do for the CR, or nothing when nothing more
comes; and a frame without its VT is taken too unless it is blank. An FS before anything else belongs to the message, and so does a VT
(a word processor's line break), unless a header follows it: then the sender began again, and what stood before was never finished. How
the bytes were cut never changes the frames. ``gateway/er7/units.py`` reads captures by the same rules.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

VT: Final = b"\x0b"
FS: Final = b"\x1c"
BLANK: Final = b"\r\n \t\x00\x0b"
# What follows an FS that ends something. The last byte there is may be one too: what follows tells, or that nothing does.
AFTER_END: Final = frozenset(b"\r\n\x0b")
# A start byte that a header follows; a byte order mark may stand between.
START: Final = re.compile(rb"\x0b(?=(?:\xef\xbb\xbf)?[ \t\r\n]{0,64}(?:MSH|FHS|BHS)[^A-Za-z0-9\s])")
# A header at the beginning of a line, for a frame without its start byte.
HEADER: Final = re.compile(rb"(?:\A|[\r\n])[ \t]{0,64}(?=(?:\xef\xbb\xbf)?(?:MSH|FHS|BHS)[^A-Za-z0-9\s])")
# The CR of the frame before and the VT of this one come on top of the message itself.
AROUND: Final = 2


class Frame(NamedTuple):
    """One message as it came. ``skipped`` counts the bytes before it that belong to no message."""

    data: bytes
    skipped: int = 0


class Oversize(NamedTuple):
    """More bytes than a message may have: the last thing that a framer gives. ``data`` is as much of it as one may have."""

    data: bytes


class Framer:
    """Cuts one connection's bytes into frames. ``limit`` is the most bytes that a message may have."""

    def __init__(self, limit: int) -> None:
        self._limit = limit + AROUND
        self._rest = bytearray()
        self._seen = 0
        self._over = False

    def feed(self, data: bytes) -> list[Frame | Oversize]:
        """Take bytes and return the frames that they complete, in order. After ``Oversize`` nothing more comes."""
        found: list[Frame | Oversize] = []
        if self._over:
            return found
        self._rest += data
        begin = 0
        while (end := self._end(max(begin, self._seen))) >= 0 and end - begin <= self._limit:
            frame = _frame(bytes(self._rest[begin:end]))
            begin = end + 1
            if frame is not None:
                found.append(frame)
        del self._rest[:begin]
        # An FS that is the last byte now is looked at again with what comes next.
        self._seen = len(self._rest) - self.may_have_ended
        if len(self._rest) > self._limit + self.may_have_ended:
            self._over = True
            found.append(Oversize(data=_frame_start(bytes(self._rest[: self._limit + 1]))[: self._limit - AROUND]))
            self._clear()
        return found

    @property
    def may_have_ended(self) -> bool:
        """Whether an FS is the last byte that came: the end of a message unless more of it comes."""
        return self._rest.endswith(FS)

    def flush(self) -> list[Frame | Oversize]:
        """Nothing comes for now: return the message that an FS as the last byte then ends."""
        if not self.may_have_ended:
            return []
        frame = _frame(bytes(self._rest[:-1]))
        self._clear()
        return [] if frame is None else [frame]

    def _end(self, begin: int) -> int:
        """Return where the message ends; -1 when its end hasn't come."""
        rest = self._rest
        end = rest.find(FS, begin)
        while end >= 0 and (end + 1 == len(rest) or rest[end + 1] not in AFTER_END):
            end = rest.find(FS, end + 1)
        return end

    def _clear(self) -> None:
        self._rest.clear()
        self._seen = 0

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished message there are."""
        return len(self._rest.strip(BLANK))


def _frame(chunk: bytes) -> Frame | None:
    """Return the message in what stands before an FS; ``None`` when that is blank."""
    data = _frame_start(chunk)
    if not data.strip(BLANK):
        return None
    before = len(chunk) - len(data)
    return Frame(data, len(chunk[:before].strip(BLANK)) if before > AROUND else 0)


def _frame_start(chunk: bytes) -> bytes:
    first = chunk.find(VT)
    if 0 <= first < AROUND and chunk.rfind(VT) == first:
        return chunk[first + 1 :]
    if first >= 0 and (headers := [found.end() for found in START.finditer(chunk)]):
        return chunk[headers[-1] :]
    header = HEADER.search(chunk)
    if header is not None and (first < 0 or header.end() < first):
        return chunk[header.end() :]
    return chunk[first + 1 :] if first >= 0 else chunk.lstrip(BLANK)
