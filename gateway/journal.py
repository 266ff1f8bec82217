"""The journal: every record as it came, sealed, before anything else is done with it.

What comes is compared with the newest version of the same record that we have (``source_record``): equal bytes are a duplicate, an
ordinary event, since sources are re-read with an overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, timedelta
from typing import Any, Final, Literal

from gateway.connector import Op, Record, Rejection
from gateway.database import Connection
from gateway.errors import Conflict
from gateway.keys import KeyRing
from gateway.model import Issue, SourceRecord

HEADS: Final = """
select record_key, body_hash, deleted from source_record where source_id = %s and stream = %s and record_key = any(%s)"""
# A table under row security can't be copied into; one of the session's own can. It is emptied by each commit.
STAGE: Final = """
create temp table if not exists intake_page (
  place integer, record_key text, version text, op text, body bytea, body_hash bytea, labels text[], origin text, source_time timestamptz,
  day date, state text, reason text
) on commit delete rows"""
COPY: Final = "copy intake_page from stdin (format binary)"
COPY_TYPES: Final = ("int4", "text", "text", "text", "bytea", "bytea", "text[]", "text", "timestamptz", "date", "text", "text")
INSERT: Final = """
with written as (
  insert into journal (org, source_id, run_id, stream, kind, record_key, version, op, body, body_hash, labels, origin, source_time,
    received_at, state, reason)
  select %(org)s, %(source)s, %(run)s, %(stream)s, %(kind)s, record_key, version, op, body, body_hash, labels, origin, source_time,
    app_now(), state, reason
  from intake_page order by place
  returning id, record_key, op, body_hash)
insert into source_record (org, source_id, stream, record_key, partition, journal_id, body_hash, deleted, day)
select %(org)s, %(source)s, %(stream)s, written.record_key, %(partition)s, written.id, written.body_hash, written.op = 'delete', page.day
from written join intake_page page using (record_key)
on conflict (source_id, stream, record_key) do update
set partition = excluded.partition, journal_id = excluded.journal_id, body_hash = excluded.body_hash, deleted = excluded.deleted,
  day = excluded.day"""
COUNT: Final = """
update slice set received = received + %s, duplicates = duplicates + %s, journalled = journalled + %s, requests = requests + %s,
  max_cursor = greatest(max_cursor collate "C", %s), lease_until = app_now() + %s
where id = %s and fence = %s"""
WAITING: Final = """
select id, source_id, stream, kind, record_key, op, body, labels, origin, source_time, mapping_sha
from journal where source_id = %s and state = 'waiting' order by id limit %s for update skip locked"""
NEWEST: Final = """
select id, source_id, stream, kind, record_key, body, labels, origin, source_time
from journal where source_id = %s and op = 'upsert' and body is not null order by id desc limit %s"""
SETTLE: Final = """
update journal set state = t.state, reason = t.reason, mapping_sha = %s, mapped_at = app_now()
from unnest(%s::bigint[], %s::text[], %s::text[]) as t (id, state, reason) where journal.id = t.id"""
ISSUES: Final = """
insert into mapping_issue (org, journal_id, severity, code, row_id, source_path, target_path, masked, reason, action)
select app_org(), * from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])"""

NO_BODY: Final = b""
# Begins the key of something that has none: what follows is a keyed hash of its bytes, so that the same bytes come under the same name.
UNREADABLE: Final = "unreadable-"
NUL: Final = "\x00"
# Characters. An index takes no entry over 2,700 bytes, and a character takes up to four.
LONGEST: Final = 512
# Rows fetched at a time where many are read.
PAGE: Final = 1000
FACTS: Final = ("labels", "origin", "source_time", "day", "state", "reason")
# The reason of whatever can't be read as a record.
STRUCTURE: Final = "structure"
State = Literal["mapped", "deleted", "quarantined", "set-aside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a batch belongs: the slice that read it, held under a fence."""

    org: int
    source: int
    run: int
    slice: int
    fence: int
    lease: timedelta
    stream: str
    kind: str
    partition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What mapping and store made of one journal row."""

    journal_id: int
    state: State
    reason: str | None = None
    issues: tuple[Issue, ...] = field(default=())


def named(keys: KeyRing, one: Record | Rejection) -> Record | Rejection:
    """Return what was read, under a key also when it brought none; what the database couldn't hold is no record."""
    if isinstance(one, Record):
        if _storable(one):
            return one
        one = Rejection(stream=one.stream, key="", data=one.data or NO_BODY, reason=STRUCTURE)
    if one.key and _text_fits(one.key):
        return one
    return replace(one, key=f"{UNREADABLE}{_hash(keys, one.data).hex()[:24]}")


def _storable(one: Record) -> bool:
    """Tell whether a record's own fields can be stored: one that can't would stop all that come after it."""
    if not one.key or not all(map(_text_fits, (one.key, one.version or "", one.origin or "", *one.labels))):
        return False
    if one.source_time is not None and one.source_time.tzinfo is None:
        return False
    try:
        return one.date is None or bool(date.fromisoformat(one.date))
    except ValueError:
        return False


