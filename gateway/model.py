"""The records that pass between the steps of the flow. Frozen and keyword-only: a change is a new record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

IssueCode = Literal[
    "value-invalid",
    "code-unmapped",
    "unit-unknown",
    "required-missing",
    "cardinality-overflow",
    "segment-unmapped",
    "field-unmapped",
    "reference-unresolved",
    "charset",
    "structure",
]
Outcome = Literal["ok", "ok-with-issues", "quarantined", "set-aside"]
Write = Literal["snapshot", "patch", "ensure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One finding of the mapping (contracts 1). ``masked`` never shows more than the first characters of a value."""

    severity: Literal["error", "warning", "information"]
    code: IssueCode
    row: str
    source_path: str
    target_path: str
    masked: str
    reason: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where one leaf of a resource came from.

    ``path`` is the FHIR path with indexes (``name[0].family``); ``source`` the path in the record with indexes, or ``None`` for a
    constant; ``origin`` says which; ``offset`` the byte range in the record where the dialect knows it.
    """

    path: str
    origin: Literal["source", "constant", "default", "derived"]
    source: str | None
    row: str
    offset: tuple[int, int] | None = None


class Trail(Protocol):
    """What the rows noted while they filled a resource in."""

    def lines(self) -> tuple[Lineage, ...]:
        """Return one line for every leaf."""


class SourceRecord(Struct, frozen=True, kw_only=True):
    """One record of a source as the journal holds it: what mapping reads. Same record + same mapping = same ``Mapped``."""

    system: str
    kind: str
    stream: str
    key: str
    body: bytes
    labels: frozenset[str] = frozenset()
    origin: str | None = None
    source_time: datetime | None = None


class Mapped(Struct, frozen=True, kw_only=True):
    """One resource that a record yields (contracts 1).

    ``body`` has ``resourceType`` and ``id`` and no ``meta`` but ``profile``: the store writes the rest. ``patient`` is the id of the
    Patient whose compartment it is in, ``None`` for directory resources. ``class_`` is the key that the class map knows
    (``report/101``). ``secrets`` are taken out of the body (``{"bsn": "999…"}``). ``references`` are ``Type/id`` texts in the body.
    """

    type: str
    id: str
    body: dict[str, Any]
    write: Write = "snapshot"
    class_: str
    audience: str | None = None
    labels: frozenset[str] = frozenset()
    data_at: datetime | None = None
    source_time: datetime | None = None
    patient: str | None = None
    withdrawn: bool = False
    origin_portal: str | None = None
    secrets: Mapping[str, str] = msgspec.field(default_factory=dict)
    references: frozenset[str] = frozenset()
    trail: Trail | None = None
    issues: tuple[Issue, ...] = ()

    @property
    def lineage(self) -> tuple[Lineage, ...]:
        """Where each leaf came from: one line a leaf, written out of what the rows noted."""
        return () if self.trail is None else self.trail.lines()


class MapResult(Struct, frozen=True, kw_only=True):
    """What became of one record: all its resources, or the reason why there are none."""

    outcome: Outcome
    mapped: tuple[Mapped, ...] = ()
    issues: tuple[Issue, ...] = ()
    reason: str | None = None
