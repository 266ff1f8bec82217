"""Blood pressure: the two halves of one measurement, from two OBX or from one text (``135/85``)."""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import re
from typing import Any, Final

from gateway.mapping import ConvertContext, Converted, converter
from gateway.mapping.er7fields import fld
from gateway.mapping.er7tree import Node
from mappings.hl7v2.measurement import NOT_A_NUMBER, OPTIONS, Reading, absent, noted, read, reading, why_empty
from mappings.hl7v2.ranges import interpretations, ranges
from mappings.hl7v2.results import DIASTOLIC, SYSTOLIC, WHOLE, code, result_note, results, text

LOINC: Final = "http://loinc.org"
NAMES: Final = {SYSTOLIC: "Systolic blood pressure", DIASTOLIC: "Diastolic blood pressure"}
BOTH: Final = re.compile(r"\s*(\d{1,3}(?:[.,]\d+)?)\s*/\s*(\d{1,3}(?:[.,]\d+)?)\s*(\D.*)?", re.DOTALL | re.ASCII)
TAKEN_BACK: Final = frozenset({"D", "W"})
HALF_OPTIONS: Final = (*OPTIONS, "half")


SOURCES: Final = {
    "": "5",
    "code": "3",
    "valueQuantity.unit": "6",
    "valueQuantity.code": "6",
    "interpretation": "8",
    "referenceRange": "7",
}


@converter("pressure", to="BackboneElement", options=HALF_OPTIONS, raw=True, sources=SOURCES)
def pressure(fields: list[str], context: ConvertContext) -> Any:
    """Return the component of one half: its value, or why there is none, with what OBX-7 and OBX-8 say of it.

    ``half`` is its LOINC code. The profile asks for both halves, so each is always there.
    """
    half = str(context.options["half"])
    node = _node(half, context)
    found = _reading(half, node, context)
    made: dict[str, Any] = {"code": {"coding": [{"system": LOINC, "code": half, "display": NAMES[half]}]}}
    made |= {"valueQuantity": found.quantity} if found.quantity is not None else {"dataAbsentReason": absent(found.reason)}
    if node is not None and code(node) == half:
        said = {"interpretation": interpretations(node, context), "referenceRange": ranges(node, context)}
        made |= {name: some for name, some in said.items() if some}
    if node is None or node is context.item:
        return Converted(made, found.notes) if found.notes else made
    # The other half is a segment of its own: what comes from it is said to come from there.
    return Converted(made, found.notes, {leaf: f"@{node.i}.{part}" for leaf, part in SOURCES.items()})


def _node(half: str, context: ConvertContext) -> Node | None:
    """Return the OBX that holds a half: the leading one, or the one that was paired with it."""
    node: Node = context.item
    if code(node) == half or code(node) in WHOLE:
        return node
    return results(context).halves.get(node.i)


def _reading(half: str, node: Node | None, context: ConvertContext) -> Reading:
    if node is None:
        return Reading(None, "unknown")
    # A half that the sender took back says nothing, whatever it still holds; of a whole that was taken back the status says it.
    if node is not context.item and text(node, 11) in TAKEN_BACK:
        return Reading(None, "error")
    return _of_both(half, node, context) if code(node) in WHOLE else read(node, context)


def _of_both(half: str, node: Node, context: ConvertContext) -> Reading:
    value = text(node, 5).strip()
    found = BOTH.fullmatch(value)
    if found is None:
        return Reading(None, "as-text", value, (NOT_A_NUMBER,)) if value else Reading(None, why_empty(node))
    return reading(found[1 if half == SYSTOLIC else 2], fld(node.f, 6) or found[3] or "", node, context)


@converter("pressure_note", to=("string", "markdown"), options=OPTIONS, raw=True, private=True)
def pressure_note(fields: list[str], context: ConvertContext) -> str | None:
    """Return the note of a blood pressure: the NTE of its OBX, and each half that gives no value as it was written."""
    halves = [_reading(half, _node(half, context), context).written for half in (SYSTOLIC, DIASTOLIC)]
    return noted(result_note(fields, context), halves)
