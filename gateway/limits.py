"""How many requests a neighbour allows at once, over all threads and processes: a permit per request.

The permits are advisory locks of the database, so that a killed process gives its own back, and two processes together never exceed the limit.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from gateway.errors import Throttled

POLL_S: Final = 0.02
PATIENCE_S: Final = 60.0
TAKE: Final = "select pg_try_advisory_lock(%s, %s)"
GIVE: Final = "select pg_advisory_unlock(%s, %s)"

_permits: dict[tuple[str, str, int], Permits] = {}
_lock = threading.Lock()


class Permits:
    """The permits of one credential. ``dsn`` leads to the database that all processes share."""

    def __init__(self, dsn: str, credential: str, limit: int) -> None:
        self._dsn = dsn
        self._key = int.from_bytes(hashlib.sha256(credential.encode()).digest()[:4], "big", signed=True)
        self._limit = limit
        self._threads = threading.BoundedSemaphore(limit)
        self._connections = threading.local()

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Hold one permit.

        Raises:
            Throttled: none came free within a minute.
        """
        with self._threads:
            connection = self._connection()
            slot = self._take(connection)
            try:
                yield
            finally:
                connection.execute(GIVE, (self._key, slot))

    def _connection(self) -> psycopg.Connection:
        connection: psycopg.Connection | None = getattr(self._connections, "one", None)
        if connection is None or connection.closed:
            connection = self._connections.one = psycopg.connect(self._dsn, autocommit=True)
        return connection

    def _take(self, connection: psycopg.Connection) -> int:
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / POLL_S)):
            for slot in range(self._limit):
                row = connection.execute(TAKE, (self._key, slot)).fetchone()
                if row and row[0]:
                    return slot
            pause.wait(POLL_S)
        raise Throttled("all permits of this credential were in use for a minute")


def permits(dsn: str, credential: str, limit: int) -> Permits:
    """Return this process's permits of a credential: one object for all its threads."""
    with _lock:
        return _permits.setdefault((dsn, credential, limit), Permits(dsn, credential, limit))
