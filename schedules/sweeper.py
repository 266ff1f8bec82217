"""The loop that finds whatever hints missed: due slots, waiting records, due clients, lanes with work. Every 15 seconds.

It is what makes hints optional, restarts harmless and expiries punctual. One turn is ``sweep``; ``Sweeper`` repeats it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import psycopg
import structlog

from gateway.audit import export_heads
from gateway.consent import turn_clock
from gateway.errors import Conflict, GatewayError
from gateway.flow import Each, Flow, Progress
from gateway.ledger import disclose_client, due_now
from gateway.outbox import deliver_lane, due_lanes
from gateway.portals import announce
from gateway.retractions import review_late
from gateway.runtime import Gateway
from gateway.sources import pushed_and_waiting, source_ids
from gateway.translate import map_batch
from schedules.firing import LEASE, ClaimedSlot, claim_due, finish, renew
from schedules.listing import schedules
from schedules.nightly import claim_night, compare_sample

SWEEP_S: Final = 15.0
HEADS_EVERY: Final = timedelta(minutes=1)
# Birthdays and ends of mandates are told weeks ahead; what they take away is seen to at every sweep.
CLOCK_EVERY: Final = timedelta(hours=1)
CHUNK: Final = 500

ALL_DONE: Final = "select bool_and(coalesce(outcome, '') = 'done') as whole from run where id = any(%s)"

log = structlog.get_logger()


class Heart:
    """Keeps a slot's lease alive while it runs, on a thread of its own: a stage may take longer than the lease."""

    def __init__(self, gateway: Gateway, slot: ClaimedSlot) -> None:
        self._gateway, self._slot = gateway, slot
        self._stop, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="slot-lease")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Stop the flow when the slot is no longer ours."""
        if self._lost.is_set():
            raise Conflict(f"slot {self._slot.id}: taken over by another process")

    def _beat(self) -> None:
        while not self._stop.wait(LEASE.total_seconds() / 4):
            try:
                renew(self._gateway, self._slot)
            except psycopg.Error:
                continue  # a database that was away may be back before the lease runs out
            except GatewayError:
                self._lost.set()
                return


def fire(gateway: Gateway, slot: ClaimedSlot, each: Each, told: Progress | None = None) -> list[int]:
    """Run one claimed slot to its outcome; return its runs."""
    with Heart(gateway, slot) as heart:

        def progress(stage: str, done: int, total: int) -> None:
            heart.check()
            if told is not None:
                told(stage, done, total)

        flow = Flow(gateway=gateway, org=slot.org, each=each, progress=progress)
        runs = flow.run(source_ids(gateway, slot.org), slot.id)
        finish(gateway, slot, "ran")
    announce(gateway, slot.org, slot.slot, slot.hours.next(gateway.clock()), complete=_whole(gateway, slot.org, runs))
    log.info("slot.ran", slot=slot.slot.isoformat(), schedule=slot.schedule, runs=runs)
    return runs


def _whole(gateway: Gateway, org: int, runs: Sequence[int]) -> bool:
    with gateway.database.transaction(org) as db:
        row = db.execute(ALL_DONE, (list(runs),)).fetchone()
    return bool(row and row.whole)


def sweep(gateway: Gateway, org: int, each: Each) -> None:
    """Do what must not wait for a slot, and sending that was put off."""
    each(lambda source: map_batch(gateway, org, source), pushed_and_waiting(gateway, org))
    each(lambda client: disclose_client(gateway, org, client), due_now(gateway, org, CHUNK))
    each(lambda lane: deliver_lane(gateway, org, lane), due_lanes(gateway, org, CHUNK))
    review_late(gateway, org)


class Sweeper:
    """Sweeps for all organisations on a thread of its own until it is stopped; a slot runs beside it, so that nothing waits for it.

    A neighbour or a database that fails costs a turn, not the loop. Anything else ends it, and ``on_death`` is told: a process that
    looks alive and does nothing is the worst that can happen here.
    """

    def __init__(
        self,
        gateway: Gateway,
        orgs: Sequence[int],
        *,
        slots: Each,
        urgent: Each,
        audit_heads: Path,
        on_death: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._orgs = orgs
        self._slots = slots
        self._urgent = urgent
        self._audit_heads = audit_heads
        self._heads_at = gateway.clock() - HEADS_EVERY
        self._on_death = on_death
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._alive, args=(self._loop,), name="sweeper")
        self._running: dict[int, threading.Thread] = {}
        self._comparing: dict[int, threading.Thread] = {}
        self._clock_turned: dict[int, datetime] = {}

    def start(self) -> None:
        """Begin at once: a slot may have been missed while nothing ran."""
        self._thread.start()

    def stop(self) -> None:
        """End after the turn and the slots under way."""
        self._stopped.set()
        self._thread.join()
        for beside in [*self._running.values(), *self._comparing.values()]:
            beside.join()

    def _alive(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            log.critical("sweep.died", error=type(error).__name__)
            self._on_death()
            raise

    def _loop(self) -> None:
        while not self._stopped.is_set():
            for org in self._orgs:
                self._costs_a_turn(org, lambda org=org: self._turn(org))  # type: ignore[misc]
            self._export_heads()
            self._stopped.wait(self._until_next())

    def _turn(self, org: int) -> None:
        if org not in self._running or not self._running[org].is_alive():
            slot = claim_due(self._gateway, org)
            if slot is not None:
                self._begin(slot)
        night = claim_night(self._gateway, org)
        if night is not None:
            self._compare(org, night)
        sweep(self._gateway, org, self._urgent)
        now = self._gateway.clock()
        if org not in self._clock_turned or now - self._clock_turned[org] >= CLOCK_EVERY:
            turn_clock(self._gateway, org)
            self._clock_turned[org] = now

    def _begin(self, slot: ClaimedSlot) -> None:
        def run() -> None:
            self._costs_a_turn(slot.org, lambda: fire(self._gateway, slot, self._slots))

        self._running[slot.org] = threading.Thread(target=self._alive, args=(run,), name="slot")
        self._running[slot.org].start()

    def _compare(self, org: int, night: date) -> None:
        """Hold a sample of members against their portals, beside the turns: families don't wait for it."""

        def run() -> None:
            self._costs_a_turn(org, lambda: compare_sample(self._gateway, org, night))

        self._comparing[org] = threading.Thread(target=self._alive, args=(run,), name="drift")
        self._comparing[org].start()

    def _costs_a_turn(self, org: int, work: Callable[[], object]) -> None:
        try:
            work()
        except Conflict:
            log.info("sweep.let_go", org=org)
        except GatewayError as error:
            log.warning("sweep.failed", org=org, code=error.code)
        except psycopg.Error as error:
            log.warning("sweep.no_database", org=org, error=type(error).__name__)

    def _export_heads(self) -> None:
        """Write the heads of the audit chains outside the database, every minute: a trail whose end was cut off shows."""
        now = self._gateway.clock()
        if now - self._heads_at < HEADS_EVERY:
            return
        self._heads_at = now
        for org in self._orgs:
            try:
                export_heads(self._gateway, org, self._audit_heads)
            except (psycopg.Error, OSError) as error:
                log.warning("audit.heads_not_exported", org=org, error=type(error).__name__)

    def _until_next(self) -> float:
        """Return the seconds until the next sweep, or the next slot when that comes first."""
        now = self._gateway.clock()
        try:
            slots = [one.hours.next(now) for org in self._orgs for one in schedules(self._gateway, org)]
        except psycopg.Error:
            return SWEEP_S
        return min([SWEEP_S, *((slot - now).total_seconds() for slot in slots)])
