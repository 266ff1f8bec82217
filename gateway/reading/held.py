"""Deletions that were held because too much vanished at once: shown to a person, who lets them go or refuses them.

Only those of a stream's newest reading are open to judgement: an older one may miss what came back since. What was let go is a deletion
like any other; what was refused stays, and the next reading judges anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.audit import AuditEvent, append
from gateway.database import Connection
from gateway.errors import NotFound
from gateway.journal import NO_BODY
from gateway.reading.absence import HELD, delete_noted
from gateway.reading.closing import settle
from gateway.reading.sources import source_of
from gateway.runtime import Gateway

REFUSED: Final = "deletions-refused"

# The newest ended run that read the stream whole; what it held is still to be judged. A record that came since isn't missing any more.
OPEN: Final = f"""
with newest as (
  select slice.source_id, slice.stream, max(slice.run_id) as run_id from slice join run on run.id = slice.run_id
  where run.outcome is not null and (slice.partition <> '' or slice.reconcile) and (slice.state = 'done' or slice.error_code = '{HELD}')
  group by slice.source_id, slice.stream)
select source.id as source_id, source.code as source, slice.stream, run.id as run_id, run.number as run, run.finished_at as held_at,
  count(distinct known.record_key)::int as records,
  (select count(*) from source_record other where other.source_id = source.id and other.stream = slice.stream
    and not other.deleted)::int as known,
  coalesce(array_agg(distinct known.record_key order by known.record_key) filter (where known.record_key is not null), '{{}}') as keys
from newest join slice using (source_id, stream, run_id) join run on run.id = slice.run_id join source on source.id = slice.source_id
cross join jsonb_array_elements(slice.missing) as missed
left join source_record known on known.source_id = slice.source_id and known.stream = slice.stream
  and known.record_key = missed ->> 0 and known.journal_id = (missed ->> 1)::bigint and not known.deleted
where slice.state = 'failed' and slice.error_code = '{HELD}'
group by source.id, slice.stream, run.id order by source.code, slice.stream"""
# Also keeps a run from being judged by two at once.
LOCK: Final = "select id from run where id = %s for update"
LET_GO: Final = f"""
update slice set state = 'done', error_code = null, error_detail = null
where run_id = %(run)s and stream = %(stream)s and state = 'failed' and error_code = '{HELD}'"""
REFUSE: Final = f"""
update slice set error_code = '{REFUSED}', missing = '[]'
where run_id = %(run)s and stream = %(stream)s and state = 'failed' and error_code = '{HELD}'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDeletions:
    """What of one stream is held: ``records`` of the ``known`` ones, by their keys at the source, as its run ``run`` missed them."""

    source: str
    stream: str
    run: int
    held_at: datetime
    records: int
    known: int
    keys: tuple[str, ...]


def held_deletions(gateway: Gateway, org: int) -> list[HeldDeletions]:
    """Return what is held now, by source and stream."""
    with gateway.database.transaction(org) as db:
        return [_shown(row) for row in db.execute(OPEN)]


def one_held(gateway: Gateway, org: int, source: str, stream: str) -> HeldDeletions:
    """Return what is held of one stream.

    Raises:
        NotFound: nothing is.
    """
    with gateway.database.transaction(org) as db:
        return _shown(_open(db, source, stream))


def release_deletions(gateway: Gateway, org: int, source: str, stream: str, *, by: str = "operator") -> HeldDeletions:
    """Journal the deletions that are held for a stream; the flow carries them out. Return what they were.

    Raises:
        NotFound: nothing is held for this stream.
        Misconfigured: the source's connector is gone, so nobody can say what its records are.
    """
    with gateway.database.transaction(org) as db:
        source_id = _open(db, source, stream).source_id
    spec = source_of(gateway, org, source_id).stream(stream)
    hash_of_none = gateway.keys(org).keyed_digest(NO_BODY)
    with gateway.database.transaction(org) as db:
        row = _locked(db, source, stream)
        db.execute(LET_GO, {"run": row.run_id, "stream": stream})
        delete_noted(db, row.run_id, source_id, spec, hash_of_none)
        _note(db, gateway, org, row, "released", by)
    gateway.hint("map_batch", org, source_id)
    return _shown(row)


def refuse_deletions(gateway: Gateway, org: int, source: str, stream: str, *, by: str = "operator") -> HeldDeletions:
    """Let the records whose deletions are held for a stream stay, until a next reading misses them again. Return what they were.

    Raises:
        NotFound: nothing is held for this stream.
    """
    with gateway.database.transaction(org) as db:
        row = _locked(db, source, stream)
        db.execute(REFUSE, {"run": row.run_id, "stream": stream})
        _note(db, gateway, org, row, "refused", by)
    return _shown(row)


def _locked(db: Connection, source: str, stream: str) -> Any:
    """Return what is held, as it is once nobody else judges it."""
    db.execute(LOCK, (_open(db, source, stream).run_id,))
    return _open(db, source, stream)


def _open(db: Connection, source: str, stream: str) -> Any:
    rows = db.execute(OPEN).fetchall()
    for row in rows:
        if (row.source, row.stream) == (source, stream):
            return row
    known = ", ".join(f"{row.source} {row.stream}" for row in rows) or "nothing at all"
    raise NotFound(f"no deletions of {source} {stream} are held; held are: {known}")


def _note(db: Connection, gateway: Gateway, org: int, row: Any, decision: str, by: str) -> None:
    settle(db, row.run_id)
    detail = {"source": row.source, "stream": row.stream, "run": row.run, "records": row.records, "decision": decision}
    append(db, gateway.keys(org), org, [AuditEvent(event="deletions", action="D", agent=by, detail=detail)])


def _shown(row: Any) -> HeldDeletions:
    return HeldDeletions(
        source=row.source,
        stream=row.stream,
        run=row.run,
        held_at=row.held_at,
        records=row.records,
        known=row.known,
        keys=tuple(row.keys),
    )
