"""The one who writes what is pushed: takes what waits, commits it together, then lets the answers go.

There is no timer: while one group commits the next one gathers, so a lone message never waits and many share one commit. All of it runs
on one event loop; whoever hands in messages is asked to stop reading while too much waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import psycopg
import structlog
from psycopg.rows import namedtuple_row

from gateway.database import session_settings
from gateway.intake.arrival import Answer, Arrival
from gateway.intake.batch import AsyncConnection, GroupCommit
from gateway.intake.load import QUIET_S
from gateway.runtime import Gateway

# One group; what waits beyond it goes with the next.
MOST_IN_A_GROUP: Final = 256
MOST_BYTES_IN_A_GROUP: Final = 32 * 1024 * 1024
# Above this nobody reads on until half of it is gone.
MOST_WAITING_BYTES: Final = 64 * 1024 * 1024
MOST_WAITING: Final = 2048
CONNECT_TIMEOUT_S: Final = 3
# Under a stream of messages that is never quiet, mapping is told this often; it judges by itself whether to step back.
MAPPING_TOLD_S: Final = 2.0
TRUSTED_S: Final = 1.0
# A sender waits for its answer: better to be told to come again.
STATEMENT_TIMEOUT_S: Final = 15
# Never lent to anybody else, so it may keep its organisation: a group is then one statement. Its plan hangs on no value.
OWN_SESSION: Final = "set app.org = '{org:d}'; set plan_cache_mode = force_generic_plan;"

log = structlog.get_logger()

Told = Callable[[Answer | None], None]


class Waiting(NamedTuple):
    """An arrival and who wants its answer; ``None`` is told when it could not be stored."""

    arrival: Arrival
    told: Told


class Writer:
    """Stores the arrivals of one organisation. Make it and ``run`` it on the loop that hands in; it ends when it is cancelled."""

    def __init__(self, gateway: Gateway, org: int, dsn: str) -> None:
        self._gateway = gateway
        self._org = org
        self._dsn = dsn
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self.full = False
        self._wants_room: set[Callable[[], None]] = set()
        self._group: GroupCommit | None = None
        self._down = False
        self._loop = asyncio.get_running_loop()
        self._last = self._to_map_since = self._loop.time()
        self._to_map: set[int] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def hand_in(self, arrival: Arrival, told: Told) -> None:
        """Queue an arrival; ``told`` is called on the loop, in the order of handing in."""
        self._queue.append(Waiting(arrival, told))
        self._bytes += len(arrival.body)
        self._idle.clear()
        self._wake.set()
        if self._bytes > MOST_WAITING_BYTES or len(self._queue) > MOST_WAITING:
            self.full = True

    async def answer(self, arrival: Arrival) -> Answer | None:
        """Store one arrival and return its answer; ``None`` when it could not be stored."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self.hand_in(arrival, lambda answer: None if future.done() else future.set_result(answer))
        return await future

    def when_room(self, go_on: Callable[[], None]) -> None:
        """Call this once when there is room again: whoever finds ``full`` set reads no further until then."""
        self._wants_room.add(go_on)

    async def idle(self) -> None:
        """Return when nothing waits any more."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    await self._write(self._take())
                self._idle.set()
        finally:
            await self._let_go()

    def _take(self) -> list[Waiting]:
        group: list[Waiting] = []
        size = 0
        while self._queue and len(group) < MOST_IN_A_GROUP and size < MOST_BYTES_IN_A_GROUP:
            group.append(self._queue.popleft())
            size += len(group[-1].arrival.body)
        self._bytes -= size
        if self.full and self._bytes <= MOST_WAITING_BYTES // 2 and len(self._queue) <= MOST_WAITING // 2:
            self.full = False
            waiting, self._wants_room = self._wants_room, set()
            for go_on in waiting:
                go_on()
        return group

    async def _write(self, group: Sequence[Waiting]) -> None:
        """Commit a group and tell everybody in it. Without a database all are told so, and may come again."""
        answers: Sequence[Answer | None]
        try:
            answers = await self._commit([one.arrival for one in group])
        except (psycopg.Error, OSError) as error:
            self._note_down(type(error).__name__)
            await self._let_go()
            answers = [None] * len(group)
        for one, answer in zip(group, answers, strict=True):
            one.told(answer)
        self._note_work({one.arrival.identity.source for one, answer in zip(group, answers, strict=True) if answer is not None})

    def _note_work(self, sources: set[int]) -> None:
        """Give a hint that there is something to map, once it is quiet: who sends is not to wait for what can wait."""
        now = self._loop.time()
        self._last = now
        if sources and not self._to_map:
            self._to_map_since = now
            self._loop.call_later(QUIET_S, self._hint)
        self._to_map |= sources

    def _hint(self) -> None:
        now = self._loop.time()
        if now - self._last < QUIET_S and now - self._to_map_since < MAPPING_TOLD_S:
            self._loop.call_later(QUIET_S, self._hint)
            return
        sources, self._to_map = self._to_map, set()
        for source in sources:
            self._gateway.hint("map_batch", self._org, source)

    async def _commit(self, arrivals: Sequence[Arrival]) -> list[Answer | None]:
        group = await self._connection()
        at = self._gateway.clock()
        try:
            answers: list[Answer | None] = list(await group.commit(at, arrivals))
        except psycopg.DataError:
            answers = [await self._alone(group, arrival) for arrival in arrivals]
        self._down = False
        return answers

    async def _alone(self, group: GroupCommit, arrival: Arrival) -> Answer | None:
        """Commit one: what the database can't hold is no reason to refuse the others."""
        try:
            return (await group.commit(self._gateway.clock(), [arrival]))[0]
        except psycopg.DataError as error:
            log.error("intake.not_storable", org=self._org, error=type(error).__name__)  # noqa: TRY400
            return None

    async def _connection(self) -> GroupCommit:
        """Return our connection, a new one when it is gone. One that was idle is tried first: its server may have been restarted."""
        if self._group is not None and self._loop.time() - self._last > TRUSTED_S:
            try:
                await self._group.db.execute("")
            except psycopg.Error:
                await self._let_go()
        if self._group is None or self._group.db.closed:
            db: AsyncConnection = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, row_factory=namedtuple_row, connect_timeout=CONNECT_TIMEOUT_S
            )
            settings = session_settings("zorgsluis_app", STATEMENT_TIMEOUT_S) + OWN_SESSION.format(org=self._org)
            await db.execute(settings, prepare=False)
            self._group = GroupCommit(db)
        return self._group

    async def _let_go(self) -> None:
        group, self._group = self._group, None
        if group is not None:
            await group.db.close()

    def _note_down(self, error: str) -> None:
        """Say once that nothing can be stored."""
        if not self._down:
            log.error("intake.no_database", org=self._org, error=error)
        self._down = True
