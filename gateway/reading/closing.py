"""End a run: when no slice is open any more, what vanished is judged, the bookmarks of complete streams move, and the run gets its outcome."""

from __future__ import annotations

from typing import Final, Literal

from gateway.database import Connection
from gateway.errors import GatewayError
from gateway.journal import NO_BODY
from gateway.reading.absence import delete_missing
from gateway.reading.plan import plan_second_wave
from gateway.reading.sources import Source, source_of
from gateway.runtime import Gateway

Result = Literal["done", "partly", "failed"]

RUN: Final = "select source_id, partitioned, outcome from run where id = %s for update"
STATES: Final = """
select count(*) filter (where state = 'ready')::int as ready, count(*) filter (where state = 'failed')::int as failed,
  count(*)::int as total from slice where run_id = %s"""
WORST: Final = """
select error_code as code, stream || ': ' || coalesce(min(error_detail), '') as detail
from slice where run_id = %s and state = 'failed' group by error_code, stream order by count(*) desc, stream limit 1"""
# The bookmark is the newest record seen, but never later than the run's start: what changes while we read comes again. A stream of which
# a slice failed keeps its old one. Bookmarks are UTC with all their digits, so that texts compare as times.
ADVANCE: Final = """
insert into checkpoint (org, source_id, stream, partition, value, updated_at)
select run.org, run.source_id, slice.stream, slice.partition,
  least(slice.max_cursor collate "C", to_char(run.started_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') collate "C"), app_now()
from run join slice on slice.run_id = run.id
where run.id = %s and slice.state = 'done' and not slice.reconcile and slice.max_cursor is not null and slice.partition = ''
on conflict (source_id, stream, partition) do update
set value = greatest(checkpoint.value collate "C", excluded.value), updated_at = excluded.updated_at"""
UNJUDGED: Final = """
update slice set state = 'failed', error_code = %s, error_detail = %s where run_id = %s and state = 'done' and missing <> '[]'"""
CLOSE: Final = """
update run set finished_at = coalesce(finished_at, app_now()), outcome = %s, error_code = %s, error_detail = %s where id = %s"""


def finish_run(gateway: Gateway, org: int, run_id: int) -> Result | None:
    """Return the run's outcome, or ``None`` while there is something left to read (also: what was just planned)."""
    with gateway.database.transaction(org) as db:
        run = db.execute(RUN, (run_id,)).fetchone()
        states = db.execute(STATES, (run_id,)).fetchone()
        if run is None or states is None:
            return None
        if run.outcome is not None:
            return _result(run.outcome)
        if states.ready:
            return None
        hopeless = states.total > 0 and states.failed == states.total
        source_id, planned = run.source_id, run.partitioned or hopeless
    if not planned:
        plan_second_wave(gateway, org, run_id)
        return None
    try:
        return _end(gateway, org, run_id, source_of(gateway, org, source_id))
    except GatewayError as error:
        return _end_unjudged(gateway, org, run_id, error)


def _end(gateway: Gateway, org: int, run_id: int, source: Source) -> Result | None:
    keys = gateway.keys(org)
    with gateway.database.transaction(org) as db:
        run = db.execute(RUN, (run_id,)).fetchone()
        if run is None or run.outcome is not None:
            return None
        delete_missing(db, run_id, source, keys.keyed_digest(NO_BODY))
        return _close(db, run_id)


def _end_unjudged(gateway: Gateway, org: int, run_id: int, error: GatewayError) -> Result | None:
    """End a run whose source can't be asked any more: nothing is deleted, and the slices that miss something say why."""
    with gateway.database.transaction(org) as db:
        run = db.execute(RUN, (run_id,)).fetchone()
        if run is None or run.outcome is not None:
            return None
        db.execute(UNJUDGED, (error.code, str(error), run_id))
        return _close(db, run_id)


def _close(db: Connection, run_id: int) -> Result:
    db.execute(ADVANCE, (run_id,))
    return settle(db, run_id)


def settle(db: Connection, run_id: int) -> Result:
    """Write the outcome of a run as its slices stand, and return it."""
    states, worst = db.execute(STATES, (run_id,)).fetchone(), db.execute(WORST, (run_id,)).fetchone()
    failed, total = (states.failed, states.total) if states else (0, 0)
    outcome = _result("done" if not failed else "failed" if failed == total else "partly")
    db.execute(CLOSE, (outcome, worst.code if worst else None, worst.detail if worst else None, run_id))
    return outcome


def _result(text: str) -> Result:
    return "done" if text == "done" else "failed" if text == "failed" else "partly"
