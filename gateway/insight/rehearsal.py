"""A change that is carried out for real and then undone: whoever calls it can't tell the difference, and nothing is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from psycopg import Rollback

from gateway.database import Connection, Database
from gateway.runtime import Gateway, no_hint


class _OneTransaction(Database):
    """A database whose every transaction is a part of one that is under way."""

    def __init__(self, whole: Database, db: Connection) -> None:
        self.dsn, self.clock = whole.dsn, whole.clock
        self._db = db

    @contextmanager
    def transaction(self, org: int | None) -> Iterator[Connection]:
        """Yield the one connection; what goes wrong undoes this part only."""
        del org  # the transaction under way has named its organisation
        with self._db.transaction():
            yield self._db


@contextmanager
def rehearsal(gateway: Gateway, org: int) -> Iterator[tuple[Gateway, Connection]]:
    """Yield (a gateway, its connection): all that is done with it within the block is one transaction, rolled back at the end.

    No hint is given and no other thread may use it. Locks taken within the block are held until its end.
    """
    with gateway.database.transaction(org) as db:
        yield replace(gateway, database=_OneTransaction(gateway.database, db), hint=no_hint), db
        raise Rollback
