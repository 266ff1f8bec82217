"""What is said of a value: the range that it should lie in (OBX-7), and how it is judged (OBX-8)."""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import re
from typing import Any, Final

from gateway.mapping import ConvertContext, Unmappable, converter
from gateway.mapping.converters import number
from gateway.mapping.er7fields import NULL, fld, plain
from gateway.mapping.er7tree import Node
from gateway.mapping.quantities import UCUM
from mappings.hl7v2.measurement import find_unit
from mappings.hl7v2.results import name_of

_NUMBER: Final = r"([+-]?\d+(?:[.,]\d+)?)"
_BETWEEN: Final = re.compile(rf"\s*{_NUMBER}\s*(?:-|–|t/m|tot|\.\.)\s*{_NUMBER}\s*", re.ASCII)
_ABOVE: Final = re.compile(rf"\s*(?:>=?|≥)\s*{_NUMBER}\s*", re.ASCII)
_BELOW: Final = re.compile(rf"\s*(?:<=?|≤)\s*{_NUMBER}\s*", re.ASCII)


MEMO: Final = 1024
MEMO_LENGTH: Final = 80
# Ranges as they were sent, with their unit: laboratories and meters have a few of them. The units file is kept so that it stays itself.
_ranges: dict[tuple[int, str, str], tuple[Any, list[dict[str, Any]]]] = {}


SOURCES: Final = {"": "7", "low.unit": "6", "low.code": "6", "high.unit": "6", "high.code": "6"}


@converter("reference_range", to="BackboneElement", raw=True, sources=SOURCES)
def reference_range(fields: list[str], context: ConvertContext) -> Any:
    """Read OBX-7: its text, and its bounds where they are numbers (``0 - 15``, ``4.0-7.0``, ``<5``), in the unit of OBX-6."""
    return next(iter(ranges(context.item, context)), None)


def ranges(node: Node, context: ConvertContext) -> list[dict[str, Any]]:
    """Return the reference range of an OBX, an empty list without one."""
    said, unit = fld(node.f, 7), fld(node.f, 6)
    units = context.row.units
    known = _ranges.get((id(units), said, unit))
    if known is None:
        made = _range(plain(said).strip(), node, context)
        if len(said) + len(unit) > MEMO_LENGTH:
            return made
        if len(_ranges) >= MEMO:
            _ranges.clear()
        known = _ranges[id(units), said, unit] = (units, made)
    return known[1]


def _range(said: str, node: Node, context: ConvertContext) -> list[dict[str, Any]]:
    if not said:
        return []
    try:
        return [{**_bounds(said, node, context), "text": said}]
    except Unmappable:
        return [{"text": said}]


def _bounds(said: str, node: Node, context: ConvertContext) -> dict[str, Any]:
    if between := _BETWEEN.fullmatch(said):
        return {"low": _bound(between[1], node, context), "high": _bound(between[2], node, context)}
    if above := _ABOVE.fullmatch(said):
        return {"low": _bound(above[1], node, context)}
    below = _BELOW.fullmatch(said)
    return {"high": _bound(below[1], node, context)} if below else {}


def _bound(digits: str, node: Node, context: ConvertContext) -> dict[str, Any]:
    unit = fld(node.f, 6)
    known = find_unit(unit, context.units) if unit and unit != NULL else None
    return {"value": number(digits), **({"unit": known[1], "system": UCUM, "code": known[0]} if known else {})}


def interpretations(node: Node, context: ConvertContext) -> list[dict[str, Any]]:
    """Return how a value is judged, by the concept map of the row; what that doesn't know stays the sender's text."""
    table = context.codes
    found: list[dict[str, Any]] = []
    for one in node.f[8].split("~") if len(node.f) > 8 else ():
        targets = table.find(plain(one)) if table is not None and plain(one) else []
        if targets:
            found.append({"coding": [target.coding() for target in targets]})
        elif name := name_of(one):
            found.append({"text": name})
    return found
