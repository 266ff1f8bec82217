"""Measurements: the number and unit of an OBX, what stands in for a value that is none, and the note that keeps what was written.

The rows of a measurement (value, ``dataAbsentReason``, note) must agree, so they ask one question, once an OBX: is this a number, within
the range of the row, in a unit that the profile takes? A vital sign has no place for anything else, so there the note holds it.
"""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from gateway.mapping import ConvertContext, Converted, Note, Unmappable, converter
from gateway.mapping.converters import in_range, number
from gateway.mapping.er7path import NULL, fld, plain
from gateway.mapping.er7tree import Node
from gateway.mapping.quantities import UCUM
from gateway.mapping.tables import UnitTable
from mappings.hl7v2.results import SYSTOLIC, WHOLE, code, joined, results, text

# Number and unit in one text, as in "72,4 kg", with or without comparator.
_MEASURED: Final = re.compile(r"(<=|>=|<|>|≤|≥)?\s*([+-]?(?:\d+(?:[.,]\d+)?|[.,]\d+))\s*(\D.*)?", re.DOTALL | re.ASCII)
_PRESSURE: Final = re.compile(r"\s*(\d{1,3}(?:[.,]\d+)?)\s*/\s*(\d{1,3}(?:[.,]\d+)?)\s*(\D.*)?", re.DOTALL | re.ASCII)
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
# Table 0085: no value is expected yet, or there was never a question.
PENDING: Final = frozenset({"I", "O", "P", "R", "S"})
GONE: Final = frozenset({"D", "W"})
OPTIONS: Final = ("unit", "min", "max", "allow", "half")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an OBX says: a Quantity, or the reason why there is none (with what was written); notes become issues."""

    quantity: dict[str, Any] | None
    reason: str = ""
    written: str = ""
    notes: tuple[Note, ...] = ()


def read(node: Node | None, context: ConvertContext, half: str = "") -> Reading:
    """Return what an OBX says; it is read once. ``half`` names the half of a text that holds both."""
    if node is None:
        return Reading(None, "unknown")
    memo = context.record.memo
    key = (node.i, half)
    found: Reading | None = memo.get(key)
    if found is None:
        found = memo[key] = _read(node, context, half)
    return found


def _read(node: Node, context: ConvertContext, half: str) -> Reading:
    value = _value(node)
    if not value:
        return Reading(None, _why_empty(text(node, 11)))
    unit = fld(node.f, 6)
    found = _MEASURED.fullmatch(value) if text(node, 2) in NUMERIC else None
    if half:
        both = _PRESSURE.fullmatch(value)
        found = both and _MEASURED.fullmatch(f"{both[1 if half == SYSTOLIC else 2]} {both[3] or ''}".strip())
    if found is None:
        return Reading(None, "as-text", _written(value, unit), (Note("value-invalid", "not a number", "kept as text"),))
    try:
        content = _number(found[2], found[1], context)
    except Unmappable as error:
        return Reading(None, "error", _written(value, unit), (Note(error.issue, error.reason, "kept as text"),))
    return _with_unit(content, unit or found[3] or "", value, context)


def _value(node: Node) -> str:
    """Return the value as one text: of an SN its four components joined, so that ``<^5`` and ``^>^100`` read as they are meant."""
    value = fld(node.f, 5)
    if "^" in value and node.f[2] == "SN":
        return "".join(plain(part) for part in value.split("^"))
    return plain(value).strip()


def _why_empty(status: str) -> str:
    if status == "N":
        return "not-asked"
    return "temp-unknown" if status in PENDING else "unknown"


def _written(value: str, unit: str) -> str:
    """Return a value as people say it, with its unit."""
    name = "" if unit == NULL else next((plain(part) for part in unit.split("^")[1::-1] if plain(part)), "")
    return f"{value} {name}".strip()


def _number(digits: str, sign: str | None, context: ConvertContext) -> dict[str, Any]:
    made: Decimal = in_range(number(digits), context.options)
    return {"value": made, "comparator": SIGNS.get(sign, sign)} if sign else {"value": made}


def _with_unit(content: dict[str, Any], unit: str, value: str, context: ConvertContext) -> Reading:
    known = find_unit(unit, context.units)
    allow = context.options.get("allow")
    notes: tuple[Note, ...] = ()
    if known is None and not unit:
        default = context.options.get("unit")
        known = context.units.find(str(default)) if default and context.units else None
        action = "the unit of this code taken" if known else "kept as text" if allow else "number kept without unit"
        notes = (Note("unit-unknown", "there is no unit", action),)
    elif known is None:
        notes = (Note("unit-unknown", "the units file doesn't know this unit", "kept as text" if allow else "unit kept as text"),)
    if allow is not None and (known is None or known[0] not in allow):
        refused = notes or (Note("unit-unknown", "not a unit that is allowed here", "kept as text"),)
        return Reading(None, "as-text", _written(value, unit), refused)
    if known is not None:
        content |= {"unit": known[1], "system": UCUM, "code": known[0]}
    elif name := _written("", unit):
        content["unit"] = name
    return Reading(content, notes=notes)


def find_unit(unit: str, units: UnitTable | None) -> tuple[str, str] | None:
    """Return UCUM code and text of OBX-6: of the first of its code, text, other code and other text that the units file knows."""
    if units is None or not unit:
        return None
    parts = unit.split("^")
    for number_ in (0, 1, 3, 4):
        part = plain(parts[number_]) if number_ < len(parts) else ""
        known = units.find(part) if part else None
        if known is not None:
            return known
    return None


@converter("measured", to="Quantity", options=OPTIONS, sources={"value": "", "unit": "", "system": "", "code": "", "comparator": ""})
def measured(value: str, context: ConvertContext) -> Any:
    """Read OBX-5 with OBX-6: a number (``<5``, ``7,2``, an SN) in a unit that the row allows; ``unit`` is for an OBX without one.

    What is no such value answers with nothing and an issue; ``unmeasured`` and ``measurement_note`` say the rest.
    """
    return _answer(read(context.item, context))


def _answer(found: Reading) -> Any:
    return Converted(found.quantity, found.notes) if found.notes else found.quantity


@converter("unmeasured", to="CodeableConcept", options=OPTIONS, raw=True)
def unmeasured(fields: list[str], context: ConvertContext) -> dict[str, Any] | None:
    """Say why an OBX gives no value: nothing there, nothing yet, not asked, a text or unit without place, out of range."""
    return absent(read(context.item, context))


def absent(found: Reading) -> dict[str, Any] | None:
    """Return the ``dataAbsentReason`` of a reading, ``None`` when it has a value."""
    if found.quantity is not None:
        return None
    return {"coding": [{"system": ABSENT, "code": found.reason, "display": REASONS[found.reason]}]}


@converter("pressure", to="Quantity", options=OPTIONS, raw=True)
def pressure(fields: list[str], context: ConvertContext) -> Any:
    """Read one half of a blood pressure: from its own OBX, or from a text with both (``135/85``). ``half`` is its LOINC code."""
    return _answer(_half(context))


@converter("no_pressure", to="CodeableConcept", options=OPTIONS, raw=True)
def no_pressure(fields: list[str], context: ConvertContext) -> dict[str, Any] | None:
    """Say why one half of a blood pressure has no value; the profile asks for both."""
    return absent(_half(context))


def _half(context: ConvertContext) -> Reading:
    wanted = str(context.options["half"])
    mine = code(context.item)
    if mine in WHOLE:
        return read(context.item, context, wanted)
    node = context.item if mine == wanted else results(context.record).halves.get(context.item.i)
    # A half that the sender took back says nothing, whatever it still holds.
    return Reading(None, "error") if node is not None and text(node, 11) in GONE else read(node, context)


@converter("measurement_note", to=("string", "markdown"), options=OPTIONS, raw=True, private=True)
def measurement_note(fields: list[str], context: ConvertContext) -> str | None:
    """Return the note of a measurement: the NTE of its OBX (else of its order), and what was written where that gives no value."""
    unread = [read(context.item, context)] if code(context.item) not in PAIRED else [*_halves(context)]
    lines = [result_note(fields, context), *(f"Genoteerd als: {one.written}" for one in unread if one.written)]
    return "\n".join(dict.fromkeys(line for line in lines if line)) or None


PAIRED: Final = frozenset({SYSTOLIC, "8462-4", *WHOLE})


def _halves(context: ConvertContext) -> Iterator[Reading]:
    if code(context.item) in WHOLE:
        yield read(context.item, context, SYSTOLIC)
        return
    yield read(context.item, context)
    yield read(results(context.record).halves.get(context.item.i), context)


@converter("result_note", to=("string", "markdown"), raw=True, private=True)
def result_note(fields: list[str], context: ConvertContext) -> str | None:
    """Return the NTE of an OBX and of what belongs to it as one text, without any those of its order."""
    found = results(context.record)
    node = context.item
    mine = found.lines.get(node.i) or [node, *([found.halves[node.i]] if node.i in found.halves else [])]
    return _remarks(mine) or (_remarks([node.up]) if node.up.name == "OBR" else None)


def _remarks(nodes: list[Node]) -> str | None:
    notes = [note for node in nodes if node.kids for note in node.kids.get("NTE", ())]
    return joined(note.f[3] for note in notes if len(note.f) > 3) if notes else None
