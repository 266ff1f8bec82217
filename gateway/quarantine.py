"""Messages that were set aside: looked at, tried again, let through, or put right. Nothing is ever thrown away.

Every act is in the trail, and doing it twice does no more than doing it once. A message that is let go of waits in the journal like a new
one, so both ledgers stay exact; one that is replaced stays, set aside as ``replaced``, with its replacement beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway import audit, er7
from gateway.audit import AuditEvent
from gateway.database import Connection
from gateway.errors import NotFound, Rejected
from gateway.intake.reception import source_time
from gateway.journal import UNREADABLE, body_of, record_of
from gateway.mapping.dialect import UnreadableError
from gateway.mapping.engine import MappingSet
from gateway.mapping.versions import active
from gateway.model import Issue, MapResult, SourceRecord
from gateway.runtime import Gateway

HELD: Final = """
select journal.id, source.code as source, journal.stream, journal.kind, journal.received_at, coalesce(journal.reason, 'unknown') as reason,
  issue.row_id as row, issue.source_path as path, issue.masked, issue.reason as why
from journal join source on source.id = journal.source_id
left join lateral (
  select row_id, source_path, masked, reason from mapping_issue
  where journal_id = journal.id order by severity <> 'error', id limit 1) issue on true
where journal.state = 'quarantined' and (%(source)s::text is null or source.code = %(source)s)
  and (%(reason)s::text is null or journal.reason = %(reason)s)
