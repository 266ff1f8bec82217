"""The general converters: texts, numbers, dates and codes. Each states what it reads and what it refuses."""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

import html
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gateway.mapping.convert import ConvertContext, Converted, Note, RejectRecord, Unmappable, converter
from gateway.mapping.moments import day, local_day, stamp

TEXT_TYPES: Final = ("string", "markdown", "secret")
# FHIR allows tab, line feed and carriage return in a string, and no other control characters.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NUMBER: Final = re.compile(r"[+-]?(\d+(?:[.,]\d+)?|[.,]\d+)")
_TRUE: Final = frozenset({"true", "1", "j", "ja", "y", "yes"})
_FALSE: Final = frozenset({"false", "0", "n", "nee", "no"})
# R4 asks for 18 digits of a decimal to be kept, and no more.
DIGITS: Final = 18
RANGES: Final = {"integer": (-(2**31), 2**31 - 1), "positiveInt": (1, 2**31 - 1), "unsignedInt": (0, 2**31 - 1)}


def clean(value: Any) -> str | None:
    """Return a scalar as text in NFC without control characters or blanks around it; ``None`` when nothing is left.

    Raises:
        Unmappable: an object or a list.
    """
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or type(value) is Decimal:
        return str(value)
    if type(value) is not str:
        raise Unmappable("a single value is expected")
    text = value
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = _CONTROL.sub("", text)
    return text.strip() or None


@converter("string", to=TEXT_TYPES, options=())
def string(value: Any, context: ConvertContext) -> str | None:
    """Read a text as it stands."""
    return clean(value)


@converter("text", to=TEXT_TYPES, options=("escaped",), private=True)
def text(value: Any, context: ConvertContext) -> str | None:
    """Read free text; HTML escapes are resolved exactly once, since a second time would change what somebody typed."""
    found = clean(value)
    if found is None or "&" not in found or context.options.get("escaped") is False:
        return found
    return clean(html.unescape(found))


@converter("token", to=("code", "id"), options=())
def token(value: Any, context: ConvertContext) -> str | None:
    """Read a code that the source writes as FHIR does."""
    found = clean(value)
    if found is None:
        return None
    if any(sign.isspace() for sign in found):
        raise Unmappable("a code has no spaces")
    if context.target == "id" and not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", found):
        raise Unmappable("not an id")
    if context.allowed is not None and found not in context.allowed:
        raise Unmappable("not a code of the required value set", "code-unmapped")
    return found


@converter("uri", to=("uri", "url", "canonical", "oid", "uuid"), options=())
def uri(value: Any, context: ConvertContext) -> str | None:
    """Read an address."""
    found = clean(value)
    if found is not None and any(sign.isspace() for sign in found):
        raise Unmappable("an address has no spaces")
    return found


@converter("boolean", to="boolean", options=())
def boolean(value: Any, context: ConvertContext) -> bool | None:
    """Read yes or no."""
    if type(value) is bool:
        return value
    found = (clean(value) or "").lower()
    if found in _TRUE or found in _FALSE:
        return found in _TRUE
    if not found:
        return None
    raise Unmappable("neither yes nor no")


@converter("integer", to=("integer", "positiveInt", "unsignedInt"), options=("min", "max"))
def integer(value: Any, context: ConvertContext) -> int | None:
    """Read a whole number within the range of its FHIR type."""
    found = clean(value)
    if found is None:
        return None
    low, high = RANGES[context.target]
    if type(value) is bool or not re.fullmatch(r"[+-]?[0-9]{1,12}", found) or not low <= int(found) <= high:
        raise Unmappable("not a whole number in range")
    in_range(Decimal(found), context.options)
    return int(found)


def number(value: Any) -> Decimal:
    """Read a decimal with comma or point; its digits stay as they are.

    Raises:
        Unmappable: not a number, or one with more digits than FHIR keeps.
    """
    found = None if type(value) is bool else clean(value)
    if found is None:
        raise Unmappable("not a number")
    if type(value) is str and not (found.isascii() and _NUMBER.fullmatch(found)):
        raise Unmappable("not a number")
    try:
        made = Decimal(found.replace(",", "."))
    except InvalidOperation:
        raise Unmappable("not a number") from None
    exponent = made.as_tuple().exponent
    if not isinstance(exponent, int) or len(made.as_tuple().digits) > DIGITS or abs(exponent) > DIGITS:
        raise Unmappable("more digits than a decimal keeps")
    return made


