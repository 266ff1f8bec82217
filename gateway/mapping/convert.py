"""What a converter is: a pure function from a source value to a FHIR value, registered by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from gateway.errors import Misconfigured, Rejected
from gateway.model import IssueCode

if TYPE_CHECKING:
    from gateway.identity import IdSpace
    from gateway.mapping.tables import CodeTable, UnitTable


class Unmappable(Rejected):
    """This value has no meaning in FHIR: its element is left out, with an issue. The reason never holds the value."""

    code = "unmappable"

    def __init__(self, reason: str, code: IssueCode = "value-invalid") -> None:
        super().__init__(reason)
        self.reason = reason
        self.issue = code


class RejectRecord(Unmappable):
    """As ``Unmappable``, and the whole record is quarantined (``unmapped: reject-message``)."""


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on a value that was converted all the same; it becomes an issue of severity warning."""

    code: IssueCode
    reason: str
    action: str = "value kept"


class Converted(Struct, frozen=True):
    """A value with remarks.

    ``sources`` says which field of the value that was read each leaf came from: ``{"family": "lastName"}``; a longer
    path of the leaf wins over a shorter one. ``default`` marks a value that stands in for one that has no meaning.
    """

    value: Any
    issues: tuple[Note, ...] = ()
    sources: Mapping[str, str] = {}
    default: bool = False


NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """What is fixed for a row: its options, target and tables."""

    options: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""
    zone: ZoneInfo | None = None
    codes: CodeTable | None = None
    units: UnitTable | None = None
    unmapped: str = "reject-element"
    namespaces: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[str] | None = None


class RecordIds(Struct, eq=False):
    """The ids of one record: each is worked out once, however often the record names its resource."""

    space: IdSpace
    known: dict[tuple[str, str], str] = {}

    def resource_id(self, system: str, type_: str, key: str) -> str:
        """Return the id of a resource of the record's system."""
        found = self.known.get((type_, key))
        if found is None:
            found = self.known[type_, key] = self.space.resource_id(system, type_, key)
        return found

    def keyed_hash(self, text: str) -> bytes:
        """Return the hash by which equal secrets are recognised; see ``IdSpace``."""
        return self.space.keyed_hash(text)


class ConvertContext(Struct, eq=False):
    """What a converter may know beside the value: the row's options and tables, and the record around it."""

    row: RowFacts
    ids: IdSpace | RecordIds
    system: str
    record: Any
    item: Any
    unit: Any

    @property
    def options(self) -> Mapping[str, Any]:
        """The row's ``with``."""
        return self.row.options

    @property
    def target(self) -> str:
        """The FHIR type of the target (``Quantity``), empty for facts and secrets."""
        return self.row.target

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone of times without offset."""
        return self.row.zone

    @property
    def codes(self) -> CodeTable | None:
        """The row's concept map."""
        return self.row.codes

    @property
    def units(self) -> UnitTable | None:
        """The units of the set."""
        return self.row.units

    @property
    def unmapped(self) -> str:
        """What to do with a code that the concept map doesn't know."""
        return self.row.unmapped

    @property
    def namespaces(self) -> Mapping[str, str]:
        """Names for identifier systems."""
        return self.row.namespaces

    @property
    def allowed(self) -> frozenset[str] | None:
        """The codes that a required binding of the target allows."""
        return self.row.allowed

    def reference(self, type_: str, *key: str) -> dict[str, str]:
        """Return a Reference to the resource that another map makes under this key."""
        text = "/".join(key_part(part) for part in key)
        return {"reference": f"{type_}/{self.ids.resource_id(self.system, type_, text)}"}


Converter = Callable[[Any, ConvertContext], Any]


def key_part(text: str) -> str:
    """Write one part of a key so that parts can't run into each other."""
    return text.replace("%", "%25").replace("/", "%2F") if "/" in text or "%" in text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What ``@converter`` says about a function. ``to`` holds FHIR types, empty for any; ``options`` None for any."""

    name: str
    to: tuple[str, ...] = ()
    options: tuple[str, ...] | None = None
    private: bool = False
    alone: bool = False
    sourced: bool = False
    remembered: bool = False
    raw: bool = False
    many: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)


def converter(
    name: str,
    *,
    to: str | tuple[str, ...] = (),
    options: tuple[str, ...] | None = None,
    private: bool = False,
    alone: bool = False,
    sourced: bool = False,
    remembered: bool = False,
    raw: bool = False,
    many: bool = False,
    sources: Mapping[str, str] = NOTHING,
) -> Callable[[Converter], Converter]:
    """Name a converter.

    ``private``: not one character of what it reads may stand in an issue. ``alone``: it asks its context for nothing but what the row
    fixes (options, zone, tables, namespaces), so one context serves all. ``sourced``: beside that it asks for the record system and its
    ids, so one context serves all records of a source. ``remembered``: its answer hangs on nothing but the text, that, and how the sender
    calls itself (MSH-3, MSH-4); and its text is never about a client, so that the answer may be kept for other records. ``raw``: it reads
    the notation of HL7 v2 itself (components, escapes); others get the first component as people read it. ``many``: of a path with
    several values it gets all, in a list, for one answer. ``sources`` says which part of a value each leaf of the answer comes from
    (``{"family": "1"}``, the longest path wins); such a converter is raw, and its answers never hold an empty part.
    """
    named = Named(
        name=name,
        to=(to,) if isinstance(to, str) else to,
        options=options,
        private=private,
        alone=alone,
        sourced=sourced,
        remembered=remembered,
        raw=raw or bool(sources),
        many=many,
        sources=sources,
    )

    def mark(function: Converter) -> Converter:
        function.named = named  # type: ignore[attr-defined]
        return function

    return mark


def named(function: Converter) -> Named:
    """Return what is known of a converter; one without a mark fits everything."""
    found = getattr(function, "named", None)
    return found if isinstance(found, Named) else Named(name=getattr(function, "__name__", "converter"))


def collect(*modules: ModuleType) -> dict[str, Converter]:
    """Return the converters that some modules define, by name; what they import from each other counts once.

    Raises:
        Misconfigured: two of them have one name.
    """
    found: dict[str, Converter] = {}
    for module in modules:
        for value in vars(module).values():
            mark = getattr(value, "named", None)
            if not isinstance(mark, Named) or value.__module__ != module.__name__:
                continue
            if found.get(mark.name, value) is not value:
                raise Misconfigured(f"{module.__name__}: a second converter is called {mark.name!r}")
            found[mark.name] = value
    return found
