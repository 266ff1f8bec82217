"""Lines of JSON, cut from an answer as it arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from gateway.errors import PermanentError, TransientError

# No record of a person is this long; a line without an end would fill the memory.
MAX_LINE_BYTES: Final = 8 * 1024 * 1024


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines that aren't empty, each with its own bytes.

    Raises:
        TransientError: the stream ends in the middle of a line.
        PermanentError: a line has no end within reason.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise PermanentError("a record is longer than 8 MiB")
        yield from (line for line in map(bytes.strip, whole) if line)
    last = rest.strip()
    if last and not _whole(last):
        raise TransientError("the stream ended in the middle of a record")
    if last:
        yield last


def _whole(line: bytes) -> bool:
    """Tell whether a last line without its line end is JSON all the same: some servers leave the end out."""
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
