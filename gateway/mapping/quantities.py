"""Numbers with a unit."""

from __future__ import annotations

import re
from typing import Any, Final

from gateway.mapping.convert import ConvertContext, Converted, Note, Unmappable, converter
from gateway.mapping.converters import clean, in_range, number

UCUM: Final = "http://unitsofmeasure.org"
NOT_A_NUMBER: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_COMPARED: Final = re.compile(r"(<=|>=|<|>)\s*(.*)", re.DOTALL)


@converter(
    "quantity", to=("Quantity", "SimpleQuantity", "Age", "Duration", "Distance", "Count"), options=("unit", "min", "max", "allow")
)
def quantity(value: Any, context: ConvertContext) -> Any:
    """Read a number and its unit: ``72,4`` with ``kg``; ``<5`` keeps its comparator.

    The unit comes from the row's ``unit`` path or, when that is empty, from the option ``unit``. Without a unit that the units
    file knows there is a text and no code, so that nobody computes with it.
    """
    comparator = None
    if type(value) is str and (found := _COMPARED.fullmatch(value.strip())):
        comparator, value = found.groups()
    content: dict[str, Any] = {"value": in_range(number(value), context.options)}
    if comparator is not None:
        content["comparator"] = comparator
    unit = clean(context.unit) if context.unit is not None else None
    unit = unit or context.options.get("unit")
    if unit is None:
        return Converted(content, (Note("unit-unknown", "there is no unit", "number kept without unit"),))
    return _with_unit(content, unit, context)


def _with_unit(content: dict[str, Any], unit: str, context: ConvertContext) -> Any:
    meaning = context.units.find(unit) if context.units else None
    if meaning is None and unit == context.options.get("unit"):
        meaning = (unit, unit)
    allow = context.options.get("allow")
    if allow is not None and (meaning is None or meaning[0] not in allow):
        raise Unmappable("not a unit that is allowed here", "unit-unknown")
    if meaning is None:
        content["unit"] = unit
        return Converted(content, (Note("unit-unknown", "the units file doesn't know this unit", "unit kept as text"),))
    content |= {"unit": meaning[1], "system": UCUM, "code": meaning[0]}
    return content


@converter("absent_reason", to="CodeableConcept", options=("code", "min", "max", "unit", "allow"))
def absent_reason(value: Any, context: ConvertContext) -> Any:
    """Say why there is no value, when ``quantity`` would refuse this one; nothing when it would take it."""
    try:
        quantity(value, context)
    except Unmappable:
        return {"coding": [{"system": NOT_A_NUMBER, "code": context.options.get("code", "not-a-number")}]}
    return None
