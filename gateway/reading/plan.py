"""Cut a run into slices, in two waves: first the feeds, then, when those are read, one slice per client for the streams cut by them.

Full lists of keys are read in the second wave too: a record that was made while its feed was read is then known before its key is missed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.connector import Cursor, DeleteMode, Slice, StreamSpec
from gateway.database import Connection
from gateway.errors import GatewayError, Misconfigured, NotFound
from gateway.guard import guarded
from gateway.reading import breaker
from gateway.reading.absence import forget_partitions
from gateway.reading.sources import Source, source_of
from gateway.runtime import Gateway

NEW_RUN: Final = """
insert into run (org, source_id, slot_id, number, started_at)
select %s, %s, %s, coalesce(max(number), 0) + 1, app_now() from run where source_id = %s returning id, number"""
FAILED_RUN: Final = """
insert into run (org, source_id, slot_id, number, started_at, finished_at, outcome, error_code, error_detail)
select %s, %s, %s, coalesce(max(number), 0) + 1, app_now(), app_now(), 'failed', %s, %s from run where source_id = %s returning id"""
NEW_SLICE: Final = """
insert into slice (org, run_id, source_id, stream, partition, lower, upper, reconcile) values (%s, %s, %s, %s, %s, %s, %s, %s)"""
# Stands for the streams of a second wave that couldn't be planned.
SECOND_WAVE: Final = "second-wave"
UNPLANNED: Final = """
insert into slice (org, run_id, source_id, stream, state, error_code, error_detail)
select org, id, source_id, %s, 'failed', %s, %s from run where id = %s"""
CURSORS: Final = "select stream, value from checkpoint where source_id = %s and partition = '' and value is not null"
RUN: Final = "select number, org, source_id from run where id = %s"
PARTITIONED: Final = "update run set partitioned = true where id = %s and not partitioned"
# While the source's breaker is open one slice at a time, the one that failed least: no stream uses up its attempts as the only probe.
DUE: Final = """
select slice.id from slice join source on source.id = slice.source_id
where slice.run_id = %(run)s and slice.state = 'ready' and (slice.not_before is null or slice.not_before <= app_now())
  and (slice.lease_until is null or slice.lease_until < app_now())
  and (source.breaker_reason is null or source.breaker_until is null or source.breaker_until <= app_now())
order by slice.attempt, slice.id
limit (select case when source.breaker_reason is null then 500 else 1 end
       from run join source on source.id = run.source_id where run.id = %(run)s)"""
NEXT_DUE: Final = """
select extract(epoch from min(greatest(slice.not_before, slice.lease_until, app_now(),
  case when source.breaker_reason is not null then source.breaker_until end)) - app_now())::float as wait
from slice join source on source.id = slice.source_id where slice.run_id = %s and slice.state = 'ready'"""


def plan_run(gateway: Gateway, org: int, source_id: int, slot_id: int | None = None) -> int:
    """Begin a run of a source with its feeds' slices; return its number. A source that can't be read at all has a failed run.

    Raises:
        NotFound: there is no such source.
    """
    source: Source | None = None
    try:
        source = source_of(gateway, org, source_id)
        return _plan_feeds(gateway, org, source, slot_id)
    except GatewayError as error:
        if source is None and isinstance(error, NotFound):
            raise
        with gateway.database.transaction(org) as db:
            run = db.execute(FAILED_RUN, (org, source_id, slot_id, error.code, str(error), source_id)).fetchone()
        return int(run.id) if run else 0


def _plan_feeds(gateway: Gateway, org: int, source: Source, slot_id: int | None) -> int:
    source_id = source.id
    with gateway.database.transaction(org) as db:
        cursors = {row.stream: row.value for row in db.execute(CURSORS, (source_id,))}
    feeds = [stream for stream in source.streams() if stream.partition_by is None]
    slices = [one for feed in feeds for one in _slices(source, feed, cursors.get(feed.name))]
    with gateway.database.transaction(org) as db:
        breaker.half_open(db, source_id)
        run = db.execute(NEW_RUN, (org, source_id, slot_id, source_id)).fetchone()
        if run is None:
            raise Misconfigured(f"source {source.code}: the database made no run")
        _write(db, org, run.id, source_id, slices, reconcile=False)
    return int(run.id)


def plan_second_wave(gateway: Gateway, org: int, run_id: int) -> None:
    """Make the slices that need what the first wave read, once. Where that can't be done a failed slice says why: the run still ends."""
    try:
        _plan_second_wave(gateway, org, run_id)
    except GatewayError as error:
        with gateway.database.transaction(org) as db:
            if db.execute(PARTITIONED, (run_id,)).rowcount == 1:
                db.execute(UNPLANNED, (SECOND_WAVE, error.code, str(error), run_id))


def _plan_second_wave(gateway: Gateway, org: int, run_id: int) -> None:
    with gateway.database.transaction(org) as db:
        run = db.execute(RUN, (run_id,)).fetchone()
        if run is None:
            return
        known = {row.stream for row in db.execute(CURSORS, (run.source_id,))}
    source = source_of(gateway, org, run.source_id)
    parted = [stream for stream in source.streams() if stream.partition_by is not None]
    slices = [one for stream in parted for one in _slices(source, stream, None)]
    # Before the first complete reading nothing can be missed.
    listed = [stream for stream in source.streams() if stream.name in known and _lists_keys(stream, run.number)]
    with gateway.database.transaction(org) as db:
        if db.execute(PARTITIONED, (run_id,)).rowcount == 1:
            forget_partitions(db, run_id, parted)
            _write(db, org, run_id, source.id, slices, reconcile=False)
            _write(db, org, run_id, source.id, [Slice(stream=stream.name) for stream in listed], reconcile=True)


def _slices(source: Source, stream: StreamSpec, cursor: str | None) -> list[Slice]:
    with guarded():
        return list(source.connector.slices(source.context, stream, Cursor(value=cursor)))


def _lists_keys(stream: StreamSpec, number: int) -> bool:
    every = stream.reconcile_every
    return stream.partition_by is None and stream.deletes is not DeleteMode.NONE and every is not None and number % every == 0


def _write(db: Connection, org: int, run_id: int, source_id: int, slices: Iterable[Slice], *, reconcile: bool) -> None:
    rows = [(org, run_id, source_id, one.stream, one.partition, one.lower, one.upper, reconcile) for one in slices]
    with db.cursor() as cursor:
        cursor.executemany(NEW_SLICE, rows)


def due_slices(gateway: Gateway, org: int, run_id: int) -> list[int]:
    """Return the slices of a run that can be read now."""
    with gateway.database.transaction(org) as db:
        return [row.id for row in db.execute(DUE, {"run": run_id})]


def next_due(gateway: Gateway, org: int, run_id: int) -> float:
    """Return the seconds until a slice of this run can be read; 0 when one can, or none is left."""
    with gateway.database.transaction(org) as db:
        row = db.execute(NEXT_DUE, (run_id,)).fetchone()
    return max(0.0, row.wait) if row and row.wait is not None else 0.0
