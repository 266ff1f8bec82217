"""All listeners of a process on one thread with one event loop: sockets first, so that what can't be had is said before anything runs."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
import uvloop

from api.inbound.folder import Folder, FolderWatch
from api.inbound.http import Counter, HttpServer
from api.inbound.sockets import address, admission, bound, tls_context
from api.mllp.connection import Line
from api.mllp.server import MllpServer
from gateway.config import Config, FolderListenerConfig, HttpListenerConfig, MllpListenerConfig
from gateway.errors import GatewayError, Misconfigured
from gateway.intake.outcomes import Outcomes
from gateway.intake.reception import Reception
from gateway.intake.senders import desk
from gateway.intake.writer import Writer
from gateway.runtime import Gateway

SWITCH_S: Final = 0.0005
# How long what was handed in may take to be answered when the process ends.
GRACE_S: Final = 5.0

log = structlog.get_logger()


class Listening(Protocol):
    """What runs for one listener."""

    async def start(self, tasks: asyncio.TaskGroup, /) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One listener, made ready: its socket (``None`` for a folder) and what it needs to serve."""

    org: int
    config: MllpListenerConfig | HttpListenerConfig | FolderListenerConfig
    listening: socket.socket | None
    tls: Any
    reception: Reception


class Listeners:
    """The listeners of every organisation. Make it (sockets are bound), ``start`` it, ``stop`` it.

    ``on_death`` is called when the thread ends without being asked: a process that takes nothing in would look alive.
    """

    def __init__(
        self, gateway: Gateway, dsn: str, config: Config, organisations: dict[str, int], on_death: Callable[[], None]
    ) -> None:
        self._gateway = gateway
        self._dsn = dsn
        self._on_death = on_death
        self._ways: list[Way] = []
        try:
            for one in config.organisations:
                self._ways += _ways(gateway, organisations[one.code], one.listeners)
        except GatewayError:
            _close(self._ways)
            raise
        self._thread = threading.Thread(target=self._alive, name="listeners")
        self._begun: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()

    @property
    def addresses(self) -> dict[str, str]:
        """The address of each listener with a socket, by its code."""
        return {way.config.code: address(way.listening) for way in self._ways if way.listening is not None}

    def start(self) -> None:
        """Serve; return when all listen. Without listeners nothing runs.

        Raises:
            Misconfigured: one can't be started.
        """
        if not self._ways:
            return
        # A thread that splits a large message holds the interpreter for 5 ms at a time; an answer is given in less.
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()
        self._begun.result()

    def stop(self) -> None:
        """Take nothing more in, answer what was handed in, end."""
        if self._loop is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # it ended by itself meanwhile
                self._loop.call_soon_threadsafe(self._stopped.set)
        if self._thread.ident is not None:
            self._thread.join()

    def _alive(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._run())
        except BaseException as error:
            if self._begun.done():
                log.critical("listeners.died", error=type(error).__name__)
                self._on_death()
                raise
            self._begun.set_exception(error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error)
        finally:
            _close(self._ways)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        writers = {org: Writer(self._gateway, org, self._dsn) for org in {way.org for way in self._ways}}
        outcomes = {org: Outcomes(self._gateway, org) for org in writers}
        served = [self._listening(way, writers[way.org], outcomes[way.org]) for way in self._ways]
        # Whatever dies takes all down: half of the ways in is worse than none, which is noticed.
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(writer.run()) for writer in writers.values()]
            running += [tasks.create_task(asked.run()) for asked in outcomes.values()]
            for one in served:
                await one.start(tasks)
            self._begun.set_result(None)
            await self._stopped.wait()
            await _ended(served, list(writers.values()))
            for task in running:
                task.cancel()

    def _listening(self, way: Way, writer: Writer, outcomes: Outcomes) -> Listening:
        config = way.config
        if isinstance(config, MllpListenerConfig) and way.listening is not None:
            admits = admission(config.peers)
            line = Line(config=config, reception=way.reception, writer=writer, outcomes=outcomes, admits=admits, open_=set())
            return MllpServer(line, way.listening, way.tls)
        if isinstance(config, HttpListenerConfig) and way.listening is not None:
            counter = Counter(config=config, reception=way.reception, writer=writer, admits=admission(config.peers))
            return HttpServer(counter, way.listening, way.tls)
        if isinstance(config, FolderListenerConfig):
            return FolderWatch(Folder(config=config, reception=way.reception, writer=writer))
        raise Misconfigured(f"listener {config.code} has no socket")


async def _ended(served: Sequence[Listening], writers: Sequence[Writer]) -> None:
    """Stop the listeners, then let the writers finish, within the grace."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            for one in served:
                await one.stop()
            for writer in writers:
                await writer.idle()


def _ways(gateway: Gateway, org: int, listeners: Sequence[Any]) -> Iterator[Way]:
    """Make an organisation's listeners ready; sockets are bound here."""
    for config in listeners:
        reception = Reception(desk=desk(gateway, org, config.sources), keys=gateway.keys(org), clock=gateway.clock)
        if isinstance(config, FolderListenerConfig):
            yield Way(org=org, config=config, listening=None, tls=None, reception=reception)
        else:
            tls = tls_context(config.code, config.tls)
            yield Way(org=org, config=config, listening=bound(config), tls=tls, reception=reception)


def _close(ways: Sequence[Way]) -> None:
    for way in ways:
        if way.listening is not None:
            way.listening.close()
