"""Processes that die and a portal that misbehaves, at random moments, while everything else goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.kills.stage import Stage, environment
from tests.soak.check import Span

FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "503", "times": 3},
    {"kind": "429", "times": 3, "retry_after": 1},
    {"kind": "reset-after-write", "times": 3},
    {"kind": "slow", "times": 3, "seconds": 0.5},
)


@dataclass(kw_only=True)
class Disturbance:
    """Keeps ``serve`` and the portal running, and kills them. ``offset`` is how far the gateway's clock is ahead of the machine's."""

    stage: Stage
    offset: timedelta
    chance: random.Random
    every_s: float
    kills: dict[str, int] = field(default_factory=lambda: {"serve": 0, "portal": 0, "fault": 0})
    outages: list[Span] = field(default_factory=list)
    _serve: subprocess.Popen[bytes] | None = None
    _portal: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the end of the block."""
        self._serve = self._start_serve()
        try:
            yield
        finally:
            for process in (self._serve, self._portal):
                if process is not None:
                    process.terminate()
                    process.wait(60)

    def go_on(self, stop: threading.Event) -> None:
        """Disturb until the event is set; what was killed is started again at once."""
        while not stop.wait(self.every_s * self.chance.uniform(0.5, 1.5)):
            self.chance.choice(
                (self.kill_serve, self.kill_serve, self.kill_serve, self.misbehave, self.misbehave, self.kill_portal)
            )()

    def enough(self) -> bool:
        """Tell whether it was a disturbance at all: however fast the machine, processes died and a portal failed."""
        return self.kills["serve"] > 1 and self.kills["portal"] + self.kills["fault"] > 1

    def kill_serve(self) -> None:
        """Kill the gateway with what it has in hand."""
        if self._serve is None:
            return
        os.kill(self._serve.pid, signal.SIGKILL)
        self._serve.wait()
        self.kills["serve"] += 1
        self._serve = self._start_serve()

    def kill_portal(self) -> None:
        """Kill the portal; it comes back at its address with what it had written down."""
        process, begin = self._portal or self.stage.portal.process, time.time()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.kills["portal"] += 1
        self._portal = self._start_portal()
        self.outages.append(Span(begin, time.time()))

    def misbehave(self) -> None:
        """Let the portal fail in one of its ways, some times."""
        self.stage.fault(**self.chance.choice(FAULTS))
        self.kills["fault"] += 1

    def behave(self) -> None:
        """Clear what faults are left; a portal that was killed has none."""
        self.stage.portal.admin("faults", {"kind": "slow", "times": 1, "seconds": 0})

    def _start_serve(self) -> subprocess.Popen[bytes]:
        clock = (datetime.now(UTC) + self.offset).strftime("%Y-%m-%dT%H:%M:%S")
        return self._start(self.stage.command("serve", "--port", "0", "--clock", clock), "serve.log", environment())

    def _start_portal(self) -> subprocess.Popen[bytes]:
        files, ready = self.stage.files, self.stage.files.folder / "portal-again.ready"
        ready.unlink(missing_ok=True)
        port = self.stage.portal.base_url.rpartition(":")[2]
        where = ["--port", port, "--ready", str(ready)]
        store = ["--store", str(files.portal_store), "--gateway-jwks", str(files.jwks)]
        process = self._start([sys.executable, "-m", "samples.portal", "serve", *store, *where], "portal-again.log", None)
        _await(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, "the portal did not come back"
        return process

    def _start(self, command: list[str], log: str, env: dict[str, str] | None) -> subprocess.Popen[bytes]:
        with (self.stage.files.folder / log).open("ab") as output:
            return subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=Path(__file__).parents[2]
            )


def _await(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not condition():
        pause.wait(0.05)
