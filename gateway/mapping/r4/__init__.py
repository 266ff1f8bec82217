"""The R4 definitions as the checks of a mapping need them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final

from gateway.jsonbytes import loads

_TEXT = r"[ \r\n\t\S]+"
_DATE = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_OFFSET = r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
# The patterns of the R4 specification ("datatypes.html"), for the primitives that are text in JSON.
PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    # ASCII: the specification's \S knows no other blanks, and a no-break space is fine in a text.
    name: re.compile(pattern, re.ASCII)
    for name, pattern in {
        "string": _TEXT,
        "markdown": _TEXT,
        "xhtml": _TEXT,
        "code": r"[^\s]+(\s[^\s]+)*",
        "id": r"[A-Za-z0-9\-\.]{1,64}",
        "uri": r"\S+",
        "url": r"\S+",
        "canonical": r"\S+",
        "oid": r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+",
        "uuid": r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "base64Binary": r"[0-9A-Za-z+/=\s]+",
        "date": _DATE,
        "dateTime": rf"{_DATE}|[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T{_CLOCK}{_OFFSET}",
        "instant": rf"[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T{_CLOCK}{_OFFSET}",
        "time": _CLOCK,
    }.items()
}
NUMBERS: Final[Mapping[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "positiveInt": (int,),
    "unsignedInt": (int,),
    "decimal": (int, Decimal),
}
# What every backbone has; no row and no converter fills an extension of one with a reference.
COMMON: Final = (".extension", ".modifierExtension")
PRIMITIVES: Final = frozenset(PATTERNS) | frozenset(NUMBERS)


@dataclass(frozen=True, slots=True)
class Element:
    """One element. ``root`` and ``path`` say where its children are defined, when it has any."""

    path: str
    min: int
    repeats: bool
    types: tuple[str, ...]
    targets: tuple[str, ...]
    value_set: str | None
    content: str | None

    @property
    def choice(self) -> bool:
        """Whether this is ``value[x]`` and its like."""
        return self.path.endswith("[x]")


@dataclass(frozen=True, slots=True)
class Found:
    """An element as a path names it: ``valueQuantity`` is ``value[x]`` with the type Quantity."""

    element: Element
    type: str
    context: str

    @property
    def primitive(self) -> bool:
        """Whether its value is text, a number or a boolean."""
        return self.type in PRIMITIVES


@cache
def _elements() -> dict[str, dict[str, Element]]:
    raw = loads(files(__name__).joinpath("elements.json").read_bytes())
    return {type_: {path: _element(path, entry) for path, entry in some.items()} for type_, some in raw.items()}


def _element(path: str, entry: dict[str, Any]) -> Element:
    types = entry.get("types", [])
    binding = entry.get("binding", {})
    return Element(
        path=path,
        min=entry["min"],
        repeats=entry["max"] == "*",
        types=tuple(type_ if isinstance(type_, str) else type_["code"] for type_ in types),
        targets=tuple(target for type_ in types if not isinstance(type_, str) for target in type_.get("targets", [])),
        value_set=binding["valueSet"] if binding.get("strength") == "required" else None,
        content=entry.get("content"),
    )


@cache
def _children(context: str) -> dict[str, Element]:
    """Return the elements directly under a type (``HumanName``) or a backbone (``Observation.component``)."""
    some = _elements().get(context.partition(".")[0], {})
    prefix = context + "."
    return {path[len(prefix) :]: one for path, one in some.items() if path.startswith(prefix) and "." not in path[len(prefix) :]}


def known(type_: str) -> bool:
    """Whether there are definitions of this type."""
    return type_ in _elements()


def is_resource(type_: str) -> bool:
    """Whether it is a resource with the elements that all have."""
    return f"{type_}.implicitRules" in _elements().get(type_, {})


def find(context: str, name: str) -> Found | None:
    """Return the child of a context by the name that it has in JSON, or ``None``."""
    children = _children(context)
    if name.startswith("_"):
        below = find(context, name[1:])
        return Found(below.element, "Element", "Element") if below is not None and below.primitive else None
    element = children.get(name)
    if element is not None:
        return _found(element, element.types[0] if element.types else "")
    for key, choice in children.items():
        base = key.removesuffix("[x]")
        if base != key and name.startswith(base):
            for type_ in choice.types:
                if name == base + type_[0].upper() + type_[1:]:
                    return _found(choice, type_)
    return None


def choices(context: str, name: str) -> tuple[str, ...]:
    """Return the types that an element like ``value`` can have, none when it isn't one to choose."""
    element = _children(context).get(f"{name}[x]")
    return () if element is None else element.types


