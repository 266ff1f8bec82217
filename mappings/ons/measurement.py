"""Measurements that are no number: what stands in for the value, and the note that keeps what was written.

The three rows of a measurement (value, ``dataAbsentReason``, note) must agree, so both converters here ask one question: is this entry a
number, within the range, in a unit that the profile allows? Only then the row for the value makes a Quantity of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.mapping import ConvertContext, Unmappable, converter
from gateway.mapping.converters import in_range, number
from mappings.ons.entries import Entry, filled, line, written
from mappings.ons.report_text import comment

COMPARATOR: Final = re.compile(r"^(<=|>=|<|>)\s*")
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
REASONS: Final[Mapping[str, str]] = {"unknown": "Unknown", "as-text": "As Text", "error": "Error"}
OPTIONS: Final = ("entries", "min", "max", "allow", "whole")


@converter("absent_measurement", to="CodeableConcept", options=OPTIONS)
def absent_measurement(record: Any, context: ConvertContext) -> dict[str, Any] | None:
    """Read a whole measurement and say why the entry named in ``entries`` gives no value; ``None`` when it does.

    ``unknown``: nothing was filled in. ``as-text``: no number (``HI``, ``LO``) or another unit; the note holds it. ``error``: outside
    ``min`` and ``max``, so a slipped comma or another field; the note holds that too.
    """
    reasons = [_reason(entry, context) for entry in _chosen(record, context)]
    code = reasons[0] if reasons else "unknown"
    return None if code is None else {"coding": [{"system": ABSENT, "code": code, "display": REASONS[code]}]}


@converter("measurement_note", to=("string", "markdown"), options=OPTIONS, private=True)
def measurement_note(record: Any, context: ConvertContext) -> str | None:
    """Read a whole measurement and return its note: the comment, and each entry that gives no value, as it was written.

    ``HI`` on a glucose meter stays readable this way without ever being a number. ``None`` when there is nothing to say.
    """
    unread = [line(entry) for entry in _chosen(record, context) if _reason(entry, context) is not None]
    lines = [comment(record), *(f"Genoteerd als: {text}" for text in unread)]
    return "\n".join(text for text in lines if text) or None


def _chosen(record: Mapping[str, Any], context: ConvertContext) -> Iterator[Entry]:
    return (entry for entry in filled(record) if entry.get("name") in context.options["entries"])


def _reason(entry: Entry, context: ConvertContext) -> str | None:
    """Return why an entry is no value; ``None`` when it is one."""
    try:
        found = number(COMPARATOR.sub("", written(entry)))
    except Unmappable:
        return "as-text"
    if not _unit_fits(entry, context) or (context.options.get("whole") and written(entry) != str(int(found))):
        return "as-text"
    try:
        in_range(found, context.options)
    except Unmappable:
        return "error"
    return None


def _unit_fits(entry: Entry, context: ConvertContext) -> bool:
    """Whether the unit is one that the profile allows; none at all is the one that the product's manual fixes for the field."""
    unit = str(entry.get("unit") or "").strip()
    known = context.units.find(unit) if context.units and unit else None
    allow = context.options.get("allow")
    return not unit or allow is None or (known is not None and known[0] in allow)
