"""From bytes to characters, whatever MSH-18 claims.

The order: a byte order mark; UTF-8 if every byte agrees; what MSH-18 (or else the source's overlay) declares; Windows-1252. Text in
another encoding that happens to be valid multi-byte UTF-8 is so unlikely that UTF-8 wins over a declaration.
"""

from __future__ import annotations

import codecs
import re
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
DECLARED = re.compile(rb"MSH([^A-Za-z0-9\s])")
C1 = bytes(range(0x80, 0xA0))


class Decoded(NamedTuple):
    """Text and how it was got: one character for each code unit of ``encoding``, from byte ``skipped`` on."""

    text: str
    encoding: str
    skipped: int
    notes: tuple[Note, ...]


def codec(name: str) -> str | None:
    """Return the Python codec for a name as MSH-18 has it (``8859/15``, ``UNICODE UTF-8``), or ``None`` when it is not known."""
    plain = re.sub(r"[^a-z0-9]", "", name.partition("~")[0].lower())
    if found := ISO_8859.fullmatch(plain):
        return f"iso8859-{int(found[1])}" if 1 <= int(found[1]) <= 16 and found[1] != "12" else None
    return NAMES.get(plain)


def decode(data: bytes, charset: str | None = None) -> Decoded:
    """Read bytes as text; every input has a reading. ``charset`` is what to take for declared when MSH-18 is empty."""
    if data.isascii() and b"\0" not in data:
        return Decoded(data.decode("ascii"), UTF8, 0, ())
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _wide(data, encoding, len(mark))
    for pattern, encoding in UNMARKED:
        if pattern.match(data):
            return _wide(data, encoding, 0)
    declared = _declared(data) or charset or ""
    try:
        return Decoded(data.decode(UTF8), UTF8, 0, _overruled(declared))
    except UnicodeDecodeError:
        return _narrow(data, declared)


def _wide(data: bytes, encoding: str, skipped: int) -> Decoded:
    try:
        return Decoded(data[skipped:].decode(encoding), encoding, skipped, ())
    except UnicodeDecodeError:
        note = Note("charset", None, f"some bytes are no {encoding}; they are shown as a replacement character")
        return Decoded(data[skipped:].decode(encoding, "replace"), encoding, skipped, (note,))


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


def _narrow(data: bytes, declared: str) -> Decoded:
    encoding = codec(declared)
    if encoding is None or not encoding.startswith("iso8859"):
        return Decoded(_characters(data, "cp1252"), "cp1252", 0, (_fallback(declared, encoding),))
    if data.translate(None, C1) == data:
        return Decoded(_characters(data, encoding), encoding, 0, ())
    note = Note("charset", None, "bytes 80 to 9F mean nothing in the declared character set; they were read as Windows-1252")
    return Decoded(_characters(data, encoding), "cp1252" if encoding == "iso8859-1" else encoding, 0, (note,))


def _fallback(declared: str, encoding: str | None) -> Note:
    if not declared:
        return Note("charset", None, "MSH-18 is empty and the bytes are no UTF-8; they were read as Windows-1252")
    why = "is not known here" if encoding is None else "does not fit the bytes"
    return Note("charset", None, f"the character set in MSH-18 {why}; the bytes were read as Windows-1252")


def _characters(data: bytes, encoding: str) -> str:
    """Decode a one-byte character set. 80-9F is Windows-1252 in each; what that leaves open stays the control character."""
    table = bytes(range(256)).decode("latin-1" if encoding == "cp1252" else encoding, "replace")
    windows = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in C1)
    return codecs.charmap_decode(data, "strict", table[:0x80] + windows + table[0xA0:])[0]
