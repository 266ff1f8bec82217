"""Lineage: which row put what where. Mapping is pure, so nothing is noted on the way: when somebody asks, the record is mapped once more
by lines that note each step, and the steps are written out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from msgspec import Struct

from gateway.model import Lineage

if TYPE_CHECKING:
    from gateway.identity import IdSpace
    from gateway.mapping.dialect import Located, Locator
    from gateway.mapping.engine import MappingSet
    from gateway.model import SourceRecord

Origin = Literal["source", "constant", "default", "derived"]
LEAVES: Final = frozenset({str, bool, int, Decimal})


class Noted(Protocol):
    """What a line needs to know of its row."""

    label: str
    target: str
    at: Located


# (row, path with indexes or the index in the list that the row adds to, value, place in the record, {leaf: part of the place}, origin)
Step = tuple[Noted, str | int, Any, Any, Mapping[str, str] | None, Origin]


class Notes(Struct, eq=False):
    """What the rows note of one record: worked out when it is asked for, once for all its resources."""

    maps: MappingSet
    record: SourceRecord
    ids: IdSpace
    known: list[list[Step]] | None = None

    def __eq__(self, other: object) -> bool:
        """Whether the same would be noted."""
        return isinstance(other, Notes) and (self.maps, self.record, self.ids) == (other.maps, other.record, other.ids)

    def __hash__(self) -> int:
        return hash((self.record, self.ids))

    def of(self, number: int) -> list[Step]:
        """Return the steps of a resource, by its number in the result."""
        if self.known is None:
            self.known = self.maps.noted(self.record, self.ids)
        return self.known[number]


class Trail(Struct, frozen=True):
    """Where the leaves of one resource of a record came from, with what is needed to write it out."""

    notes: Notes
    number: int

    @property
    def steps(self) -> list[Step]:
        """What the rows note of the resource."""
        return self.notes.of(self.number)

    def lines(self) -> tuple[Lineage, ...]:
        """Return one line for every leaf, in the order in which they are filled."""
        locate = self.notes.maps.dialect.locator(self.notes.record.body)
        return tuple(line for step in self.steps for line in self._lines(step, locate))

    def _lines(self, step: Step, locate: Locator) -> Iterator[Lineage]:
        row, path, value, place, sources, origin = step
        if isinstance(path, int):
            path = row.target.removesuffix("]") + f"{path}]"
        for below, _ in leaves(value):
            part = _part(below, sources) if sources else ""
            source = None if place is None else self.notes.maps.dialect.place(place, row.at, part)
            offset = None if place is None else locate(place, row.at, part)
            yield Lineage(path=path + below, origin=origin, source=source, row=row.label, offset=offset)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each leaf of a value with its path below it."""
    kind = type(value)
    if kind in LEAVES:
        yield path, value
    elif kind is dict:
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}")
    elif kind is list:
        for number, part in enumerate(value):
            # A null keeps its place beside the extensions of a primitive that repeats; it is no leaf.
            if part is not None:
                yield from leaves(part, f"{path}[{number}]")


def _part(path: str, sources: Mapping[str, str]) -> str:
    """Return the part of the place that a leaf came from: that of the longest named path that it lies under."""
    relative = path.removeprefix(".")
    best = ""
    for name in sources:
        if len(name) >= len(best) and relative.startswith(name) and relative[len(name) : len(name) + 1] in ("", ".", "["):
            best = name
    return sources.get(best, "")


def whole(value: Any, references: list[str]) -> bool:
    """Whether a value has no empty part, which FHIR doesn't allow; what it refers to is added to ``references``."""
    kind = type(value)
    if kind is dict:
        for name, part in value.items():
            if type(part) is str:
                if not part:
                    return False
                if name == "reference":
                    references.append(part)
            elif not whole(part, references):
                return False
        return bool(value)
    if kind is list:
        for part in value:
            if not (part if type(part) is str else part is None or whole(part, references)):
                return False
        return bool(value)
    return kind in LEAVES and value != ""


def pruned(value: Any) -> Any:
    """Return a value without its empty parts, ``None`` when nothing is left.

    Raises:
        TypeError: a part that has no place in FHIR JSON, such as a float.
    """
    if type(value) is dict:
        return {name: kept for name, part in value.items() if (kept := pruned(part)) is not None} or None
    if type(value) is list:
        return [kept for part in value if (kept := pruned(part)) is not None] or None
    if value is not None and type(value) not in LEAVES:
        raise TypeError(type(value).__name__)
    return None if value is None or value == "" else value


def copied(value: Any) -> Any:
    """Return a value of its own, for what others will add to."""
    if type(value) is dict:
        return {name: copied(part) for name, part in value.items()}
    return [copied(part) for part in value] if type(value) is list else value
