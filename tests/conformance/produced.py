"""Everything that the maps make of a small sample organisation, as the store keeps it and as portals get it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from gateway.disclosure.classes import _read
from gateway.disclosure.decide import ClassRule
from gateway.disclosure.projections import names_for, project
from gateway.identity import IdSpace
from gateway.jsonbytes import dumps, loads
from gateway.mapping.versions import compile_shipped, shipped_files
from gateway.model import Mapped, SourceRecord
from gateway.store.stamp import labelled, stamp, stored_hash
from samples.ecd.generate import generate
from samples.ecd.records import KINDS, World

SYSTEM: Final = "ons-delinde"
IDS: Final = IdSpace(namespace=UUID("6c1f2f0e-5a86-4f0e-9d5a-0d6a1c7e4b11"), hash_key=b"a hash key of the tests alone")
STORED_AT: Final = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
TODAY: Final = date(2026, 11, 21)
SENSITIVE: Final = ("hidden", "confidential")
# Texts, names, numbers and moments: what two resources may differ in and still be the same to a profile.
FREE: Final = frozenset(
    {
        "text",
        "description",
        "family",
        "given",
        "line",
        "city",
        "district",
        "postalCode",
        "value",
        "valueString",
        "reference",
        "display",
        "div",
        "id",
        "lastUpdated",
        "source",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """One resource: the profile it claims (or its type), the projection, and its content."""

    kind: str
    projection: str
    body: dict[str, Any]


def sample(clients: int) -> World:
    """Return the organisation that is mapped."""
    return generate(clients=clients, days=60, seed=1, today=TODAY)


def source_records(world: World) -> Iterator[SourceRecord]:
    """Yield every record as the journal would hold it."""
    for stream, kind in KINDS.items():
        for raw in world[stream].all():
            yield SourceRecord(
                system=SYSTEM,
                kind=kind,
                stream=stream,
                key=str(raw["id"]),
                body=dumps(raw),
                labels=frozenset(label for label in SENSITIVE if raw.get(label)),
            )


def kind_of(body: Mapping[str, Any]) -> str:
    """Return the kind of a resource: the last word of its profile, or its type when it claims none."""
    profiles = body.get("meta", {}).get("profile", [])
    return str(profiles[0]).rpartition("/")[2] if profiles else str(body["resourceType"])


def produced(world: World) -> Iterator[Produced]:
    """Yield every resource of every record, whole and in each projection that its type has."""
    maps = compile_shipped("ons")
    rules = _read(shipped_files("ons")["class_map.csv"])
    for record in source_records(world):
        for mapped in maps.map(record, IDS).mapped:
            yield from forms(mapped, rules.get(mapped.class_), (record.system, record.stream, record.key))


def forms(mapped: Mapped, rule: ClassRule | None, record: tuple[str, str, str]) -> Iterator[Produced]:
    """Yield a resource as the store keeps it, then each projection of it."""
    resource = labelled(mapped, mapped.body, rule)
    whole = loads(stamp(resource, stored_hash(resource, b""), 1, STORED_AT, record).body)
    for name in names_for(mapped.type):
        yield Produced(kind=kind_of(whole), projection=name, body=project(name, whole))


def variants(items: Iterable[Produced], most: int) -> list[Produced]:
    """Return at most ``most`` resources of each shape: the elements that it has and the codes in them."""
    seen: Counter[tuple[str, str, frozenset[str]]] = Counter()
    chosen = []
    for item in items:
        shape = (item.kind, item.projection, frozenset(_shape(item.body, "")))
        seen[shape] += 1
        if seen[shape] <= most:
            chosen.append(item)
    return chosen


def _shape(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _shape(part, f"{path}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from _shape(part, f"{path}[]")
    elif path.rpartition(".")[2] in FREE or not isinstance(value, str) or value[:4].isdigit():
        yield path
    else:
        yield f"{path}={value}"
