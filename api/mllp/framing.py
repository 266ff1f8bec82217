"""MLLP framing: bytes in whatever pieces the network gives, whole frames out.

A frame is ``<VT> message <FS><CR>``. Senders differ, so a frame ends at its FS whatever follows it (CR, LF, the next VT, nothing), and
one without its VT is taken too unless it is blank. A VT within a message (a word processor's line break) belongs to it, unless a header
follows: then the sender began again, and what stood before was never finished. How the bytes were cut never changes the frames.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

VT: Final = b"\x0b"
FS: Final = b"\x1c"
BLANK: Final = b"\r\n \t\x00\x0b"
# A start byte that a header follows; a byte order mark may stand between.
START: Final = re.compile(rb"\x0b(?=(?:\xef\xbb\xbf)?[ \t\r\n]{0,64}(?:MSH|FHS|BHS))")
# A header at the beginning of a line, for a frame without its start byte.
HEADER: Final = re.compile(rb"(?:\A|[\r\n])[ \t]{0,64}(?=(?:\xef\xbb\xbf)?(?:MSH|FHS|BHS)[^A-Za-z0-9\s])")
# The CR of the frame before and the VT of this one come on top of the message itself.
AROUND: Final = 2
HEAD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message as it came. ``skipped`` counts the bytes before it that belong to no message."""

    data: bytes
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversize:
    """More bytes than a message may have: the last thing that a framer gives. ``head`` is where it begins."""

    head: bytes


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
        while (end := self._rest.find(FS, max(begin, self._seen))) >= 0 and end - begin <= self._limit:
            frame = _frame(bytes(self._rest[begin:end]))
            begin = end + 1
            if frame is not None:
                found.append(frame)
        del self._rest[:begin]
        self._seen = len(self._rest)
        if self._seen > self._limit:
            self._over = True
            found.append(Oversize(head=_frame_start(bytes(self._rest[: min(HEAD_BYTES, self._limit)]))))
            self._rest.clear()
        return found

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished message there are."""
        return len(self._rest.strip(BLANK))


def _frame(chunk: bytes) -> Frame | None:
    """Return the message in what stands before an FS; ``None`` when that is blank."""
    data = _frame_start(chunk)
    if not data.strip(BLANK):
        return None
    return Frame(data=data, skipped=len(chunk[: len(chunk) - len(data)].strip(BLANK)))


def _frame_start(chunk: bytes) -> bytes:
    first = chunk.find(VT)
    if first < 0:
        header = HEADER.search(chunk)
        return chunk[header.end() :] if header else chunk.lstrip(BLANK)
    if first == chunk.rfind(VT):
        return chunk[first + 1 :]
    headers = [found.end() for found in START.finditer(chunk)]
    return chunk[headers[-1] :] if headers else chunk[first + 1 :]
