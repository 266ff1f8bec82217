"""Cut a run into slices: first the feeds, then, when the clients are known, one slice per client for the streams cut by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.connector import Cursor, Slice, StreamSpec
from gateway.database import Connection
from gateway.errors import Misconfigured
from gateway.reading.sources import Source, source_of
from gateway.runtime import Gateway

NEW_RUN: Final = """
insert into run (org, source_id, slot_id, number, started_at)
select %s, %s, %s, coalesce(max(number), 0) + 1, app_now() from run where source_id = %s returning id, number"""
NEW_SLICE: Final = """
insert into slice (org, run_id, source_id, stream, partition, lower, upper, reconcile) values (%s, %s, %s, %s, %s, %s, %s, %s)"""
CHECKPOINT: Final = "select value from checkpoint where source_id = %s and stream = %s and partition = ''"
PARTITIONED: Final = "update run set partitioned = true where id = %s and not partitioned"
DUE: Final = """
select id from slice where run_id = %s and state = 'ready' and (not_before is null or not_before <= app_now())
  and (lease_until is null or lease_until < app_now()) order by id limit 500"""
NEXT_DUE: Final = """
select min(greatest(coalesce(not_before, app_now()), coalesce(lease_until, app_now()))) - app_now() as wait
from slice where run_id = %s and state = 'ready'"""


def plan_run(gateway: Gateway, org: int, source_id: int, slot_id: int | None = None) -> int:
    """Begin a run of a source with its feeds' slices; return its number."""
    source = source_of(gateway, org, source_id)
    with gateway.database.transaction(org) as db:
        run = db.execute(NEW_RUN, (org, source_id, slot_id, source_id)).fetchone()
        if run is None:
            raise Misconfigured(f"source {source.code}: the database made no run")
        feeds = [stream for stream in source.connector.streams(source.context) if stream.partition_by is None]
        for stream in feeds:
            cursor = _cursor(db, source_id, stream)
            _write(db, org, run.id, source_id, source.connector.slices(source.context, stream, cursor), reconcile=False)
            every = source.reconcile_every(stream)
            if cursor.value is not None and every is not None and run.number % every == 0:
                _write(db, org, run.id, source_id, [Slice(stream=stream.name)], reconcile=True)
    return int(run.id)


def plan_partitions(gateway: Gateway, org: int, run_id: int, source: Source) -> None:
    """Make the slices of the streams that are cut by another stream's records, once."""
    streams = [stream for stream in source.connector.streams(source.context) if stream.partition_by is not None]
    slices = [one for stream in streams for one in source.connector.slices(source.context, stream, Cursor())]
    with gateway.database.transaction(org) as db:
        if db.execute(PARTITIONED, (run_id,)).rowcount == 1:
            _write(db, org, run_id, source.id, slices, reconcile=False)


def _cursor(db: Connection, source_id: int, stream: StreamSpec) -> Cursor:
    row = db.execute(CHECKPOINT, (source_id, stream.name)).fetchone()
    return Cursor(value=row.value if row else None)


def _write(db: Connection, org: int, run_id: int, source_id: int, slices: Iterable[Slice], *, reconcile: bool) -> None:
    rows = [(org, run_id, source_id, one.stream, one.partition, one.lower, one.upper, reconcile) for one in slices]
    with db.cursor() as cursor:
        cursor.executemany(NEW_SLICE, rows)


def due_slices(gateway: Gateway, org: int, run_id: int) -> list[int]:
    """Return the slices of a run that can be read now."""
    with gateway.database.transaction(org) as db:
        return [row.id for row in db.execute(DUE, (run_id,))]


def next_due(gateway: Gateway, org: int, run_id: int) -> float:
    """Return the seconds until a slice of this run can be read; 0 when one can, or none is left."""
    with gateway.database.transaction(org) as db:
        row = db.execute(NEXT_DUE, (run_id,)).fetchone()
    return max(0.0, row.wait.total_seconds()) if row and row.wait is not None else 0.0