def in_range(made: Decimal, options: Any) -> Decimal:
    """Return a number that lies within the row's ``min`` and ``max``.

    Raises:
        Unmappable: it doesn't.
    """
    low, high = options.get("min"), options.get("max")
    if (low is not None and made < low) or (high is not None and made > high):
        raise Unmappable("outside the range of the row")
    return made


@converter("decimal", to="decimal", options=("min", "max"))
def decimal(value: Any, context: ConvertContext) -> Decimal:
    """Read a number."""
    return in_range(number(value), context.options)


@converter("date", to=("date", "dateTime"), options=())
def date(value: Any, context: ConvertContext) -> Any:
    """Read a date; of a moment, the date on which it fell in the zone."""
    found = clean(value)
    if found is None:
        return None
    return local_day(found, context.zone) if len(found) > 10 else day(found)


@converter("dateTime", to="dateTime", options=())
def date_time(value: Any, context: ConvertContext) -> Any:
    """Read a date or a moment with the precision that it has."""
    found = clean(value)
    if found is None:
        return None
    return stamp(found, context.zone) if len(found) > 10 else day(found)


@converter("instant", to=("instant", "dateTime"), options=())
def instant(value: Any, context: ConvertContext) -> Any:
    """Read a moment that must have a time."""
    found = clean(value)
    return None if found is None else stamp(found, context.zone)


@converter("time", to="time", options=())
def time(value: Any, context: ConvertContext) -> str | None:
    """Read a time of the day: ``8:05``, ``08:05`` or ``08:05:30``."""
    found = clean(value)
    if found is None:
        return None
    parts = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", found)
    if parts is None:
        raise Unmappable("not a time of the day")
    return f"{int(parts[1]):02}:{parts[2]}:{parts[3] or '00'}"


CODED: Final = ("code", "string", "uri", "Coding", "CodeableConcept")


@converter("code", to=CODED, options=("text", "system", "from_system"), remembered=True)
def code(value: Any, context: ConvertContext) -> Any:
    """Look a code up in the row's concept map; what it doesn't know goes the way that ``unmapped`` says."""
    found = clean(value)
    if found is None:
        return None
    table = context.codes
    targets = table.find(found, str(context.options.get("from_system", ""))) if table else []
    if not targets:
        return _unknown(found, context)
    made = _coded([one.coding() for one in targets], context.target)
    if context.target == "CodeableConcept" and context.options.get("text") is True:
        made["text"] = found
    return made


def _coded(codings: list[dict[str, str]], target: str) -> Any:
    if target == "CodeableConcept":
        return {"coding": codings}
    return codings[0] if target == "Coding" else codings[0]["code"]


def _unknown(found: str, context: ConvertContext) -> Any:
    way = context.unmapped
    if way == "reject-message":
        raise RejectRecord("the concept map doesn't know this code", "code-unmapped")
    if way == "keep":
        note = Note("code-unmapped", "the concept map doesn't know this code", "kept as the source has it")
        return Converted(_kept(found, context), (note,))
    if way.startswith("default: "):
        note = Note("code-unmapped", "the concept map doesn't know this code", "default used")
        default = way.removeprefix("default: ")
        target = context.codes.target(default) if context.codes else None
        return Converted(_coded([target.coding() if target else {"code": default}], context.target), (note,), default=True)
    raise Unmappable("the concept map doesn't know this code", "code-unmapped")


def _kept(found: str, context: ConvertContext) -> Any:
    system = context.options.get("system")
    if context.target in ("code", "string", "uri"):
        if context.target != "string" and any(sign.isspace() for sign in found):
            raise Unmappable("a code has no spaces", "code-unmapped")
        return found
    if context.target == "Coding":
        return {"system": system, "code": found} if system else {"display": found}
    return {"coding": [{"system": system, "code": found}]} if system else {"text": found}


@converter("concept", to="CodeableConcept", options=())
def concept(value: Any, context: ConvertContext) -> Any:
    """Read a concept of which there is only a text."""
    found = clean(value)
    return None if found is None else {"text": found}


@converter("identifier", to="Identifier", options=("namespace", "system", "use"))
def identifier(value: Any, context: ConvertContext) -> Any:
    """Read an identifier within its system, named by ``namespace`` or ``system``."""
    found = clean(value)
    if found is None:
        return None
    options = context.options
    system = options.get("system") or context.namespaces.get(str(options.get("namespace")))
    use = {"use": options["use"]} if "use" in options else {}
    return {**use, **({"system": system} if system else {}), "value": found}


@converter("reference", to="Reference")
def reference(value: Any, context: ConvertContext) -> Any:
    """Stand for references, which the compiler makes from their key itself."""
    raise Unmappable("a reference is made from its key", "reference-unresolved")
