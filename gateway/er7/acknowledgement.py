"""The answer to a message: MSH, MSA, and what was wrong with it (ERR)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from gateway.er7.envelope import Envelope
from gateway.er7.judgement import CONDITIONS, Fault

DEFAULT_VERSION: Final = "2.5"
VERSION = re.compile(r"2\.[0-9](?:\.[0-9])?")
# The longest control id of any version (2.9); names of parties are no longer either.
LONGEST: Final = 199
# Longer headers are not remembered.
LONGEST_KEY: Final = 1000
# MSA-3 holds 80 characters in the versions that have it.
LONGEST_TEXT: Final = 80
# What MSA-2 holds when there is no control id to repeat: it is a required field, and this is HL7's "nothing".
NO_ID: Final = '""'
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff]+")
# Needs nothing done to it: most control ids.
HARMLESS = re.compile(r"[\w./:-]{1,199}")
# An escape sequence stays; everything else that divides is escaped.
DIVIDING = re.compile(r"\\(?:[FSRTEHN]|X[0-9A-Fa-f]+|\.[a-z]{2})\\|[|^~&\\]")
ESCAPED = {"|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\", "\\": "\\E\\"}
ACCEPT = {"AA": "CA", "AE": "CE", "AR": "CR"}


def accept_code(known: Envelope | None, code: str) -> str | None:
    """Return the code that answers a message once it is stored: in original mode AA, AE or AR as judged, in enhanced mode CA, CE or CR.

    Enhanced is what a message with MSH-15 or MSH-16 asks for; ``None``: it wants no answer at this point.
    """
    if known is None or not (known.accept_ack or known.application_ack):
        return code
    return ACCEPT[code] if _wanted(known.accept_ack, code) else None


def application_code(known: Envelope | None, code: str) -> str | None:
    """Return the code that answers a message once it is mapped: AA, AE or AR in enhanced mode if MSH-16 asks for it, else ``None``."""
    return code if known is not None and _wanted(known.application_ack, code) else None


def _wanted(condition: str, code: str) -> bool:
    """Read a value of table 0155. One that is not in it had better be answered."""
    return {"": False, "NE": False, "ER": code != "AA", "SU": code == "AA"}.get(condition, True)


def acknowledge(known: Envelope | None, code: str, errors: Iterable[Fault] = (), *, control_id: str, at: datetime) -> bytes:
    """Return the message that answers a message with this envelope (``None``: without a readable MSH).

    ``code`` is for MSA-1, ``control_id`` the answer's own, ``at`` its time. The answer has the version and character set of what it
    answers; before 2.5 the errors are in ERR-1 and the first is told in MSA-3.
    """
    told = list(errors)
    if known is None:
        first = f"MSH|^~\\&|||||{_time(at)}||ACK^^ACK|{_text(control_id)}|P|{DEFAULT_VERSION}\rMSA|{code}|{NO_ID}"
        return (first + _errors(told)).encode()
    parts = (
        known.receiver, known.receiver_facility, known.sender, known.facility,
        known.trigger, known.processing_id, known.version, known.charset,
    )  # fmt: skip
    before, between, after, version = (_header if len("".join(parts)) < LONGEST_KEY else _header.__wrapped__)(*parts)
    first = f"{before}{_time(at)}{between}{_text(control_id)}{after}\rMSA|{code}|{_text(known.control_id) or NO_ID}"
    if told:
        return (first + (_errors if version >= "2.5" else _old_errors)(told)).encode(known.encoding, "replace")
    return (first + "\r").encode(known.encoding, "replace")


@lru_cache(maxsize=1024)
def _header(
    receiver: str, receiver_facility: str, sender: str, facility: str, event: str, mode: str, asked: str, charset: str
) -> tuple[str, str, str, str]:
    """Return the answer's MSH before its time, up to its control id and after that, and the version that it is written in."""
    version = asked if VERSION.fullmatch(asked) else DEFAULT_VERSION
    trigger = event if len(event) == 3 and event.isalnum() and event.isascii() else ""
    kind = f"ACK^{trigger}^ACK" if version >= "2.3.1" else f"ACK^{trigger}" if trigger else "ACK"
    processing = mode[:1] if mode[:1] in ("P", "D", "T") else "P"
    told = f"||||||{_text(charset)}" if charset and version >= "2.3" else ""
    parties = "|".join(map(_party, (receiver, receiver_facility, sender, facility)))
    return f"MSH|^~\\&|{parties}|", f"||{kind}|", f"|{processing}|{version}{told}", version


def _errors(faults: list[Fault]) -> str:
    """Return the rest of MSA and an ERR segment for each error."""
    return "\r" + "".join(
        f"ERR||{_place(one)}|{one.condition}^{CONDITIONS[one.condition]}^HL70357|{one.severity}||||{_text(one.text)}\r"
        for one in faults
    )


def _old_errors(faults: list[Fault]) -> str:
    """Return the same as versions before 2.5 have it: the first text in MSA-3, all places and codes in one field."""
    places = "~".join(
        f"{one.segment}^{one.sequence}^{one.field or ''}^{one.condition}&{CONDITIONS[one.condition]}&HL70357" for one in faults
    )
    return f"|{_text(faults[0].text[:LONGEST_TEXT])}\rERR|{places}\r"


def _place(fault: Fault) -> str:
    return f"{fault.segment}^{fault.sequence}^{fault.field}" if fault.field else f"{fault.segment}^{fault.sequence}"


def _time(at: datetime) -> str:
    return _second(at.replace(microsecond=0), at.utcoffset())


@lru_cache(maxsize=16)
def _second(at: datetime, _offset: timedelta | None) -> str:
    """Return a whole second; many answers are given within one. The offset tells apart what is equal as a moment."""
    text = at.isoformat(timespec="seconds")
    return text[:19].replace("-", "").replace("T", "").replace(":", "") + text[19:25].replace(":", "")


def _text(value: str) -> str:
    """Return text for one component: what divides is escaped, control characters are gone, and it is not too long."""
    if HARMLESS.fullmatch(value):
        return value
    text = DIVIDING.sub(lambda found: ESCAPED.get(found[0], found[0]), CONTROL.sub(" ", value[:LONGEST])).strip()
    if len(text) > LONGEST:
        text = text[:LONGEST]
        if text.count("\\") % 2:  # in the middle of an escape sequence
            text = text.rpartition("\\")[0]
    return text


def _party(value: str) -> str:
    """Return a party (MSH-3 to 6) as its sender wrote it, made safe: one repetition of at most three components."""
    return "^".join(_text(part) for part in value[:LONGEST].partition("~")[0].split("^")[:3])
