"""How many requests a neighbour allows, at once and a second: a permit per request, over all threads and all processes that share a database.

A permit is a session-level advisory lock of Postgres: a process that dies gives its own back with its connection. One pooled connection
holds all permits of a process for a credential, and goes back to the pool when none is in use.

What may begin in a second needs no count of its own: a permit that is kept for at least so long, however soon the answer comes, can't be
given out more often than that.
"""

from __future__ import annotations

import random
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final
from weakref import WeakKeyDictionary, ref

import psycopg

from gateway.database import Connection, Database
from gateway.errors import Throttled, TransientError

# A request waits this long for its permit: with its own time-outs that stays below the lease of a slice and of a lane.
PATIENCE_S: Final = 20.0
POLL_S: Final = 0.02
# Keeps clear of the small numbers that other advisory locks begin with.
HIGH_BIT: Final = 0x4000_0000

# A session gets a lock again that it has already, so what this process holds is left out. The limit stops at the first that is got.
TAKE: Final = """
select slot from generate_series(1, %(limit)s) slot
where slot <> all(%(held)s) and pg_try_advisory_lock(%(key)s, slot) limit 1"""
GIVE_BACK: Final = "select pg_advisory_unlock(%s, %s)"

_permits: WeakKeyDictionary[Database, dict[tuple[str, int, float | None], Permits]] = WeakKeyDictionary()
_permits_guard = threading.Lock()


class NoPermit(Throttled):
    """Our own workers held all permits for too long: nothing was sent, and the neighbour is not to blame."""


def spread(limit: int, per_second: float | None) -> tuple[int, float]:
    """Return how many permits there are and how many seconds each is kept at least, for at most ``limit`` requests at once of which no
    more than ``per_second`` begin within any second.

    Each permit has an equal whole number of them, so of 10 with 4 at once 8 are used.
    """
    if per_second is None:
        return limit, 0.0
    at_once = max(1, min(limit, int(per_second)))
    each = per_second // at_once if per_second >= 1 else per_second
    return at_once, 1 / each


def pause(seconds: float) -> None:
    """Wait."""
    threading.Event().wait(seconds)


class Permits:
    """The permits of one credential in this process: one object for all its threads."""

    def __init__(
        self,
        database: Database,
        credential: str,
        limit: int,
        patience_s: float = PATIENCE_S,
        *,
        per_second: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        # Weak: permits are kept per database, and must not keep it alive.
        self._database = ref(database)
        self._key = zlib.crc32(credential.encode()) & (HIGH_BIT - 1) | HIGH_BIT
        self._limit, self._least_s = spread(limit, per_second)
        self._patience_s = patience_s
        self._now = now
        self._threads = threading.BoundedSemaphore(self._limit)
        # Guards what follows: one connection, used by all threads in turn.
        self._guard = threading.Lock()
        self._held: set[int] = set()
        self._session: Connection | None = None
        self._borrowed = ExitStack()

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Hold one permit, and keep it from others for as long as it takes that no more begin in a second than are allowed.

        Raises:
            NoPermit: none came free in time.
            TransientError: the database can't be asked.
        """
        until = time.monotonic() + self._patience_s
        if not self._threads.acquire(timeout=self._patience_s):
            raise NoPermit("all requests that this neighbour allows at once are under way")
        try:
            slot = self._await_slot(until)
            began = self._now()
            try:
                yield
            finally:
                left = began + self._least_s - self._now()
                if left > 0:
                    pause(left)
                self._give_back(slot)
        finally:
            self._threads.release()

    def _await_slot(self, until: float) -> int:
        while (slot := self._try()) is None:
            if time.monotonic() >= until:
                raise NoPermit("all requests that this neighbour allows at once are under way")
            pause(POLL_S * (0.5 + random.random()))  # noqa: S311 - spreads those who wait, hides nothing
        return slot

    def _try(self) -> int | None:
        with self._guard:
            try:
                values = {"key": self._key, "limit": self._limit, "held": list(self._held)}
                row = self._connection().execute(TAKE, values).fetchone()
            except psycopg.Error:
                self._let_go()
                raise TransientError("the database that counts requests does not answer") from None
            if row is not None:
                self._held.add(row.slot)
            elif not self._held:
                self._let_go()
            return None if row is None else int(row.slot)

    def _give_back(self, slot: int) -> None:
        with self._guard:
            self._held.discard(slot)
            if self._session is not None:
                try:
                    self._session.execute(GIVE_BACK, (self._key, slot))
                except psycopg.Error:
                    # The lock went with its connection.
                    self._let_go()
            if not self._held:
                self._let_go()

    def _connection(self) -> Connection:
        database = self._database()
        if database is None:
            raise TransientError("the database that counts requests was closed")
        if self._session is None:
            self._session = self._borrowed.enter_context(database.session())
        return self._session

    def _let_go(self) -> None:
        self._session = None
        with suppress(psycopg.Error):
            self._borrowed.close()


def permits(database: Database, credential: str, limit: int, per_second: float | None = None) -> Permits:
    """Return this process's permits of a credential."""
    with _permits_guard:
        known = _permits.setdefault(database, {})
        key = (credential, limit, per_second)
        return known.setdefault(key, Permits(database, credential, limit, per_second=per_second))
