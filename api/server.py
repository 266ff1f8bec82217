"""The long-running process: the sweeper on its threads, the sync page on loopback, one way to stop."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvicorn

from api.opening import Installation, open_installation
from api.ops.app import Pages
from api.ops.token import operator_token
from gateway.clock import shifted_clock, system_clock
from gateway.errors import GatewayError
from gateway.state import state_folder
from schedules.sweeper import Sweeper
from schedules.tasks import hinted
from schedules.threads import Threads

LOOPBACK = "127.0.0.1"

log = structlog.get_logger()


def listen(port: int) -> socket.socket:
    """Bind on loopback; the pages are for this machine until accounts exist."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((LOOPBACK, port))
    return bound


def pages_server(installation: Installation, token: str) -> uvicorn.Server:
    """Return the web server of the operations pages, not yet running."""
    pages = Pages(installation.gateway, installation.organisations, token)
    config = uvicorn.Config(pages.application(), log_level="warning", access_log=False, lifespan="off")
    return uvicorn.Server(config)


def run_server(config: Path | None, state: Path | None, *, port: int, clock_start: datetime | None) -> None:
    """Run until SIGINT or SIGTERM; the work under way is finished or left in the database, whole."""
    state = state or state_folder()
    clock = shifted_clock(clock_start.replace(tzinfo=UTC)) if clock_start else system_clock
    with open_installation(config, state=state, clock=clock) as installation, Threads() as each, listen(port) as bound:
        log.info("serve.listening", address=f"http://{LOOPBACK}:{bound.getsockname()[1]}/")
        sweep_and_serve(installation, each, bound, operator_token(state))


def sweep_and_serve(installation: Installation, each: Threads, bound: socket.socket, token: str) -> None:
    """Sweep on a thread and serve the pages, until a signal comes.

    Raises:
        GatewayError: the sweeper died; a process that only serves pages would look alive.
    """
    server = pages_server(installation, token)
    died = threading.Event()

    def on_death() -> None:
        died.set()
        server.should_exit = True

    gateway = hinted(installation.gateway, each.submit)
    sweeper = Sweeper(gateway, list(installation.organisations.values()), each, on_death)
    sweeper.start()
    try:
        server.run(sockets=[bound])
    finally:
        sweeper.stop()
    if died.is_set():
        raise GatewayError("the sweeper died; the log says of what. Start again: no work is lost")
