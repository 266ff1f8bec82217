"""The real ``zorgsluis serve`` with a listener, in processes of its own, over a database of ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BOUND_S = 120.0


def command(config: Path, state: Path, *arguments: str) -> list[str]:
    """The real command line."""
    return [sys.executable, "-m", "api.cli", "--config", str(config), "--state", str(state), *arguments]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """A running ``serve``: its process, that of its listeners, and where they listen."""

    process: subprocess.Popen[str]
    listeners: int
    address: str

    def kill(self, *, listeners: bool) -> None:
        """Kill one of the two; the other ends by itself."""
        os.kill(self.listeners if listeners else self.process.pid, signal.SIGKILL)

    def ended(self) -> bool:
        """Whether it has ended, and not in peace."""
        return self.process.wait(BOUND_S) != 0


@contextmanager
def serving(config: Path, state: Path, dsn: str, crash: str = "") -> Iterator[Serve]:
    """Run ``serve`` until it is killed."""
    program = command(config, state, "serve", "--port", "0")
    environment = {**os.environ, "DATABASE_URL": dsn, "ZORGSLUIS_CRASH": crash}
    with subprocess.Popen(program, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        bound = threading.Timer(BOUND_S, process.kill)
        bound.start()
        try:
            found = next((line for line in process.stderr if '"listener.listening"' in line), None)
            assert found, "serve ended before it listened"
            said = json.loads(found)
            rest = threading.Thread(target=process.stderr.read)
            rest.start()
            yield Serve(process=process, listeners=said["process"], address=said["address"])
        finally:
            process.kill()
            process.wait()
            rest.join()
            bound.cancel()
