"""The long-running process: the sweeper on its threads, the listeners in a process of theirs, the sync page on loopback, one way to stop."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from api.fhir.app import FhirApi
from api.inbound.process import ListenerProcess
from api.opening import Installation, open_installation
from api.ops.app import Pages
from api.ops.token import operator_token
from api.portal.app import PortalApi
from api.portal.bearer import callers
from gateway import context
from gateway.clock import shifted_clock
from gateway.errors import Conflict, GatewayError, Misconfigured
from gateway.flow import Each
from gateway.runtime import Gateway
from gateway.state import state_folder
from schedules.sweeper import Sweeper
from schedules.tasks import hinted
from schedules.threads import Threads

LOOPBACK: Final = "127.0.0.1"
# The heads of the audit chains: append-only, outside the database.
AUDIT_HEADS = "audit-heads.jsonl"
# Retractions and retries beside a slot that keeps the other threads busy.
URGENT_THREADS = 2
# How long the work under way may take to end. After that the process just goes: what it held stays in the database, whole, and is
# taken over when its lease ends.
GRACE_S: Final = 8.0
PAGES_GRACE_S: Final = 2
# Who sends waits for an answer, who maps doesn't: this process stands back for that of the listeners.
BEHIND_LISTENERS: Final = 5

log = structlog.get_logger()


class Server(uvicorn.Server):
    """The pages' server; signals are the process's business, not its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers as they are."""
        yield


class Stopping:
    """Whether the process is to end, and how everything that runs hears of it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._then: Callable[[], None] | None = None
        self.died: str | None = None

    def tell(self, then: Callable[[], None]) -> None:
        """Call this when the time comes, or now when it has."""
        self._then = then
        if self._event.is_set():
            then()

    def ask(self) -> None:
        """Stop; connectors stop between two records."""
        self._event.set()
        context.stopping.set()
        if self._then is not None:
            self._then()

    def died_of(self, part: str) -> Callable[[], None]:
        """Return what stops the process when a part of it dies, and says at the end that it was not asked for."""

        def die() -> None:
            self.died = part
            self.ask()

        return die

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, within the block."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Stop because somebody asked; while still starting, at once."""
        log.info("serve.stopping", signal=signal.Signals(number).name)
        self.ask()
        if self._then is None:
            raise SystemExit(0)

    def guarded(self, each: Each) -> Each:
        """Let no further task begin once the process is to end: whoever comes next finds it waiting."""

        def run(task: Callable[[int], object], ids: Iterable[int], /) -> set[int]:
            failed = each(lambda row: None if self._event.is_set() else task(row), ids)
            if self._event.is_set():
                raise Conflict("this process is ending")
            return failed

        return run


def listen(port: int) -> socket.socket:
    """Bind on loopback; the pages are for this machine until accounts exist.

    Raises:
        Misconfigured: the port is taken, or not ours to take.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
        bound.listen()
    except OSError as error:
        bound.close()
        taken = "is taken, perhaps by another serve" if error.errno == errno.EADDRINUSE else f"can't be used: {error.strerror}"
        raise Misconfigured(f"port {port} on {LOOPBACK} {taken}; choose another with --port, or 0 for any") from None
    return bound


def pages_server(installation: Installation, gateway: Gateway, token: str) -> Server:
    """Return the web server of the operations pages with the portal API and the FHIR interface beside them, not yet running.

    Raises:
        Misconfigured: a portal's token can't be used.
    """
    pages = Pages(gateway, installation.organisations, token)
    portals = PortalApi(gateway, callers(installation.config, installation.organisations))
    rights = FhirApi(gateway, installation.organisations, token)
    application = Starlette(routes=[*portals.routes(), *rights.routes(), Mount("/", pages.application())])
    settings: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    return Server(uvicorn.Config(application, timeout_graceful_shutdown=PAGES_GRACE_S, server_header=False, **settings))


def run_server(config: Path | None, state: Path | None, *, port: int, clock_start: datetime | None) -> None:
    """Run until SIGINT or SIGTERM; the work under way is finished or left in the database, whole.

    Raises:
        Misconfigured: the configuration, the keys, the database or the port can't be used.
        GatewayError: the sweeper died.
    """
    state = state or state_folder()
    clock = shifted_clock(clock_start.replace(tzinfo=UTC)) if clock_start else None
    stopping = Stopping()
    # The port first: a second serve on it is refused before it does anything.
    with (
        stopping.on_signals(),
        listen(port) as bound,
        open_installation(config, state=state, clock=clock) as installation,
        Threads() as each,
    ):
        sweep_and_serve(installation, each, bound, operator_token(state), stopping)
    log.info("serve.stopped")


def sweep_and_serve(
    installation: Installation, each: Threads, bound: socket.socket, token: str, stopping: Stopping | None = None
) -> None:
    """Sweep on a thread, listen, and serve the pages, until a signal comes. Without ``stopping`` this is not the whole process: it waits for
    the turn under way, however long that takes.

    Raises:
        Misconfigured: a listener can't be had.
        GatewayError: the sweeper or the listeners died; a process that only serves pages would look alive.
    """
    asked = stopping or Stopping()
    orgs = list(installation.organisations.values())
    gateway = hinted(installation.gateway, each.submit)
    server = pages_server(installation, gateway, token)
    listeners = ListenerProcess(installation, gateway, on_death=asked.died_of("listeners"))
    with Threads(URGENT_THREADS) as urgent, asked.on_signals():
        sweeper = Sweeper(
            gateway,
            orgs,
            slots=asked.guarded(each),
            urgent=asked.guarded(urgent),
            audit_heads=installation.state / AUDIT_HEADS,
            on_death=asked.died_of("sweeper"),
        )
        asked.tell(lambda: setattr(server, "should_exit", True))
        if listeners.start():
            os.nice(BEHIND_LISTENERS)
        sweeper.start()
        try:
            here = f"http://{LOOPBACK}:{bound.getsockname()[1]}/"
            log.info("serve.listening", address=here, portal_api=f"{here}portal/", organisations=len(orgs))
            server.run(sockets=[bound])
        finally:
            asked.ask()
            listeners.stop()
            _end(sweeper, GRACE_S if stopping else None)
    if asked.died:
        raise GatewayError(f"the {asked.died} died; the log says of what. Start again: no work is lost")


def _end(sweeper: Sweeper, grace_s: float | None) -> None:
    """Wait for the turn under way; with a grace not for ever."""
    ending = threading.Thread(target=sweeper.stop, name="ending", daemon=True)
    ending.start()
    ending.join(grace_s)
    if ending.is_alive():
        log.warning("serve.left_work", grace_s=grace_s)
        os._exit(0)
