"""Several changes as one transaction: all of them take effect, or none; or all are carried out for real and undone.

Whatever is called within can't tell the difference: it opens its transactions as always.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from psycopg import Rollback

from gateway.database import Connection, Database
from gateway.runtime import Gateway, Task, no_hint


class _OneTransaction(Database):
    """A database whose every transaction is a part of one that is under way."""

    def __init__(self, whole: Database, db: Connection) -> None:
        self.dsn, self.clock = whole.dsn, whole.clock
        self._db = db

    @contextmanager
    def transaction(self, org: int | None, *, plan_once: bool = False) -> Iterator[Connection]:
        """Yield the one connection; what goes wrong undoes this part only."""
        del org, plan_once  # the transaction under way has named its organisation, and how it plans
        with self._db.transaction():
            yield self._db


@contextmanager
def together(gateway: Gateway, org: int) -> Iterator[tuple[Gateway, Connection]]:
    """Yield (a gateway, its connection): all that is done with it within the block is one transaction. Hints are given after its commit.

    No other thread may use it. Locks taken within the block are held until its end.
    """
    hints: list[tuple[Task, int, int]] = []
    with gateway.database.transaction(org) as db:
        collected = replace(
            gateway, database=_OneTransaction(gateway.database, db), hint=lambda task, org, row: hints.append((task, org, row))
        )
        yield collected, db
    for hint in dict.fromkeys(hints):
        gateway.hint(*hint)


@contextmanager
def rehearsal(gateway: Gateway, org: int) -> Iterator[tuple[Gateway, Connection]]:
    """Yield the same as ``together``, and undo everything at the end of the block: nothing of it stays, and no hint is given."""
    with gateway.database.transaction(org) as db:
        yield replace(gateway, database=_OneTransaction(gateway.database, db), hint=no_hint), db
        raise Rollback
