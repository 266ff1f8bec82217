"""The loop that finds whatever hints missed: due slots, waiting records, due clients, lanes with work. Every 15 seconds.

It is what makes hints optional, restarts harmless and expiries punctual. One turn is ``sweep``; ``Sweeper`` repeats it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import psycopg
import structlog

from gateway.audit import export_heads
from gateway.errors import Conflict, GatewayError
from gateway.flow import Each, Flow, Progress
from gateway.ledger import disclose_client, due_now
from gateway.outbox import deliver_lane, due_lanes
from gateway.portals import announce
from gateway.runtime import Gateway
from gateway.sources import source_ids
from schedules.firing import LEASE, ClaimedSlot, claim_due, finish, renew
from schedules.listing import schedules

SWEEP_S: Final = 15.0
HEADS_EVERY: Final = timedelta(minutes=1)
CHUNK: Final = 500

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
    announce(gateway, slot.org, gateway.clock(), slot.hours.next(gateway.clock()))
    log.info("slot.ran", slot=slot.slot.isoformat(), schedule=slot.schedule, runs=runs)
    return runs


def sweep(gateway: Gateway, org: int, each: Each) -> None:
    """Do whatever is due now for one organisation: a slot, what must not wait for a slot, and sending that was put off."""
    slot = claim_due(gateway, org)
    if slot is not None:
        fire(gateway, slot, each)
    each(lambda client: disclose_client(gateway, org, client), due_now(gateway, org, CHUNK))
    each(lambda lane: deliver_lane(gateway, org, lane), due_lanes(gateway, org, CHUNK))


class Sweeper:
    """Sweeps for all organisations on a thread of its own until it is stopped.

    A neighbour or a database that fails costs a turn, not the loop. Anything else ends it, and ``on_death`` is told: a process that
    looks alive and does nothing is the worst that can happen here.
    """

    def __init__(
        self, gateway: Gateway, orgs: Sequence[int], each: Each, *, audit_heads: Path, on_death: Callable[[], None]
    ) -> None:
        self._gateway = gateway
        self._orgs = orgs
        self._each = each
        self._audit_heads = audit_heads
        self._heads_at = gateway.clock() - HEADS_EVERY
        self._on_death = on_death
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper")

    def start(self) -> None:
        """Begin at once: a slot may have been missed while nothing ran."""
        self._thread.start()

    def stop(self) -> None:
        """End after the turn under way."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:
            log.critical("sweep.died", error=type(error).__name__)
            self._on_death()
            raise

    def _loop(self) -> None:
        while not self._stopped.is_set():
            for org in self._orgs:
                self._turn(org)
            self._export_heads()
            self._stopped.wait(self._until_next())

    def _export_heads(self) -> None:
        """Write the heads of the audit chains outside the database, every minute: a trail whose end was cut off shows."""
        now = self._gateway.clock()
        if now - self._heads_at < HEADS_EVERY:
            return
        with suppress(psycopg.Error):
            for org in self._orgs:
                export_heads(self._gateway, org, self._audit_heads)
            self._heads_at = now

    def _until_next(self) -> float:
        """Return the seconds until the next sweep, or the next slot when that comes first."""
        now = self._gateway.clock()
        try:
            slots = [one.hours.next(now) for org in self._orgs for one in schedules(self._gateway, org)]
        except psycopg.Error:
            return SWEEP_S
        return min([SWEEP_S, *((slot - now).total_seconds() for slot in slots)])

    def _turn(self, org: int) -> None:
        try:
            sweep(self._gateway, org, self._each)
        except Conflict:
            log.info("sweep.let_go", org=org)
        except GatewayError as error:
            log.warning("sweep.failed", org=org, code=error.code)
        except psycopg.Error as error:
            log.warning("sweep.no_database", org=org, error=type(error).__name__)
