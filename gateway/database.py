"""The way to the database: one pool per role, one organisation per transaction.

A transaction starts by naming its organisation and its time; without an organisation row security shows no rows at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, Self

import psycopg
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool

from gateway.clock import Clock, system_clock

Role = Literal["zorgsluis_app", "zorgsluis_engine", "zorgsluis_owner"]
Connection = psycopg.Connection[Any]

SCOPE: Final = "select set_config('app.org', %s, true) as org, set_config('app.at', %s, true) as at"
# For statements that have one right plan, by index: planned once a session and not for each question. Without sequential and bitmap scans
# the plan made on a new, empty table is still the right one when it is full.
PLAN_ONCE: Final = """
set_config('plan_cache_mode', 'force_generic_plan', true) as mode, set_config('enable_seqscan', 'off', true) as seqscan,
  set_config('enable_bitmapscan', 'off', true) as bitmapscan"""
SCOPE_PLANNED_ONCE: Final = f"{SCOPE}, {PLAN_ONCE}"

# force_custom_plan: a generic plan made the same search 35 times slower; jit costs more than it gives on short statements.
SESSION: Final = """
set role {role};
set plan_cache_mode = force_custom_plan;
set jit = off;
set statement_timeout = '{statement_timeout_s}s';
set idle_in_transaction_session_timeout = '60s';
set timezone = 'UTC';
"""


def session_settings(role: Role, statement_timeout_s: int) -> str:
    """Return what every connection says first."""
    return SESSION.format(role=role, statement_timeout_s=statement_timeout_s)


class Database:
    """A pool of connections in one role. Close it, or use it as a context manager."""

    def __init__(
        self,
        dsn: str,
        *,
        role: Role = "zorgsluis_app",
        clock: Clock = system_clock,
        max_size: int = 8,
        statement_timeout_s: int = 60,
    ) -> None:
        self.dsn = dsn
        self.clock = clock
        self._session = session_settings(role, statement_timeout_s)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            dsn,
            min_size=1,
            max_size=max_size,
            configure=self._configure,
            kwargs={"row_factory": namedtuple_row, "autocommit": False},
            open=True,
        )

    def _configure(self, connection: Connection) -> None:
        connection.execute(self._session)
        connection.commit()

    @contextmanager
    def transaction(self, org: int | None, *, plan_once: bool = False) -> Iterator[Connection]:
        """Yield a connection in a transaction that sees one organisation (or, for ``None``, what the role may see without one).

        ``plan_once``: its statements are planned once a session, by index.
        """
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(
                SCOPE_PLANNED_ONCE if plan_once else SCOPE, ("" if org is None else str(org), self.clock().isoformat())
            )
            yield connection

    @contextmanager
    def snapshot(self, org: int) -> Iterator[Connection]:
        """Yield a transaction whose every query sees the same moment: what is counted in several queries then adds up."""
        with self._pool.connection() as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            try:
                with connection.transaction():
                    connection.execute(SCOPE, (str(org), self.clock().isoformat()))
                    yield connection
            finally:
                connection.isolation_level = None

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """Yield a connection outside any transaction, for what lives as long as the session does: advisory locks."""
        with self._pool.connection() as connection:
            connection.autocommit = True
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    def close(self) -> None:
        """Give all connections back to the server."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
