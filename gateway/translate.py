"""Map and store: a batch of waiting journal rows becomes resources, in one transaction.

The rows stay locked until the commit, so a killed worker leaves them waiting and nothing half done. Mapping is pure: what it makes of a
record, it makes of it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from gateway.crash import crash_point
from gateway.database import Connection
from gateway.intake.load import steps_back
from gateway.journal import Outcome, record_of, settle, waiting
from gateway.keys import KeyRing
from gateway.mapping.engine import MappingSet
from gateway.mapping.versions import active
from gateway.model import Issue, MapResult
from gateway.runtime import Gateway
from gateway.store import Entry, Fate, store_records

BATCH = 500
# A NUL in a text, a character outside Unicode, a number out of range, a key that no index takes: whatever the database can't hold.
UNSTORABLE: Final = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded, UnicodeError)

# One batch of a source at a time: of two messages with the same time the later one has the last word.
ALONE: Final = "select pg_advisory_xact_lock(%s, %s)"
LOCK: Final = 7_201_979
SOURCE: Final = "select id, code, system, zone from source where id = %s"

CLEANED: Final = Issue(
    severity="warning",
    code="charset",
    row="",
    source_path="",
    target_path="",
    masked="",
    reason="a text holds control characters, which FHIR forbids",
    action="stored without them",
)


def map_batch(gateway: Gateway, org: int, source_id: int) -> int:
    """Map and store up to ``BATCH`` waiting records of a source; return how many there were (0: nothing waits, or what
    waits was pushed and more is coming at this moment: whoever takes it in gives a hint when it is quiet).

    A record that the database can't take, whatever the mapping made of it, is found by doing the batch again one by one. It is
    quarantined; the others never wait for it.
    """
    try:
        return _batch(gateway, org, source_id, _together)
    except UNSTORABLE:
        return _batch(gateway, org, source_id, _one_by_one)


def _batch(gateway: Gateway, org: int, source_id: int, how: Callable[[Translation, Sequence[Any]], None]) -> int:
    with gateway.database.transaction(org) as db:
        db.execute(ALONE, (LOCK, source_id))
        source = db.execute(SOURCE, (source_id,)).fetchone()
        if steps_back(db, source_id):
            return 0
        rows = waiting(db, source_id, BATCH)
        if source is None or not rows:
            return 0
        how(Translation(gateway=gateway, org=org, db=db, system=source.system, maps=active(db, source_id)), rows)
    if len(rows) == BATCH:
        gateway.hint("map_batch", org, source_id)
    return len(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A batch under way, in its transaction."""

    gateway: Gateway
    org: int
    db: Connection
    system: str
    maps: MappingSet


def _together(batch: Translation, rows: Sequence[Any]) -> None:
    keys, maps = batch.gateway.keys(batch.org), batch.maps
    results = [_map(maps, keys, batch.system, row) for row in rows]
    crash_point("after-map")
    entries = [_entry(batch.system, maps, row, result) for row, result in zip(rows, results, strict=True)]
    fates = store_records(batch.db, batch.gateway, batch.org, [entry for entry in entries if entry is not None])
    _settle(batch.db, maps, rows, results, {fate.journal_id: fate for fate in fates if fate.journal_id is not None})


def _one_by_one(batch: Translation, rows: Sequence[Any]) -> None:
    for row in rows:
        try:
            with batch.db.transaction():
                _together(batch, [row])
        except UNSTORABLE as error:
            settle(batch.db, batch.maps.sha256, [_unstorable(row.id, error)])


def _unstorable(journal_id: int, error: Exception) -> Outcome:
    issue = Issue(
        severity="error",
        code="structure",
        row="",
        source_path="",
        target_path="",
        masked="",
        reason=f"the database can't hold what the mapping made of this record ({type(error).__name__})",
        action="record quarantined",
    )
    return Outcome(journal_id=journal_id, state="quarantined", reason="structure", issues=(issue,))


def _map(maps: MappingSet, keys: KeyRing, system: str, row: Any) -> MapResult | None:
    """Map one journal row; ``None`` for a deletion, which has nothing to map."""
    if row.op == "delete":
        return None
    return maps.map(record_of(keys, system, row), keys.ids())


def _entry(system: str, maps: MappingSet, row: Any, result: MapResult | None) -> Entry | None:
    """Return what the store is to do. A quarantined record leaves what it yielded before; one set aside by status takes it away."""
    if result is not None and result.outcome == "quarantined":
        return None
    return Entry(
        journal_id=row.id,
        system=system,
        stream=row.stream,
        key=row.record_key,
        source_time=row.source_time,
        mapping_sha=maps.sha256,
        mapped=() if result is None else result.mapped,
    )


def _settle(
    db: Connection,
    maps: MappingSet,
    rows: Sequence[Any],
    results: Sequence[MapResult | None],
    fates: dict[int, Fate],
) -> None:
    settle(db, maps.sha256, [_outcome(row.id, result, fates.get(row.id)) for row, result in zip(rows, results, strict=True)])


def _outcome(journal_id: int, result: MapResult | None, fate: Fate | None) -> Outcome:
    """Say what became of a record: the mapping's word first, then the store's."""
    issues = () if result is None else result.issues
    if fate is not None and fate.cleaned:
        issues += (CLEANED,)
    if result is not None and result.outcome in ("quarantined", "set-aside"):
        return Outcome(journal_id=journal_id, state=result.outcome, reason=result.reason, issues=issues)
    if fate is not None and fate.superseded:
        return Outcome(journal_id=journal_id, state="set-aside", reason="superseded", issues=issues)
    return Outcome(journal_id=journal_id, state="deleted" if result is None else "mapped", reason=None, issues=issues)
