"""Measurements: the number and unit of an OBX, what stands in for a value that is none, and the note that keeps what was written.

The rows of a measurement (value, ``dataAbsentReason``, note) must agree, so they ask one question, once an OBX: is this a number, within
the range of the row, in a unit that the profile takes? A vital sign has no place for anything else, so there the note holds it.
"""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from gateway.mapping import ConvertContext, Converted, Note, Unmappable, converter
from gateway.mapping.converters import number
from gateway.mapping.er7fields import NULL, fld, plain
from gateway.mapping.er7tree import Node
from gateway.mapping.quantities import UCUM
from gateway.mapping.tables import UnitTable
from mappings.hl7v2.results import result_note, text

# Number and unit in one text, as in "72,4 kg", with or without comparator.
_MEASURED: Final = re.compile(
    r"(<=|>=|<|>|≤|≥)?\s*([+-]?(?:\d+(?:[.,]\d+)?|[.,]\d+))\s*([A-Za-zµ%°/\[].*)?", re.DOTALL | re.ASCII
)
SIGNS: Final = {"≤": "<=", "≥": ">="}
NUMERIC: Final = frozenset({"NM", "SN", "ST", ""})
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
REASONS: Final[Mapping[str, str]] = {
    "unknown": "Unknown",
    "as-text": "As Text",
    "error": "Error",
    "temp-unknown": "Temporarily Unknown",
    "not-asked": "Not Asked",
}
# Table 0085: states in which no value is expected yet.
PENDING: Final = frozenset({"I", "O", "P", "R", "S"})
UNIT: Final = 6
MEMO: Final = 1024
_PLAIN_NUMBER: Final = re.compile(r"\d{1,6}(?:\.\d{1,6})?", re.ASCII)
# For a row and OBX-6 as it was sent: the row itself (so that its identity isn't used again), text, UCUM code, least and most.
_Known = tuple[Any, str, str, Decimal, Decimal]
_known_units: dict[tuple[int, str], _Known] = {}
OPTIONS: Final = ("unit", "min", "max", "allow", "scaled")
OUTSIDE: Final = Note("value-invalid", "outside the range of the row", "kept as text")
ANYTHING: Final = Decimal(10) ** 18
ONE_VALUE: Final = Note("cardinality-overflow", "several values for one measurement", "first value used, all of them noted")
NOT_A_NUMBER: Final = Note("value-invalid", "not a number", "kept as text")


class Reading(Struct, frozen=True):
    """What an OBX says: a Quantity, or the reason why there is none (with what was written); notes become issues."""

    quantity: dict[str, Any] | None
    reason: str = ""
    written: str = ""
    notes: tuple[Note, ...] = ()


def read(node: Node, context: ConvertContext) -> Reading:
    """Return what an OBX says, by the options of the row that asks first: the rows of a map have the same. It is read once."""
    memo = context.record.memo
    found: Reading | None = memo.get(node.i)
    if found is None:
        quantity = _plainly(node, context)
        found = Reading(quantity) if quantity else _several(node, reading(_value(node), fld(node.f, UNIT), node, context))
        memo[node.i] = found
    return found


def _several(node: Node, found: Reading) -> Reading:
    """Keep the further values of an OBX in what was written: a measurement has one."""
    some = node.f[5].split("~") if len(node.f) > 5 else []
    if len(some) < 2:
        return found
    return Reading(found.quantity, found.reason, " / ".join(plain(one) for one in some), (*found.notes, ONE_VALUE))


def reading(value: str, unit: str, node: Node, context: ConvertContext) -> Reading:
    """Return what a value with its unit (OBX-6, or in the text itself) means, by the options of the row."""
    if not value:
        return Reading(None, why_empty(node))
    found = _MEASURED.fullmatch(value) if text(node, 2) in NUMERIC else None
    if found is None:
        return Reading(None, "as-text", value, (NOT_A_NUMBER,))
    try:
        content: dict[str, Any] = {"value": number(found[2])}
    except Unmappable as error:
        return Reading(None, "as-text", _written(value, unit), (Note(error.issue, error.reason, "kept as text"),))
    if found[1]:
        content["comparator"] = SIGNS.get(found[1], found[1])
    return _with_unit(content, unit if unit != NULL and unit else found[3] or "", value, context)


def _value(node: Node) -> str:
    """Return the value as one text: of an SN its four components joined, so that ``<^5`` and ``^>^100`` read as they are meant."""
    value = fld(node.f, 5)
    if "^" in value and node.f[2] == "SN":
        return "".join(plain(part) for part in value.split("^"))
    return plain(value).strip()


def why_empty(node: Node) -> str:
    """Return why an OBX has no value, by its state."""
    status = text(node, 11)
    if status == "N":
        return "not-asked"
    return "temp-unknown" if status in PENDING else "unknown"


def _named(unit: str) -> str:
    """Return a unit as its sender calls it: the text of OBX-6, else its code."""
    parts = unit.split("^")
    return (plain(parts[1]).strip() if len(parts) > 1 else "") or plain(parts[0]).strip()


def _written(value: str, unit: str) -> str:
    """Return a value as people say it, with its unit."""
    return f"{value} {_named(unit)}".strip()


