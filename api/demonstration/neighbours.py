"""The sample ECD and the sample portal as what they are: other people's processes, spoken to over sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx2

from gateway.errors import Misconfigured

START_S: Final = 120.0
STOP_S: Final = 10.0
POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A sample that runs. ``admin`` calls its sample-only interface, which no real neighbour has."""

    name: str
    base_url: str
    process: subprocess.Popen[bytes]

    def admin(self, path: str, body: Any = None) -> Any:
        """POST to (or, without a body, GET from) ``/_sample/{path}`` and return the JSON answer."""
        with httpx2.Client(base_url=self.base_url, timeout=60) as http:
            response = http.get(f"/_sample/{path}") if body is None else http.post(f"/_sample/{path}", json=body)
        response.raise_for_status()
        return response.json() if response.content else None


@contextmanager
def started(name: str, module: str, arguments: list[str], folder: Path) -> Iterator[Neighbour]:
    """Run ``python -m module serve …`` until the block ends, or until this process does: killed, it takes its neighbours with it.

    What they write is for this user alone.

    Raises:
        Misconfigured: it did not come up; the text names its log.
    """
    ready, log = folder / f"{name}.ready", folder / f"{name}.log"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", module, "serve", *arguments, "--port", "0", "--ready", str(ready), "--lifeline"]
    with private(log) as output:
        process = subprocess.Popen(  # noqa: S603 our own samples
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.PIPE, umask=0o077
        )
    try:
        port = _await_port(name, process, ready, log)
        yield Neighbour(name=name, base_url=f"http://127.0.0.1:{port}", process=process)
    finally:
        _end(process)


def private(path: Path) -> BinaryIO:
    """Open a file anew that only this user may read."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _await_port(name: str, process: subprocess.Popen[bytes], ready: Path, log: Path) -> int:
    pause = threading.Event()
    for _ in range(int(START_S / POLL_S)):
        if ready.exists():
            return int(json.loads(ready.read_text())["port"])
        if process.poll() is not None:
            break
        pause.wait(POLL_S)
    raise Misconfigured(f"the sample {name} did not start; its output is in {log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    if process.stdin is not None:
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
        return
    process.kill()
    process.wait()