order by journal.id limit %(limit)s"""
ROWS: Final = """
select journal.*, source.code as source, source.system, source.zone
from journal join source on source.id = journal.source_id where journal.id = any(%s) order by journal.id"""
LOCKED: Final = "select id from journal where id = any(%s) order by id for update"
ISSUES: Final = """
select severity, code, row_id as row, source_path, target_path, masked, reason, action
from mapping_issue where journal_id = %s order by id"""
CHOSEN: Final = """
select journal.id from journal join source on source.id = journal.source_id
where journal.state = 'quarantined' and journal.reason = %s and (%s::text is null or source.code = %s) order by journal.id"""
# What was found says what became of it; that is to be found again.
FORGET: Final = "delete from mapping_issue where journal_id = any(%s)"
RELEASE: Final = """
update journal set state = 'waiting', reason = null, mapping_sha = null, mapped_at = null
where id = any(%s) and state = 'quarantined' and coalesce(reason, '') not in ('unknown-source', 'oversize') returning id"""
REPLACEMENT: Final = "select id, body_hash from journal where replaces = %s"
NEWER: Final = """
select journal_id from source_record
where source_id = %s and stream = %s and record_key = %s and journal_id > %s"""
REPLACE: Final = """
insert into journal (org, source_id, stream, kind, record_key, op, body, body_hash, labels, origin, source_time, received_at, replaces)
select org, source_id, stream, %s, record_key, op, %s, %s, labels, origin, %s, app_now(), id from journal where id = %s returning id"""
REPLACED: Final = "update journal set state = 'set-aside', reason = 'replaced' where id = %s"
# The hash stays that of what the source sent: the same bytes from there are still nothing new.
POINT: Final = "update source_record set journal_id = %s where journal_id = %s"
TALLY: Final = """
insert into inbound_tally (org, source_id, stream, received, duplicates, journalled) values (app_org(), %s, %s, 1, 0, 1)
on conflict (source_id, stream) do update
set received = inbound_tally.received + 1, journalled = inbound_tally.journalled + 1"""

QUARANTINED: Final = "quarantined"
# Whose it is isn't known: it lies with the listener's first source, and must never become that one's.
STRANGERS: Final = "unknown-source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One message in quarantine, with the first thing that was found in it; ``masked`` shows two characters at most."""

    id: int
    source: str
    stream: str
    kind: str
    received_at: datetime
    reason: str
    row: str | None
    path: str | None
    masked: str | None
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message with everything that was found; ``conformance`` is the report of an HL7 v2 message, ``body`` only when asked for."""

    id: int
    source: str
    stream: str
    kind: str
    received_at: datetime
    state: str
    reason: str | None
    issues: tuple[Issue, ...]
    conformance: tuple[Any, ...]
    replaces: int | None
    replaced_by: int | None
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What would come out of a message, by a version of the maps: how many resources of each type, and what would be found."""

    id: int
    version: str
    outcome: str
    reason: str | None
    resources: dict[str, int]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What an act did to a message: ``done`` false when there was nothing to do, and ``state`` says how it stands."""

    id: int
    done: bool
    state: str


def held(gateway: Gateway, org: int, *, source: str | None = None, reason: str | None = None, limit: int = 100) -> list[Held]:
    """Return what is in quarantine, the oldest first."""
    with gateway.database.transaction(org) as db:
        rows = db.execute(HELD, {"source": source, "reason": reason, "limit": limit}).fetchall()
    return [Held(**row._asdict()) for row in rows]


def show(gateway: Gateway, org: int, journal_id: int, *, clear: bool = False, by: str = "operator") -> Shown:
    """Return one message that is or was in quarantine. ``clear`` brings its bytes, which is written in the trail.

    Raises:
        NotFound: there is no such message.
    """
    with gateway.database.transaction(org) as db:
        [row] = _rows(db, [journal_id])
        issues = tuple(Issue(**one._asdict()) for one in db.execute(ISSUES, (journal_id,)))
        replacement = db.execute(REPLACEMENT, (journal_id,)).fetchone()
        body = None if row.body is None else body_of(gateway.keys(org), row)
        conformance = _conformance(body) if body is not None and _is_er7(active(db, row.source_id)) else ()
        if clear:
            _audit(db, gateway, org, [_event(row, "message-read", "R", by)])
    return Shown(
        id=row.id,
        source=row.source,
        stream=row.stream,
        kind=row.kind,
        received_at=row.received_at,
        state=row.state,
        reason=row.reason,
        issues=issues,
        conformance=conformance,
        replaces=row.replaces,
        replaced_by=replacement.id if replacement else None,
        body=body if clear else None,
    )


def _conformance(body: bytes) -> tuple[Any, ...]:
    from gateway.conformance import report  # hl7apy takes a second to load, and only a report needs it

    return tuple(report(body))


def _is_er7(maps: MappingSet) -> bool:
    return maps.dialect.name == "er7"


def trials(gateway: Gateway, org: int, ids: Sequence[int], maps: MappingSet | None = None) -> list[Trial]:
    """Map messages with the active version, or the one given, and say what comes out. Nothing is stored.

    Raises:
        NotFound: one of them is no message.
        Rejected: one of them has no body.
    """
    keys = gateway.keys(org)
    with gateway.database.transaction(org) as db:
        found = []
        for row in _rows(db, ids):
            if row.body is None:
                raise Rejected(f"message {row.id} has no body to map: a deletion, or its body was kept long enough")
            version = maps or active(db, row.source_id)
            found.append(_trial(row.id, version, version.map(record_of(keys, row.system, row), keys.ids())))
    return found


def trial_of(gateway: Gateway, org: int, journal_id: int, body: bytes) -> Trial:
    """Map a corrected message as if it were journalled in the place of another, and say what comes out. Nothing is stored.

    Raises:
        NotFound: there is no such message.
        Rejected: it can't be replaced, or the bytes can't be read.
    """
    keys = gateway.keys(org)
    with gateway.database.transaction(org) as db:
        [row] = _rows(db, [journal_id])
        _replaceable(db, row, db.execute(REPLACEMENT, (journal_id,)).fetchone())
        maps = active(db, row.source_id)
    kind, at = _read(maps, row, body)
    record = SourceRecord(
        system=row.system,
        kind=kind,
        stream=row.stream,
        key=row.record_key,
        body=body,
        labels=frozenset(row.labels),
        origin=row.origin,
        source_time=at,
    )
    return _trial(journal_id, maps, maps.map(record, keys.ids()))


def _trial(journal_id: int, maps: MappingSet, result: MapResult) -> Trial:
    return Trial(
        id=journal_id,
        version=maps.sha256.hex()[:12],
        outcome=result.outcome,
        reason=result.reason,
        resources=dict(Counter(mapped.type for mapped in result.mapped)),
        issues=result.issues,
    )


def chosen(gateway: Gateway, org: int, reason: str, source: str | None = None) -> list[int]:
    """Return the messages that are in quarantine for a reason."""
    with gateway.database.transaction(org) as db:
        return [row.id for row in db.execute(CHOSEN, (reason, source, source))]


def release(gateway: Gateway, org: int, ids: Sequence[int], *, by: str = "operator") -> list[Fate]:
    """Let messages wait again, so that the flow maps them with the active version; one that isn't in quarantine, or came from a sender
    that is no source here, stays as it is.

    Raises:
        NotFound: one of them is no message; nothing is released.
    """
    with gateway.database.transaction(org) as db:
        db.execute(LOCKED, (list(ids),))
        rows = _rows(db, ids)
        done = {row.id for row in db.execute(RELEASE, (list(ids),))}
        db.execute(FORGET, (list(done),))
        released = [row for row in rows if row.id in done]
        _audit(db, gateway, org, [_event(row, "quarantine-release", "U", by, reason=row.reason) for row in released])
    for source_id in {row.source_id for row in released}:
        gateway.hint("map_batch", org, source_id)
    return [Fate(id=row.id, done=row.id in done, state="waiting" if row.id in done else row.state) for row in rows]


def replace(gateway: Gateway, org: int, journal_id: int, body: bytes, *, by: str = "operator") -> Fate:
    """Journal a corrected message in the place of one in quarantine; return the new one. The same bytes again change nothing.

    Raises:
        NotFound: there is no such message.
        Rejected: it isn't in quarantine, a newer version of its record came in, or the bytes can't be read.
    """
    keys = gateway.keys(org)
    digest = keys.keyed_digest(body)
    with gateway.database.transaction(org) as db:
        db.execute(LOCKED, ([journal_id],))
        [row] = _rows(db, [journal_id])
        before = db.execute(REPLACEMENT, (journal_id,)).fetchone()
        if before is not None and bytes(before.body_hash) == digest:
            return Fate(id=before.id, done=False, state="replaced")
        _replaceable(db, row, before)
        kind, at = _read(active(db, row.source_id), row, body)
        sealed = keys.seal(body, "journal", f"{row.source_id}/{row.stream}/{row.record_key}", "body")
        made = db.execute(REPLACE, (kind, sealed, digest, at, journal_id)).fetchone()
        if made is None:
            raise NotFound(f"there is no message {journal_id}")
        db.execute(REPLACED, (journal_id,))
        db.execute(POINT, (made.id, journal_id))
        db.execute(TALLY, (row.source_id, row.stream))
        _audit(db, gateway, org, [_event(row, "quarantine-replace", "U", by, reason=row.reason, replacement=made.id)])
    gateway.hint("map_batch", org, row.source_id)
    return Fate(id=made.id, done=True, state="waiting")


def _replaceable(db: Connection, row: Any, before: Any) -> None:
    if before is not None:
        raise Rejected(f"message {row.id} was replaced by message {before.id} already; if that is wrong too, replace that one")
    if row.state != QUARANTINED:
        raise Rejected(f"message {row.id} is {row.state}; only one in quarantine can be replaced")
    if row.reason == STRANGERS:
        raise Rejected(f"message {row.id} came from a sender that is no source here; once it is one, it is to send it again")
    newer = db.execute(NEWER, (row.source_id, row.stream, row.record_key, row.id)).fetchone()
    if newer is not None:
        raise Rejected(f"message {row.id}: a newer version of its record came in, message {newer.journal_id}; look at that one")


def _read(maps: MappingSet, row: Any, body: bytes) -> tuple[str, datetime | None]:
    """Return the kind and time of a corrected message.

    Raises:
        Rejected: it can't be read, or nobody can say which record it is.
    """
    try:
        maps.dialect.read(body)
    except UnreadableError as error:
        raise Rejected(f"the corrected message can't be read: {error}") from None
    if _is_er7(maps):
        head = er7.envelope(er7.parse(body))
        return head.message_type.lower(), source_time(head.at, ZoneInfo(row.zone))
    if row.record_key.startswith(UNREADABLE):
        raise Rejected(f"message {row.id} was no record, so nobody knows which one it is; the source has to send it again")
    return row.kind, row.source_time


def _rows(db: Connection, ids: Sequence[int]) -> list[Any]:
    rows = db.execute(ROWS, (list(ids),)).fetchall()
    missing = sorted(set(ids) - {row.id for row in rows})
    if missing:
        raise NotFound(f"there is no message {', '.join(map(str, missing))}")
    return rows


def _event(row: Any, event: str, action: str, by: str, **detail: Any) -> AuditEvent:
    return AuditEvent(event=event, action=action, agent=by, detail={"message": row.id, "source": row.source, **detail})


def _audit(db: Connection, gateway: Gateway, org: int, events: Sequence[AuditEvent]) -> None:
    audit.append(db, gateway.keys(org), org, events)
