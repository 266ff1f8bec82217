"""Values of results that aren't one number: times of the day, and what an OBX says beside its first value."""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from gateway.mapping import ConvertContext, Unmappable, converter
from gateway.mapping.datatypes import plain
from gateway.mapping.er7fields import NULL, fld
from gateway.mapping.er7tree import Node
from gateway.mapping.quantities import UCUM
from mappings.hl7v2.measurement import find_unit, read, reading
from mappings.hl7v2.results import name_of

_TIME: Final = re.compile(r"([01]\d|2[0-3])([0-5]\d)?([0-5]\d)?(?:\.\d{1,4})?(?:[+-]\d{4})?", re.ASCII)
LOINC: Final = "http://loinc.org"
CODED: Final = frozenset({"CWE", "CE", "CNE", "CF", "IS"})
# Milligrams of glucose per decilitre in a millimole per litre: its molar mass is 180.16 g.
GLUCOSE: Final = Decimal("18.016")


@converter("TM", to="time", raw=True)
def tm(value: str, context: ConvertContext) -> str | None:
    """Read a time of the day: ``0830``, ``083015``. An offset is left out: FHIR's time has none.

    Raises:
        Unmappable: no such time, or of hours alone.
    """
    text = plain(value.partition("^")[0])
    if not text:
        return None
    found = _TIME.fullmatch(text)
    if found is None or found[2] is None:
        raise Unmappable("not a time of the day")
    return f"{found[1]}:{found[2]}:{found[3] or '00'}"


@converter("further_values", to="BackboneElement", raw=True, sources={"": "5", "code": "3"})
def further_values(fields: list[str], context: ConvertContext) -> list[dict[str, Any]]:
    """Return a component for every repetition of OBX-5 after the first: an Observation has one value."""
    node: Node = context.item
    name = coded(fld(fields, 3))
    return [{"code": name, **made} for made in _values(node, context)]


def _values(node: Node, context: ConvertContext) -> Iterator[dict[str, Any]]:
    for one in node.f[5].split("~")[1:]:
        if not one or one == NULL:
            continue
        if node.f[2] in CODED:
            yield {"valueCodeableConcept": coded(one)}
            continue
        found = reading(plain(one.partition("^")[0]).strip(), fld(node.f, 6), node, context)
        yield {"valueQuantity": found.quantity} if found.quantity is not None else {"valueString": plain(one)}


def coded(value: str) -> dict[str, Any]:
    """Return a code as text: the systems stand with the first value and the code of the Observation."""
    return {"text": name_of(value) or "Onbekend"}


@converter("glucose_in_moles", to="BackboneElement", raw=True, sources={"": "5"})
def glucose_in_moles(fields: list[str], context: ConvertContext) -> Any:
    """Return a glucose value in mg/dL once more in mmol/L, with one decimal as laboratories here print it; ``None`` for other units."""
    known = find_unit(fld(fields, 6), context.units)
    found = read(context.item, context).quantity
    if known is None or known[0] != "mg/dL" or found is None:
        return None
    moles = (found["value"] / GLUCOSE).quantize(Decimal("0.1"))
    sign = {"comparator": found["comparator"]} if "comparator" in found else {}
    coding = {"system": LOINC, "code": "15074-8", "display": "Glucose [Moles/volume] in Blood"}
    quantity = {"value": moles, **sign, "unit": "mmol/L", "system": UCUM, "code": "mmol/L"}
    return {"code": {"coding": [coding]}, "valueQuantity": quantity}
