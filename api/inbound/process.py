"""The listeners in a process of their own: an answer never waits for what else ``serve`` does, such as mapping what came.

``serve`` starts ``python -m api.inbound`` and says on its standard input, in one line, what to listen for; back come, in lines, the
addresses and then the hints. "stop" ends it in peace. When the input ends without that word, ``serve`` was killed, and the listeners end
at once: what they hold in memory was not answered yet.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from api.inbound.lines import STOP, line
from api.opening import Installation
from gateway.clock import system_clock
from gateway.errors import Misconfigured
from gateway.jsonbytes import loads
from gateway.runtime import Gateway

PROGRAM: Final = (sys.executable, "-m", "api.inbound")
# More than the listeners themselves take to answer what was handed in.
GRACE_S: Final = 7.0

log = structlog.get_logger()


class ListenerProcess:
    """The listeners of an installation, seen from ``serve``. Hints go to ``gateway``; ``on_death`` is called when it ends unasked."""

    def __init__(self, installation: Installation, gateway: Gateway, on_death: Callable[[], None]) -> None:
        self._installation = installation
        self._gateway = gateway
        self._on_death = on_death
        self._process: subprocess.Popen[bytes] | None = None
        self._reader = threading.Thread(target=self._read, name="listener-hints")
        self._stopping = False
        self.addresses: dict[str, str] = {}

    def start(self) -> bool:
        """Start the process and return True when all listen. Without listeners nothing is started.

        Raises:
            Misconfigured: a listener can't be had.
        """
        if not any(one.listeners for one in self._installation.config.organisations):
            return False
        self._process = subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        self._say(line(self._wanted()))
        said = loads(self._heard() or b"{}")
        if "addresses" not in said:
            self.stop()
            raise Misconfigured(said.get("problem", "the listeners didn't start; the log says why"))
        self.addresses = said["addresses"]
        self._reader.start()
        for code, where in self.addresses.items():
            log.info("listener.listening", listener=code, address=where, process=self._process.pid)
        return True

    def stop(self) -> None:
        """Take nothing more in, answer what was handed in, end; after the grace without."""
        process, self._stopping = self._process, True
        if process is None:
            return
        self._say(STOP)
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            log.warning("listeners.killed", grace_s=GRACE_S)
            process.kill()
            process.wait()
        if self._reader.ident is not None:
            self._reader.join()
        for end in (process.stdin, process.stdout):
            if end is not None:
                with suppress(BrokenPipeError):  # what wasn't sent to a process that is gone
                    end.close()

    def _wanted(self) -> dict[str, Any]:
        one = self._installation
        moved = one.gateway.clock is not system_clock
        return {
            "dsn": one.dsn,
            "state": str(one.state),
            "config": one.config.model_dump_json(),
            "organisations": one.organisations,
            "clock": one.gateway.clock().isoformat() if moved else None,
        }

    def _say(self, said: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(said)
            self._process.stdin.flush()
        except BrokenPipeError:
            log.warning("listeners.gone")

    def _heard(self) -> bytes:
        return b"" if self._process is None or self._process.stdout is None else self._process.stdout.readline()

    def _read(self) -> None:
        """Hand on the hints until the process ends."""
        while hint := self._heard():
            org, source = hint.split()
            self._gateway.hint("map_batch", int(org), int(source))
        if not self._stopping:
            log.critical("listeners.died")
            self._on_death()