@cache
def may_refer(context: str) -> bool:
    """Whether a backbone (``Encounter.participant``) has a reference in it, or a part that could."""
    some = _children(context)
    if not some or any(
        {"Reference", "Extension", "Resource"} & set(one.types) for one in some.values() if not one.path.endswith(COMMON)
    ):
        return True
    return any(
        may_refer((one.content or one.path).removeprefix("#")) for one in some.values() if one.content or _children(one.path)
    )


def _found(element: Element, type_: str) -> Found:
    if element.content:
        return Found(element, "BackboneElement", element.content.removeprefix("#"))
    backbone = type_ == "BackboneElement" or (type_ == "Element" and bool(_children(element.path)))
    return Found(element, type_, element.path if backbone else type_)


def required(context: str) -> Iterator[Element]:
    """Yield the elements that a context can't do without."""
    return (element for element in _children(context).values() if element.min > 0)


@cache
def codes(value_set: str) -> frozenset[str] | None:
    """Return the codes of a required value set, ``None`` when it can't be listed."""
    systems = _value_sets().get(value_set)
    return frozenset(code for some in systems.values() for code in some) if systems else None


@cache
def codings(value_set: str) -> frozenset[tuple[str, str]] | None:
    """Return the (system, code) pairs of a required value set, ``None`` when it can't be listed."""
    systems = _value_sets().get(value_set)
    return frozenset((system, code) for system, some in systems.items() for code in some) if systems else None


@cache
def _value_sets() -> dict[str, dict[str, list[str]]]:
    sets: dict[str, dict[str, list[str]]] = loads(files(__name__).joinpath("required-value-sets.json").read_bytes())
    return sets


def fits_binding(found: Found, value: Any) -> bool:
    """Whether a code, Coding or CodeableConcept is within the element's required value set, if it has one."""
    value_set = found.element.value_set
    # The extensions beside a primitive aren't the primitive.
    if value_set is None or found.type == "Element":
        return True
    if isinstance(value, str):
        allowed = codes(value_set)
        return allowed is None or value in allowed
    pairs = codings(value_set)
    several = value.get("coding", []) if found.type == "CodeableConcept" else [value]
    return pairs is None or any((one.get("system"), one.get("code")) in pairs for one in several if isinstance(one, dict))


def problems(found: Found, value: Any) -> Iterator[str]:
    """Yield what is wrong with a value of an element: form, unknown or missing parts, repetition, required codes."""
    if found.primitive:
        yield from _primitive(found, value)
    elif not isinstance(value, dict):
        yield f"{found.element.path}: {found.type} is an object"
    else:
        yield from content_problems(found.context, value)
    if isinstance(value, (str, dict)) and not fits_binding(found, value):
        yield f"{found.element.path}: not in the required value set {found.element.value_set}"


def _primitive(found: Found, value: Any) -> Iterator[str]:
    pattern = PATTERNS.get(found.type)
    if pattern is not None and not isinstance(value, str):
        yield f"{found.element.path}: {found.type} is text (quote a number)"
    elif (pattern is not None and not pattern.fullmatch(value)) or (pattern is None and type(value) not in NUMBERS[found.type]):
        yield f"{found.element.path}: not a {found.type}"


def content_problems(context: str, content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the parts of an object: a data type, a backbone or a whole resource."""
    if not _children(context):
        return
    present: set[str] = set()
    for name, value in content.items():
        if name == "resourceType" and "." not in context:
            continue
        found = find(context, name)
        if found is None:
            yield f"{context}.{name}: no such element"
            continue
        present.add(found.element.path)
        yield from _several(found, name, value)
    for element in required(context):
        if element.path not in present:
            yield f"{element.path}: required"


def _several(found: Found, name: str, value: Any) -> Iterator[str]:
    if found.element.repeats and not isinstance(value, list):
        yield f"{found.element.path}: repeats, so it is a list"
    elif not found.element.repeats and isinstance(value, list):
        yield f"{found.element.path}: occurs once, so it is no list"
    for one in value if isinstance(value, list) else [value]:
        if one is None and (name.startswith("_") or found.primitive):
            continue
        yield from problems(found, one)


def resource_problems(body: Mapping[str, Any]) -> list[str]:
    """Return what the definitions say against a whole resource (no invariants, no profiles)."""
    return list(content_problems(str(body.get("resourceType")), body))
