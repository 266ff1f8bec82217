"""What vanished without a word: records that we know, and that a complete reading no longer gave.

Absence counts only where the reading was complete: one client's list, the days of a window just read, a full list of keys. A slice notes
what it misses; the end of the run judges all of a stream together. When too much vanished at once nothing is deleted: far more often that
is a source that is half up than a clean-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog

from gateway.connector import DeleteMode, StreamSpec
from gateway.database import Connection
from gateway.reading.sources import Source

HELD: Final = "held-deletions"
# A share says nothing about a handful.
SMALL: Final = 10

# A slice of one client, or a full list of keys; a window misses only what lies in its days. What is unreadable has no key to be missed.
NOTE: Final = """
update slice set missing = (
  select coalesce(jsonb_agg(jsonb_build_array(known.record_key, known.journal_id)), '[]')
  from source_record known left join unnest(%(keys)s::text[]) as seen (record_key) using (record_key)
  where known.source_id = slice.source_id and known.stream = slice.stream and known.partition = slice.partition
    and not known.deleted and seen.record_key is null and not starts_with(known.record_key, 'unreadable-')
    and (not %(window)s or (known.day >= slice.lower::date and known.day < slice.upper::date)))
where id = %(slice)s"""
MISSING: Final = """
select stream, sum(jsonb_array_length(missing))::int as missing, bool_or(reconcile) as listed,
  (select count(*) from source_record known where known.source_id = slice.source_id and known.stream = slice.stream and not known.deleted
     and (known.day is null or min(slice.lower) is null or known.day >= min(slice.lower)::date))::int as known
from slice where run_id = %s and state = 'done' and (partition <> '' or reconcile)
group by source_id, stream having sum(jsonb_array_length(missing)) > 0"""
HOLD: Final = """
update slice set state = 'failed', error_code = %(code)s, error_detail = %(detail)s
where run_id = %(run)s and stream = %(stream)s and state = 'done' and missing <> '[]'"""
# Only what is still as it was when it was missed. A deletion has no bytes; its hash is that of none.
DELETE: Final = """
with gone as (
  select slice.id as slice_id, slice.org, slice.source_id, slice.stream, known.record_key
  from slice cross join jsonb_array_elements(slice.missing) as missed
  join source_record known on known.source_id = slice.source_id and known.stream = slice.stream
    and known.record_key = missed ->> 0 and known.journal_id = (missed ->> 1)::bigint and not known.deleted
  where slice.run_id = %(run)s and slice.stream = %(stream)s and slice.state = 'done'),
written as (
  insert into journal (org, source_id, run_id, stream, kind, record_key, op, body_hash, received_at)
  select org, source_id, %(run)s, stream, %(kind)s, record_key, 'delete', %(hash)s, app_now() from gone order by record_key
  returning id, record_key),
known as (
  update source_record set deleted = true, journal_id = written.id, body_hash = %(hash)s
  from written where source_record.source_id = %(source)s and source_record.stream = %(stream)s
    and source_record.record_key = written.record_key)
update slice set received = received + counted.n, journalled = journalled + counted.n
from (select slice_id, count(*)::int as n from gone group by slice_id) counted where slice.id = counted.slice_id"""
# A client that was deleted takes along what is read per client: nobody asks for it any more.
FORGET: Final = """
insert into slice (org, run_id, source_id, stream, partition, state, missing)
select run.org, run.id, run.source_id, part.stream, part.partition, 'done',
  jsonb_agg(jsonb_build_array(part.record_key, part.journal_id))
from run
join source_record part on part.source_id = run.source_id and part.stream = %(stream)s and not part.deleted
join source_record parent on parent.source_id = run.source_id and parent.stream = %(parent)s and parent.record_key = part.partition
  and parent.deleted
where run.id = %(run)s group by run.org, run.id, run.source_id, part.stream, part.partition"""

log = structlog.get_logger()


def note_missing(db: Connection, slice_id: int, stream: StreamSpec, keys: Iterable[str]) -> None:
    """Note on a slice what its complete reading no longer gave."""
    db.execute(NOTE, {"slice": slice_id, "keys": list(keys), "window": stream.window_days is not None})


def counts_absence(stream: StreamSpec) -> bool:
    """Tell whether a slice of this stream, read whole, shows by silence what is gone."""
    return stream.partition_by is not None and stream.deletes is DeleteMode.RECONCILE


def forget_partitions(db: Connection, run_id: int, streams: Sequence[StreamSpec]) -> None:
    """Let what belongs to a deleted client go with it."""
    for stream in streams:
        db.execute(FORGET, {"run": run_id, "stream": stream.name, "parent": stream.partition_by})


def delete_missing(db: Connection, run_id: int, source: Source, no_body_hash: bytes) -> None:
    """Journal the deletion of what the run's slices miss, a stream at a time, or hold a stream of which too much vanished."""
    for row in db.execute(MISSING, (run_id,)).fetchall():
        if _too_much(row, source.max_vanished_share):
            detail = f"{row.missing} of {row.known} records vanished at once"
            db.execute(HOLD, {"run": run_id, "stream": row.stream, "code": HELD, "detail": detail})
            log.error("deletions.held", source=source.code, stream=row.stream, vanished=row.missing, known=row.known)
            continue
        delete_noted(db, run_id, source.id, source.stream(row.stream), no_body_hash)


def delete_noted(db: Connection, run_id: int, source_id: int, stream: StreamSpec, no_body_hash: bytes) -> None:
    """Journal the deletion of what a run's slices of a stream miss, and is still as it was when it was missed."""
    values = {"run": run_id, "source": source_id, "stream": stream.name, "kind": stream.kind, "hash": no_body_hash}
    db.execute(DELETE, values)


def _too_much(row: Any, share: float) -> bool:
    """A list without a single known key is never believed; of a handful any part is."""
    if row.listed and row.missing == row.known and share < 1:
        return True
    return bool(row.missing > SMALL and row.missing > share * row.known)