def _text_fits(text: str) -> bool:
    """Tell whether columns and their indexes can hold a text: no NUL, no half of a surrogate pair, not too long for a key."""
    return len(text) <= LONGEST and NUL not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def record_page(db: Connection, keys: KeyRing, place: Place, batch: Sequence[Record | Rejection], requests: int = 0) -> int:
    """Write what is new of a batch (no key twice in it) and count it on the slice; return how many were new. Once per transaction.

    Raises:
        Conflict: the slice is another worker's by now.
    """
    rows = {one.key: _row(keys, one) for one in batch}
    heads = {h.record_key: h for h in db.execute(HEADS, (place.source, place.stream, list(rows)))}
    fresh = [row for key, row in rows.items() if _is_new(heads.get(key), row)]
    if fresh:
        _insert(db, keys, place, fresh)
    newest = max((one.source_time for one in batch if isinstance(one, Record) and one.source_time), default=None)
    cursor = newest.astimezone(UTC).isoformat(timespec="microseconds") if newest else None
    counts = (len(batch), len(batch) - len(fresh), len(fresh), requests, cursor, place.lease, place.slice, place.fence)
    if db.execute(COUNT, counts).rowcount != 1:
        raise Conflict(f"slice {place.slice}: taken over by another worker")
    return len(fresh)


def _row(keys: KeyRing, one: Record | Rejection) -> dict[str, Any]:
    common = {"key": one.key, "plain": one.data or NO_BODY, "hash": _hash(keys, one.data or NO_BODY)}
    if isinstance(one, Rejection):
        absent = dict.fromkeys(("version", "origin", "source_time", "day"))
        return {**common, **absent, "op": "upsert", "labels": [], "state": "quarantined", "reason": STRUCTURE}
    return {
        **common,
        "version": one.version,
        "op": one.op.value,
        "labels": sorted(one.labels),
        "origin": one.origin,
        "source_time": one.source_time,
        "day": None if one.date is None else date.fromisoformat(one.date),
        "state": "waiting",
        "reason": None,
    }


def _hash(keys: KeyRing, plain: bytes) -> bytes:
    return keys.keyed_digest(plain)


def _is_new(head: Any, row: dict[str, Any]) -> bool:
    return head is None or head.deleted != (row["op"] == Op.DELETE) or bytes(head.body_hash) != row["hash"]


def _insert(db: Connection, keys: KeyRing, place: Place, rows: list[dict[str, Any]]) -> None:
    db.execute(STAGE)
    with db.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COPY_TYPES)
        for number, row in enumerate(rows):
            body = None if row["op"] == Op.DELETE else _seal(keys, place, row)
            copy.write_row((number, row["key"], row["version"], row["op"], body, row["hash"], *(row[name] for name in FACTS)))
    values = {name: getattr(place, name) for name in ("org", "source", "run", "stream", "kind", "partition")}
    db.execute(INSERT, values)


def _seal(keys: KeyRing, place: Place, row: dict[str, Any]) -> bytes:
    return keys.seal(row["plain"], "journal", f"{place.source}/{place.stream}/{row['key']}", "body")


def body_of(keys: KeyRing, row: Any) -> bytes:
    """Return the bytes of a journal row (with ``source_id``, ``stream``, ``record_key``, ``body``) as they came."""
    return keys.unseal(bytes(row.body), "journal", f"{row.source_id}/{row.stream}/{row.record_key}", "body")


def record_of(keys: KeyRing, system: str, row: Any) -> SourceRecord:
    """Return a journal row as mapping reads it; ``system`` is the record system of its source."""
    return SourceRecord(
        system=system,
        kind=row.kind,
        stream=row.stream,
        key=row.record_key,
        body=body_of(keys, row),
        labels=frozenset(row.labels),
        origin=row.origin,
        source_time=row.source_time,
    )


def newest(db: Connection, keys: KeyRing, source: Any, last: int) -> Iterator[tuple[int, SourceRecord]]:
    """Yield the newest messages of a source (a row with ``id`` and ``system``) that still have their body, whatever became of them."""
    with db.cursor(name="newest") as cursor:
        cursor.itersize = PAGE
        for row in cursor.execute(NEWEST, (source.id, last)):
            yield row.id, record_of(keys, source.system, row)


def waiting(db: Connection, source_id: int, limit: int) -> list[Any]:
    """Return rows to map, oldest first, locked until the transaction ends."""
    return db.execute(WAITING, (source_id, limit)).fetchall()


def settle(db: Connection, mapping_sha: bytes, outcomes: Sequence[Outcome]) -> None:
    """Write what became of each row, with its issues."""
    ids, states, reasons = zip(*((o.journal_id, o.state, o.reason) for o in outcomes), strict=True)
    db.execute(SETTLE, (mapping_sha, list(ids), list(states), list(reasons)))
    issues = [(o.journal_id, issue) for o in outcomes for issue in o.issues]
    if issues:
        db.execute(ISSUES, _issue_columns(issues))


def _issue_columns(issues: Iterable[tuple[int, Issue]]) -> tuple[list[Any], ...]:
    rows = [
        (journal, i.severity, i.code, i.row, i.source_path, i.target_path, i.masked, i.reason, i.action) for journal, i in issues
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))
