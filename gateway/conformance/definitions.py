"""What the standard says of one version: hl7apy's tables behind types.

Only its definitions and datatypes are used. Its parser loses segments that it doesn't know, takes the second patient of a result message for
a fault of the first, and needs milliseconds a segment; see docs/hl7v2.md.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from hl7apy import SUPPORTED_LIBRARIES, load_library, load_reference
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import ChildNotFound, HL7apyException, InvalidDataType, MaxLengthReached
from hl7apy.factories import datatype_factory

DEFAULT_VERSION: Final = "2.5.1"
UNBOUNDED: Final = -1
BASE_VARIES: Final = "varies"


@dataclass(frozen=True, slots=True)
class Shape:
    """A field, component or sub-component: its datatype, its parts (none for a single value), its table and length (-1: no limit)."""

    name: str
    number: int
    least: int
    most: int
    datatype: str
    table: str
    length: int
    parts: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A segment or group in a message structure. ``starts``: the segments that it may begin with; ``holds``: all that it may hold."""

    name: str
    least: int
    most: int
    parts: tuple[Place, ...]
    starts: frozenset[str]
    holds: frozenset[str]


class Definitions:
    """The definitions of one version."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._segments: dict[str, tuple[Shape, ...] | None] = {}
        self._structures: dict[str, tuple[Place, ...] | None] = {}
        self._datatypes: dict[str, tuple[Shape, ...]] = {}

    def segment(self, name: str) -> tuple[Shape, ...] | None:
        """Return the fields of a segment, or ``None`` when this version has no such segment."""
        if name not in self._segments:
            found = self._look(name, "Segment")
            self._segments[name] = None if found is None else tuple(self._shape(child) for child in found[1])
        return self._segments[name]

    def structure(self, message_type: str, trigger: str, given: str) -> tuple[str, tuple[Place, ...]] | None:
        """Return the name and places of a message's structure: the one given in MSH-9.3, else the one of its event."""
        names = (given, structures().get((message_type, trigger), ""), f"{message_type}_{trigger}", message_type)
        return next(((name, places) for name in names if (places := self._structure(name)) is not None), None)

    def codes(self, table: str) -> frozenset[str] | None:
        """Return the codes of a table (``HL70001``), or ``None`` when it lists none."""
        return _codes(self.version, table)

    def datatype(self, name: str) -> tuple[Shape, ...]:
        """Return the components of a datatype; none for a base datatype or one that this version doesn't know."""
        if name not in self._datatypes:
            found = self._look(name, "Datatypes_Structs")
            self._datatypes[name] = () if found is None else tuple(self._shape(child) for child in found)
        return self._datatypes[name]

    def fault(self, datatype: str, text: str) -> str | None:
        """Return ``length`` or ``datatype`` when a text isn't what a base datatype allows, else ``None``."""
        try:
            datatype_factory(datatype, text, version=self.version, validation_level=VALIDATION_LEVEL.STRICT)
        except InvalidDataType:
            return None
        except MaxLengthReached:
            return "length"
        except (HL7apyException, ValueError, ArithmeticError):
            return "datatype"
        return None

    def is_base(self, datatype: str) -> bool:
        """Tell whether this version knows a datatype as a single value."""
        return bool(load_library(self.version).is_base_datatype(datatype))

    def knows(self, datatype: str) -> bool:
        """Tell whether this version has a datatype."""
        return self.is_base(datatype) or bool(self.datatype(datatype))

    def _look(self, name: str, kind: str) -> Any:
        try:
            return load_reference(name, kind, self.version)
        except ChildNotFound:
            return None

    def _structure(self, name: str) -> tuple[Place, ...] | None:
        if name not in self._structures:
            found = self._look(name, "Message")
            self._structures[name] = None if found is None else tuple(_place(child) for child in found[1])
        return self._structures[name]

    def _shape(self, child: Any) -> Shape:
        name, reference, (least, most) = child[0], child[1], child[2]
        kind, parts, datatype, _, table, length = reference
        below = tuple(self._shape(part) for part in parts) if kind != "leaf" else ()
        number = int(name.rpartition("_")[2])
        return Shape(name, number, least, most, datatype or "", table or "", length, below or self._below(datatype or ""))

    def _below(self, datatype: str) -> tuple[Shape, ...]:
        return () if datatype in ("", BASE_VARIES) or self.is_base(datatype) else self.datatype(datatype)


def _place(child: Any) -> Place:
    name, reference, (least, most), kind = child[0], child[1], child[2], child[3]
    if kind == "SEG":
        return Place(name, least, most, (), frozenset({name}), frozenset({name}))
    parts = tuple(_place(part) for part in reference[1])
    starts: set[str] = set()
    for part in parts:
        starts |= part.starts
        if part.least and reference[0] != "choice":
            break
    return Place(name, least, most, parts, frozenset(starts), frozenset().union(*(part.holds for part in parts)))


def are_defined(version: str) -> bool:
    """Tell whether there are definitions of a version."""
    return version in SUPPORTED_LIBRARIES


@cache
def definitions(version: str) -> Definitions:
    """Return the definitions of a version that has them."""
    return Definitions(version)


@cache
def _codes(version: str, table: str) -> frozenset[str] | None:
    try:
        return frozenset(load_reference(table, "Table", version)[1]) or None
    except ChildNotFound:
        return None


@cache
def structures() -> Mapping[tuple[str, str], str]:
    """Return the structure of each (message type, event), for messages that leave MSH-9.3 empty (HL7 table 0354)."""
    lines = (files("gateway.conformance") / "structures.csv").read_text(encoding="utf-8").splitlines()
    return {(row["type"], event): row["structure"] for row in csv.DictReader(lines) for event in row["events"].split()}
