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
from gateway.translate import map_batch

# How long a flow waits at most for a source that asked for patience, before it looks again.
PATIENCE_S = 60.0
CHUNK = 200

OPEN_RUN: Final = """
select id from run where source_id = %s and finished_at is null order by id limit 1"""
CLIENT_COUNT: Final = "select count(distinct client_id) from disclose_due"
LANE_COUNT: Final = "select count(distinct lane_id) from outbox where state = 'ready'"


class Each(Protocol):
    """Do a task for every id, in whatever way the process has (threads here, hints to workers elsewhere); return when all are done."""

    def __call__(self, task: Callable[[int], object], ids: Iterable[int], /) -> None: ...


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
        """Bring the portals up to date with these sources; return the runs, whose ledgers say what became of every record."""
        runs = [self.plan(source_id, slot_id) for source_id in source_ids]
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
        """Read every slice of a run into the journal; a source that asks for patience gets it."""
        done = 0
        while finish_run(self.gateway, self.org, run_id) is None:
            due = due_slices(self.gateway, self.org, run_id)
            if not due:
                threading.Event().wait(min(next_due(self.gateway, self.org, run_id), PATIENCE_S))
            self.each(lambda slice_id: pull_slice(self.gateway, self.org, slice_id), due)
            done += len(due)
            self.progress("read", done, done)

    def translate(self, source_id: int) -> None:
        """Map and store what waits in the journal."""
        done = 0
        while mapped := map_batch(self.gateway, self.org, source_id):
            done += mapped
            self.progress("map", done, done)

    def disclose(self) -> None:
        """Decide anew for every client of whom something changed."""
        total, done = self._count(CLIENT_COUNT), 0
        while clients := due_clients(self.gateway, self.org, CHUNK):
            self.each(lambda client_id: disclose_client(self.gateway, self.org, client_id), clients)
            done += len(clients)
            self.progress("disclose", done, total)

    def deliver(self) -> None:
        """Drain every lane that may be drained now; what is put off waits for the sweeper."""
        total, done = self._count(LANE_COUNT), 0
        while lanes := due_lanes(self.gateway, self.org, CHUNK):
            self.each(lambda lane_id: deliver_lane(self.gateway, self.org, lane_id), lanes)
            done += len(lanes)
            self.progress("deliver", done, total)

    def _count(self, query: str) -> int:
        with self.gateway.database.transaction(self.org) as db:
            row = db.execute(query).fetchone()
        return int(row[0]) if row else 0
