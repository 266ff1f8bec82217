"""End a run: when no slice is open any more, the bookmarks of complete streams move and the run gets its outcome."""

from __future__ import annotations

from typing import Final, Literal

from gateway.database import Connection
from gateway.reading.plan import plan_partitions
from gateway.reading.sources import source_of
from gateway.runtime import Gateway

Result = Literal["done", "partly", "failed"]

RUN: Final = "select id, source_id, partitioned, outcome from run where id = %s for update"
OPEN: Final = "select count(*)::int as n from slice where run_id = %s and state = 'ready'"
STATES: Final = """
select count(*) filter (where state = 'failed')::int as failed, count(*)::int as total,
  min(error_code) filter (where state = 'failed') as code from slice where run_id = %s"""
# The bookmark is the newest record seen, but never later than the run's start: what changes while we read comes again.
# A stream of which a slice failed keeps its old one.
ADVANCE: Final = """
insert into checkpoint (org, source_id, stream, partition, value, updated_at)
select run.org, run.source_id, slice.stream, '', least(max(slice.max_cursor), to_char(run.started_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')),
  app_now()
from run join slice on slice.run_id = run.id
where run.id = %s and slice.partition = '' and not slice.reconcile
group by run.id, slice.stream having bool_and(slice.state = 'done') and max(slice.max_cursor) is not null
on conflict (source_id, stream, partition) do update
set value = greatest(checkpoint.value, excluded.value), updated_at = excluded.updated_at"""
CLOSE: Final = """
update run set finished_at = app_now(), outcome = %s, error_code = %s where id = %s"""


def finish_run(gateway: Gateway, org: int, run_id: int) -> Result | None:
    """Return the run's outcome, or ``None`` while there is something left to read (also: what was just planned)."""
    with gateway.database.transaction(org) as db:
        run = db.execute(RUN, (run_id,)).fetchone()
        still_open = db.execute(OPEN, (run_id,)).fetchone()
        if run is None or still_open is None or still_open.n:
            return None
        if run.outcome is not None:
            return _result(run.outcome)
        if run.partitioned:
            return _close(db, run_id)
        source_id = run.source_id
    plan_partitions(gateway, org, run_id, source_of(gateway, org, source_id))
    return None


def _close(db: Connection, run_id: int) -> Result:
    db.execute(ADVANCE, (run_id,))
    states = db.execute(STATES, (run_id,)).fetchone()
    failed, total = (states.failed, states.total) if states else (0, 0)
    outcome = "done" if not failed else "failed" if failed == total else "partly"
    db.execute(CLOSE, (outcome, states.code if states else None, run_id))
    return _result(outcome)


def _result(text: str) -> Result:
    return "done" if text == "done" else "failed" if text == "failed" else "partly"
