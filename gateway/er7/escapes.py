"""Escape sequences in the text of one component (HL7 v2 chapter 2, "Use of escape sequences in text fields")."""

from __future__ import annotations

import re

LITERAL = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", "P": "#", "H": "", "N": ""}
FORMATTING = {".br": "\n", ".ce": "\n", ".sp": "\n", ".sk": " ", ".fi": "", ".nf": "", ".in": "", ".ti": ""}
SIMPLE = {**LITERAL, **FORMATTING}
REPEATED = {".sp", ".sk"}
# More blank lines than this is no layout but an attempt to fill memory.
MOST_REPEATS = 100
# Runs of \X..\ are read as one, since a character may be spread over several. \Z, \C and \M are recognised only to keep them whole.
ESCAPE = re.compile(
    r"(?P<hex>(?:\\X(?:[0-9A-Fa-f]{2})+\\)+)"
    r"|\\(?P<literal>[FSTREPHN])\\"
    r"|\\(?P<format>\.(?:br|ce|sp|sk|fi|nf|in|ti))(?P<sign>[ +-]{0,2})(?P<number>\d{0,9})\\"
    r"|\\[ZCM][^\\]*\\"
)


def unescape(text: str) -> str:
    """Return what the text of one component says: escapes resolved, line ends as ``\\n``; what is no known escape stays as it is."""
    if "\\" not in text:
        return text
    pieces = text.split("\\")
    if len(pieces) % 2:
        # Between one pair of backslashes and the next stand texts: every second piece is an escape, mostly one of a few.
        escapes = pieces[1::2]
        if SIMPLE.keys() >= set(escapes):
            pieces[1::2] = [SIMPLE[piece] for piece in escapes]
            return "".join(pieces)
    return ESCAPE.sub(_meaning, text)


def _meaning(found: re.Match[str]) -> str:
    if literal := found["literal"]:
        return LITERAL[literal]
    if name := found["format"]:
        times = int(found["number"] or 1) if name in REPEATED else 1
        return FORMATTING[name] * min(times, MOST_REPEATS)
    return _characters(found["hex"]) if found["hex"] else found[0]


def _characters(escapes: str) -> str:
    """Read the bytes of ``\\X..\\``: UTF-8, else Windows-1252. A carriage return is a new line in the text, never a new segment."""
    data = bytes.fromhex(escapes.replace("\\X", "").replace("\\", ""))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
