"""What the store is given, what it answers, and what it keeps in hand while it decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gateway.model import Mapped

RecordKey = tuple[str, str, str]
ResourceKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one journalled record yields now; empty ``mapped``: nothing any more (deleted, or set aside by its status)."""

    journal_id: int | None
    system: str
    stream: str
    key: str
    source_time: datetime | None
    mapping_sha: bytes | None
    mapped: tuple[Mapped, ...]

    @property
    def record(self) -> RecordKey:
        """Return the name of the source record."""
        return self.system, self.stream, self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of an entry.

    ``superseded``: a newer version of the record was stored before, nothing was written; ``cleaned``: a text of it had control
    characters that FHIR forbids, and was stored without them.
    """

    journal_id: int | None
    superseded: bool
    cleaned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHead:
    """The newest version of a record that was applied."""

    source_time: datetime | None
    journal_id: int

    def is_newer_than(self, source_time: datetime | None, journal_id: int | None) -> bool:
        """Tell whether this beats a version: by the source's time where both have one, else by arrival."""
        if self.source_time is not None and source_time is not None and self.source_time != source_time:
            return self.source_time > source_time
        return self.journal_id > (journal_id or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFacts:
    """The columns beside a resource's bytes that disclosure judges by; they can change while the bytes stay."""

    client_id: int | None
    class_key: str
    audience: str | None
    labels: tuple[str, ...]
    data_at: datetime | None
    withdrawn: bool
    origin_portal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """A resource as it stands: in the database, or as the batch under way leaves it. ``body`` only where a patch needs it."""

    rkey: int
    version: int
    deleted: bool
    hash: bytes
    head: RecordHead
    facts: StoredFacts
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A resource ready to be written: hash per projection, and (projection, type, id) of what each refers to."""

    body: bytes
    hash: bytes
    projections: dict[str, bytes]
    references: frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version to write. ``stamped`` is ``None`` for a deletion."""

    rkey: int
    type: str
    id: str
    number: int
    op: Literal["create", "update", "delete"]
    at: datetime
    facts: StoredFacts
    entry: Entry
    source_time: datetime | None
    stamped: Stamped | None
    secrets: dict[str, str] = field(default_factory=dict)
