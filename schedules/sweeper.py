"""The loop that finds whatever hints missed: due slots, waiting records, due clients, lanes with work. Every 15 seconds.

It is what makes hints optional, restarts harmless and expiries punctual. One turn is ``sweep``; ``Sweeper`` repeats it on a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from gateway.errors import Conflict, GatewayError
from gateway.flow import Each, Flow
from gateway.ledger import disclose_client, due_now
from gateway.outbox import deliver_lane, due_lanes
from gateway.portals import announce
from gateway.runtime import Gateway
from schedules.firing import ClaimedSlot, claim_due, finish, renew

SWEEP_S: Final = 15.0
CHUNK: Final = 500

SOURCES: Final = "select id from source order by id"

log = structlog.get_logger()


def fire(gateway: Gateway, slot: ClaimedSlot, each: Each) -> list[int]:
    """Run one claimed slot to its outcome; return its runs."""

    def beat(_stage: str, _done: int, _total: int) -> None:
        renew(gateway, slot)

    with gateway.database.transaction(slot.org) as db:
        sources = [row.id for row in db.execute(SOURCES)]
    runs = Flow(gateway=gateway, org=slot.org, each=each, progress=beat).run(sources, slot.id)
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
    """Sweeps for all organisations on a thread of its own until it is stopped."""

    def __init__(self, gateway: Gateway, orgs: Sequence[int], each: Each, beat: Callable[[], None] = lambda: None) -> None:
        self._gateway = gateway
        self._orgs = orgs
        self._each = each
        self._beat = beat
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sweeper")

    def start(self) -> None:
        """Begin at once: a slot may have been missed while nothing ran."""
        self._thread.start()

    def wake(self) -> None:
        """Look now: something changed."""
        self._wake.set()

    def stop(self) -> None:
        """End after the turn under way."""
        self._stopped.set()
        self._wake.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stopped.is_set():
            for org in self._orgs:
                self._turn(org)
            self._beat()
            self._wake.wait(SWEEP_S)
            self._wake.clear()

    def _turn(self, org: int) -> None:
        try:
            sweep(self._gateway, org, self._each)
        except Conflict:
            log.info("sweep.let_go", org=org)
        except GatewayError as error:
            log.error("sweep.failed", org=org, code=error.code)
