"""From bytes to characters, whatever MSH-18 claims.

The order: a byte order mark; UTF-8 if every byte agrees; what MSH-18 (or else the source's overlay) declares; Windows-1252. Text in
another encoding that happens to be valid multi-byte UTF-8 is so unlikely that UTF-8 wins over a declaration.
"""

from __future__ import annotations

import codecs
import re
from functools import cache, lru_cache
from typing import NamedTuple

from gateway.er7.note import Note

UTF8 = "utf-8"
# The longest marks first: UTF-32's begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# UTF-16 without a mark: a segment name with a zero byte beside each letter.
UNMARKED = (
    (re.compile(rb"(?:[\t\n\r ]\0)*[A-Z]\0[A-Z0-9]\0[A-Z0-9]\0"), "utf-16-le"),
    (re.compile(rb"(?:\0[\t\n\r ])*\0[A-Z]\0[A-Z0-9]\0[A-Z0-9]"), "utf-16-be"),
)
# Names of table 0211 and what senders write for them, without case and punctuation.
NAMES = {
    "ascii": "ascii",
    "usascii": "ascii",
    "unicode": UTF8,
    "utf8": UTF8,
    "unicodeutf8": UTF8,
    "utf16": "utf-16",
    "unicodeutf16": "utf-16",
    "utf32": "utf-32",
    "unicodeutf32": "utf-32",
    "cp1252": "cp1252",
    "windows1252": "cp1252",
    "ansi": "cp1252",
}
ISO_8859 = re.compile(r"(?:iso)?8859(\d{1,2})")
HEADER = b"MSH|"
DECLARED = re.compile(rb"MSH([^A-Za-z0-9 \t\r\n])")
C1 = bytes(range(0x80, 0xA0))
HIGH = bytes(range(0x80, 0x100))
# How Python keeps a byte that is no UTF-8.
BROKEN = re.compile("[\udc80-\udcff]+")


class Decoded(NamedTuple):
    """Text and how it was got: ``measured``, of the same length, is in ``encoding`` exactly the bytes from ``skipped`` on."""

    text: str
    encoding: str
    skipped: int
    notes: tuple[Note, ...]
    measured: str


@lru_cache(maxsize=256)
def codec(name: str) -> str | None:
    """Return the Python codec for a name as MSH-18 has it (``8859/15``, ``UNICODE UTF-8``), or ``None`` when it is not known."""
    plain = re.sub(r"[^a-z0-9]", "", name.partition("~")[0].lower())
    if found := ISO_8859.fullmatch(plain):
        return f"iso8859-{int(found[1])}" if 1 <= int(found[1]) <= 16 and found[1] != "12" else None
    return NAMES.get(plain)


def decode(data: bytes, charset: str | None = None) -> Decoded:
    """Read bytes as text; every input has a reading. ``charset`` is what to take for declared when MSH-18 is empty."""
    # Most begin with a header in one byte a character: neither with a mark, nor with letters that have a zero byte beside them.
    if data[:4] != HEADER:
        for mark, encoding in MARKS:
            if data.startswith(mark):
                return _marked(data, encoding, len(mark))
        for pattern, encoding in UNMARKED:
            if pattern.match(data):
                return _marked(data, encoding, 0)
    declared = _declared(data) or charset or ""
    try:
        text = data.decode(UTF8)
    except UnicodeDecodeError:
        return _eight_bits(data, declared)
    return _decoded(text, UTF8, notes=() if data.isascii() else _overruled(declared))


def _decoded(text: str, encoding: str, skipped: int = 0, notes: tuple[Note, ...] = (), measured: str | None = None) -> Decoded:
    return Decoded(text, encoding, skipped, notes, text if measured is None else measured)


def _marked(data: bytes, encoding: str, skipped: int) -> Decoded:
    try:
        return _decoded(data[skipped:].decode(encoding), encoding, skipped)
    except UnicodeDecodeError:
        if encoding == UTF8:
            return _broken_utf8(data, skipped)
        note = Note("charset", None, f"some bytes are no {encoding}; they are shown as a replacement character")
        return _decoded(data[skipped:].decode(encoding, "replace"), encoding, skipped, (note,))


def _declared(data: bytes) -> str:
    found = DECLARED.search(data)
    if not found:
        return ""
    header = re.split(rb"[\r\n]", data[found.start() : found.start() + 4096], maxsplit=1)[0].split(found[1], 18)
    return header[17].decode("latin-1") if len(header) > 17 else ""


def _overruled(declared: str) -> tuple[Note, ...]:
    if not declared or codec(declared) == UTF8:
        return ()
    return (Note("charset", None, "MSH-18 declares another character set, but the bytes are UTF-8 and were read as such"),)


def _eight_bits(data: bytes, declared: str) -> Decoded:
    """Read bytes that are not UTF-8 throughout."""
    encoding = codec(declared)
    if encoding is None or not encoding.startswith("iso8859"):
        if _mostly_utf8(data):
            return _broken_utf8(data, 0)
        return _decoded(_characters(data, "cp1252"), "cp1252", notes=(_fallback(declared, encoding),))
    if data.translate(None, C1) == data:
        return _decoded(_characters(data, encoding), encoding)
    note = Note("charset", None, "bytes 80 to 9F mean nothing in the declared character set; they were read as Windows-1252")
    return _decoded(_characters(data, encoding), "cp1252" if encoding == "iso8859-1" else encoding, notes=(note,))


def _mostly_utf8(data: bytes) -> bool:
    """Are there more whole characters of several bytes than bytes that fit nowhere?"""
    text = data.decode(UTF8, "surrogateescape")
    whole = len(data) - len(text)
    return whole > len(text) - len(data.translate(None, HIGH)) - whole


def _broken_utf8(data: bytes, skipped: int) -> Decoded:
    """Read UTF-8 with a few broken bytes (a text cut at a number of bytes), so that one does not spoil all other diacritics."""
    text = data[skipped:].decode(UTF8, "surrogateescape")
    note = Note("charset", None, "some bytes are no UTF-8; those were read as Windows-1252")
    return _decoded(BROKEN.sub(_windows, text), UTF8, skipped, (note,), measured=text)


def _windows(found: re.Match[str]) -> str:
    return _characters(found[0].encode(UTF8, "surrogateescape"), "cp1252")


def _fallback(declared: str, encoding: str | None) -> Note:
    if not declared:
        return Note("charset", None, "MSH-18 is empty and the bytes are no UTF-8; they were read as Windows-1252")
    why = "is not known here" if encoding is None else "does not fit the bytes"
    return Note("charset", None, f"the character set in MSH-18 {why}; the bytes were read as Windows-1252")


def _characters(data: bytes, encoding: str) -> str:
    """Decode a one-byte character set; 80-9F is Windows-1252 in each."""
    return codecs.charmap_decode(data, "strict", _table(encoding))[0]


@cache
def _table(encoding: str) -> str:
    """Return the 256 characters of a one-byte character set. What Windows-1252 leaves open stays the control character."""
    table = bytes(range(256)).decode("latin-1" if encoding == "cp1252" else encoding, "replace")
    windows = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in C1)
    return table[:0x80] + windows + table[0xA0:]
