"""One prepared statement, straight to the server: for what runs thousands of times a minute the driver's own way costs more than the work.

Parameters and results are in Postgres' binary form. Errors are the driver's, so a caller sees no difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

BINARY: Final = 1
GOOD: Final = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
MORE_TO_SEND: Final = 1


class Statement:
    """A statement of one connection, which nobody else uses meanwhile. ``types`` are the numbers of its parameters' types."""

    def __init__(self, db: psycopg.AsyncConnection[Any], name: str, sql: str, types: Sequence[int]) -> None:
        self._server = db.pgconn
        self._loop = asyncio.get_running_loop()
        self._name, self._sql, self._types = name.encode(), sql.encode(), types
        self._formats = [BINARY] * len(types)
        self._prepared = False

    async def run(self, values: Sequence[bytes]) -> PGresult:
        """Run it; return its rows.

        Raises:
            psycopg.Error: it failed, or the connection did.
        """
        if not self._prepared:
            self._server.send_prepare(self._name, self._sql, self._types)
            await self._result()
            self._prepared = True
        self._server.send_query_prepared(self._name, values, self._formats, result_format=BINARY)
        return await self._result()

    async def _result(self) -> PGresult:
        while self._server.flush() == MORE_TO_SEND:
            await self._ready(self._loop.add_writer, self._loop.remove_writer)
        await self._ready(self._loop.add_reader, self._loop.remove_reader)
        self._server.consume_input()
        while self._server.is_busy():
            await self._ready(self._loop.add_reader, self._loop.remove_reader)
            self._server.consume_input()
        result = self._server.get_result()
        if result is None:
            raise psycopg.OperationalError("the server gave no answer")
        while self._server.get_result() is not None:
            pass
        if result.status not in GOOD:
            raise error_from_result(result)
        return result

    async def _ready(self, watch: Callable[..., Any], forget: Callable[[int], Any]) -> None:
        """Wait until the socket can be read, or written."""
        ready = self._loop.create_future()
        watch(self._server.socket, _tell, ready)
        try:
            await ready
        finally:
            forget(self._server.socket)


def _tell(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
