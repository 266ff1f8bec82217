"""``python -m api.inbound``: the listeners, started by ``serve`` and told on standard input what to listen for (``process.py``)."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from api.inbound.lines import STOP, line
from api.inbound.listeners import Listeners
from gateway.clock import shifted_clock, system_clock
from gateway.config import Config
from gateway.database import Database
from gateway.errors import GatewayError
from gateway.jsonbytes import loads
from gateway.keys import load_or_create
from gateway.logs import configure
from gateway.runtime import Gateway, Task
from gateway.state import key_folder

EXIT_COULD_NOT_RUN, EXIT_ABANDONED = 3, 1


def main() -> int:
    """Listen until told to stop."""
    # A terminal's interrupt goes to both; the one that started us says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    configure()
    wanted = loads(sys.stdin.buffer.readline())
    clock = system_clock if wanted["clock"] is None else shifted_clock(datetime.fromisoformat(wanted["clock"]))
    with Database(wanted["dsn"], clock=clock, max_size=2) as database:
        rings = {org: load_or_create(key_folder(Path(wanted["state"])) / f"{code}.json") for code, org in _organisations(wanted)}
        gateway = Gateway(database=database, clock=clock, keys=rings.__getitem__, hint=_hint)
        try:
            listeners = Listeners(gateway, wanted["dsn"], _config(wanted), dict(_organisations(wanted)), on_death=_die)
            listeners.start()
        except GatewayError as error:
            _say(line({"problem": str(error)}))
            return EXIT_COULD_NOT_RUN
        _say(line({"addresses": listeners.addresses}))
        if sys.stdin.buffer.readline() != STOP:
            _die()
        listeners.stop()
    return 0


def _config(wanted: dict[str, Any]) -> Config:
    return Config.model_validate_json(wanted["config"])


def _organisations(wanted: dict[str, Any]) -> list[tuple[str, int]]:
    return list(wanted["organisations"].items())


def _hint(_task: Task, org: int, source: int) -> None:
    _say(f"{org} {source}\n".encode())


def _say(said: bytes) -> None:
    """Write to the process that started us; without it we end too."""
    try:
        sys.stdout.buffer.write(said)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _die()


def _die() -> None:
    """End at once, as a killed process does: what wasn't answered comes again."""
    os._exit(EXIT_ABANDONED)


if __name__ == "__main__":
    sys.exit(main())
