"""The product in one function: plan, read, map and store, disclose, deliver.

Each step takes its work from the database and leaves it there, so that a flow that was killed anywhere is simply run again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.ledger import disclose_client, due_clients
from gateway.outbox import deliver_lane, due_lanes
from gateway.reading import due_slices, finish_run, next_due, plan_run, pull_slice
from gateway.runtime import Gateway
from gateway.sources import read_by_runs
from gateway.translate import map_batch

# How long a flow waits in all for a source that asks for patience.
PATIENCE_S = 300.0
CHUNK = 200

OPEN_RUN: Final = """
select id from run where source_id = %s and finished_at is null order by id limit 1"""
CLIENT_COUNT: Final = "select count(distinct client_id) from disclose_due"
SLICE_COUNT: Final = "select count(*) from slice where run_id = %s"
WAITING_COUNT: Final = "select count(*) from journal where source_id = %s and state = 'waiting'"
LANE_COUNT: Final = "select count(distinct lane_id) from outbox where state = 'ready'"


Due = Callable[[Gateway, int, int], list[int]]
FlowTask = Callable[[Gateway, int, int], object]


class Each(Protocol):
    """Do a task for every id, in whatever way the process has; return, when all are done, the ids whose task failed."""

    def __call__(self, task: Callable[[int], object], ids: Iterable[int], /) -> set[int]: ...


class Progress(Protocol):
    """Told about the stage, what is done and how much there is; also the heart beat of the slot's lease."""

    def __call__(self, stage: str, done: int, total: int, /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One run of the main job for one organisation."""

    gateway: Gateway
    org: int
    each: Each
    progress: Progress

    def run(self, source_ids: Sequence[int], slot_id: int | None = None) -> list[int]:
        """Bring the portals up to date with these sources; return the runs, whose ledgers say what became of every record.

        A source that pushes has no run: what it sent is in the journal already.
        """
        runs = [self.plan(source_id, slot_id) for source_id in read_by_runs(self.gateway, self.org, list(source_ids))]
        for run_id in runs:
            self.read(run_id)
        for source_id in source_ids:
            self.translate(source_id)
        self.disclose()
        self.deliver()
        return runs

    def plan(self, source_id: int, slot_id: int | None) -> int:
        """Go on with a run that was cut off, or begin one."""
        with self.gateway.database.transaction(self.org) as db:
            cut_off = db.execute(OPEN_RUN, (source_id,)).fetchone()
        return cut_off.id if cut_off else plan_run(self.gateway, self.org, source_id, slot_id)

    def read(self, run_id: int) -> None:
        """Read the slices of a run into the journal.

        A source that asks for patience gets some. What it still keeps back then waits for the next slot, which goes on with this run:
        families don't wait for it.
        """
        done, patience = 0, PATIENCE_S
        while finish_run(self.gateway, self.org, run_id) is None:
            due = due_slices(self.gateway, self.org, run_id)
            if not due:
                wait = next_due(self.gateway, self.org, run_id)
                if wait > patience:
                    return
                patience -= max(wait, 0.1)
                threading.Event().wait(max(wait, 0.1))
            self.each(lambda slice_id: pull_slice(self.gateway, self.org, slice_id), due)
            done += len(due)
            self.progress("read", done, max(done, self._count(SLICE_COUNT, run_id)))

    def translate(self, source_id: int) -> None:
        """Map and store what waits in the journal."""
        total, done = self._count(WAITING_COUNT, source_id), 0
        while mapped := map_batch(self.gateway, self.org, source_id):
            done += mapped
            self.progress("map", done, max(done, total))

    def disclose(self) -> None:
        """Decide anew for every client of whom something changed. A client that fails stays due and holds up nobody else."""
        self._drain("disclose", due_clients, disclose_client, self._count(CLIENT_COUNT))

    def deliver(self) -> None:
        """Drain every lane that may be drained now; what is put off waits for the sweeper."""
        self._drain("deliver", due_lanes, deliver_lane, self._count(LANE_COUNT))

    def _drain(self, stage: str, due: Due, task: FlowTask, total: int) -> None:
        done, failed = 0, set[int]()
        while rows := [row for row in due(self.gateway, self.org, CHUNK + len(failed)) if row not in failed]:
            failed |= self.each(lambda row: task(self.gateway, self.org, row), rows)
            done += len(rows)
            self.progress(stage, done, max(done, total))

    def _count(self, query: str, *values: int) -> int:
        with self.gateway.database.transaction(self.org) as db:
            row = db.execute(query, values).fetchone()
        return int(row[0]) if row else 0
