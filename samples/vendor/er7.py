"""Writes HL7 v2 as Vesta does: carriage returns between segments, 8859/1 on the wire, and wall time with its offset."""

from __future__ import annotations

from datetime import date, datetime

from samples.ecd.times import AMSTERDAM

SENDER, FACILITY = "VESTA", "DELINDE"
VERSION = "2.5"
DECLARED = "8859/1"
NULL = '""'
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": "\\.br\\"})


def escaped(text: str) -> str:
    """Return free text as it stands in a field. A line feed is left as it is: Vesta forgets those."""
    return text.translate(_ESCAPES)


def stamp(moment: datetime) -> str:
    """Print an aware time: ``20261121063000+0100``."""
    return moment.astimezone(AMSTERDAM).strftime("%Y%m%d%H%M%S%z")


def day(moment: date) -> str:
    """Print a date: ``19380412``."""
    return moment.strftime("%Y%m%d")


def segment(name: str, **fields: str) -> str:
    """Write a segment; ``f3=…`` is field 3. Nothing follows the last field that is filled."""
    numbered = {int(number[1:]): text for number, text in fields.items() if text}
    return "|".join([name, *(numbered.get(number, "") for number in range(1, max(numbered, default=0) + 1))])


def header(kind: str, structure: str, control_id: str, at: datetime) -> str:
    """Write the MSH of a message such as ``ADT^A28``."""
    first = rf"MSH|^~\&|{SENDER}|{FACILITY}|ZORGSLUIS|ZORGSLUIS|{stamp(at)}||{kind}^{structure}|{control_id}|P|{VERSION}"
    return f"{first}|||||NLD|{DECLARED}"


def wire(segments: list[str], *, truthful: bool = True) -> bytes:
    """Return the bytes of a message. Not ``truthful``: it says 8859/1 and is UTF-8, as happens after an update at a sender.

    What 8859/1 doesn't have (``œ``) goes as in Windows, where Vesta runs.
    """
    text = "\r".join(segments) + "\r"
    return text.encode("cp1252" if truthful else "utf-8")