def _with_unit(content: dict[str, Any], unit: str, value: str, context: ConvertContext) -> Reading:
    known = find_unit(unit, context.units) if unit else _default(context)
    allow = context.options.get("allow")
    note = None
    if not unit:
        action = "that of the code taken" if known else "kept as text" if allow else "number kept without unit"
        note = Note("unit-unknown", "there is no unit", action)
    elif known is None:
        note = Note("unit-unknown", "the units file doesn't know this unit", "kept as text" if allow else "unit kept as text")
    elif allow is not None and known[0] not in allow:
        note = Note("unit-unknown", "not a unit that is allowed here", "kept as text")
    notes = (note,) if note else ()
    if allow is not None and (known is None or known[0] not in allow):
        return Reading(None, "as-text", _written(value, "" if unit in value else unit), notes)
    if known is not None:
        low, high = limits(known[0], context.options)
        if not low <= content["value"] <= high:
            return Reading(None, "error", _written(value, "" if unit in value else unit), (*notes, OUTSIDE))
        content |= {"unit": _named(unit) or known[1], "system": UCUM, "code": known[0]}
    elif name := _named(unit):
        content["unit"] = name
    return Reading(content, notes=notes)


def limits(unit: str, options: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """Return the least and the most that a row takes in a unit: ``min`` and ``max`` are in its first unit, ``scaled`` has the others."""
    factor = Decimal(str(options.get("scaled", {}).get(unit, 1)))
    return options.get("min", -ANYTHING) * factor, options.get("max", ANYTHING) * factor


def _default(context: ConvertContext) -> tuple[str, str] | None:
    default = context.options.get("unit")
    return context.units.find(str(default)) if default and context.units else None


def find_unit(unit: str, units: UnitTable | None) -> tuple[str, str] | None:
    """Return UCUM code and text of OBX-6: of the first of its code, text, other code and other text that the units file knows."""
    if units is None:
        return None
    parts = unit.split("^")
    for at in (0, 1, 3, 4):
        part = plain(parts[at]) if at < len(parts) else ""
        known = units.find(part) if part else None
        if known is not None:
            return known
    return None


@converter("measured", to="Quantity", options=OPTIONS, sources={"": ""})
def measured(value: str, context: ConvertContext) -> Any:
    """Read OBX-5 with OBX-6: a number (``<5``, ``7,2``, an SN) in a unit that the row allows; ``unit`` is for an OBX without one.

    What is no such value answers with nothing and an issue; ``unmeasured`` and ``measurement_note`` say the rest.
    """
    found = read(context.item, context)
    return Converted(found.quantity, found.notes) if found.notes else found.quantity


def _plainly(node: Node, context: ConvertContext) -> dict[str, Any] | None:
    """Return what nearly every measurement is, at once: a number with point, in range, in an allowed unit that is known already."""
    fields, row = node.f, context.row
    if len(fields) <= UNIT or fields[2] != "NM" or not _PLAIN_NUMBER.fullmatch(value := fields[5]):
        return None
    known = _known_units.get((id(row), fields[UNIT])) or _learned(fields[UNIT], context)
    made = Decimal(value)
    return {"value": made, "unit": known[1], "system": UCUM, "code": known[2]} if known[3] <= made <= known[4] else None


def _learned(unit: str, context: ConvertContext) -> _Known:
    """Remember what a unit means for a row; of one that it doesn't allow no number is within the limits."""
    row = context.row
    known = find_unit(unit, row.units) if unit and "~" not in unit else None
    allow = row.options.get("allow")
    if known is None or (allow is not None and known[0] not in allow):
        made: _Known = (row, "", "", Decimal(1), Decimal(0))
    else:
        made = (row, _named(unit) or known[1], known[0], *limits(known[0], row.options))
    if len(_known_units) >= MEMO:
        _known_units.clear()
    _known_units[id(row), unit] = made
    return made


@converter("unmeasured", to="CodeableConcept", options=OPTIONS, sources={"": "5"})
def unmeasured(fields: list[str], context: ConvertContext) -> dict[str, Any] | None:
    """Say why an OBX gives no value: nothing there, nothing yet, not asked, a text or unit without place, out of range."""
    found = read(context.item, context)
    return None if found.quantity is not None else absent(found.reason)


def absent(reason: str) -> dict[str, Any]:
    """Return a ``dataAbsentReason``."""
    return {"coding": [{"system": ABSENT, "code": reason, "display": REASONS[reason]}]}


@converter("measurement_note", to=("string", "markdown"), options=OPTIONS, raw=True, private=True)
def measurement_note(fields: list[str], context: ConvertContext) -> str | None:
    """Return the note of a measurement: the NTE of its OBX (else of its order), and what was written where that gives no value."""
    return noted(result_note(fields, context), [read(context.item, context).written])


def noted(note: str | None, written: list[str]) -> str | None:
    """Return a note with the values that could not be read as they were written."""
    if not any(written):
        return note
    return "\n".join([*([note] if note else []), *(f"Genoteerd als: {one}" for one in dict.fromkeys(written) if one)])


@converter("unread", to=("string", "markdown"), raw=True, private=True)
def unread(value: str, context: ConvertContext) -> str | None:
    """Return the text of an OBX that was no measurement (``HI``); the row for the measurement stands before this one."""
    return read(context.item, context).written or None


@converter("no_value", to="CodeableConcept", sources={"": "5"})
def no_value(fields: list[str], context: ConvertContext) -> dict[str, Any] | None:
    """Say why an OBX has no value at all: not asked, not yet, or nobody knows."""
    value = fields[5] if len(fields) > 5 else ""
    return absent(why_empty(context.item)) if value.strip("~^ ") in ("", NULL) else None
