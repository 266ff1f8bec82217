"""Vesta, the vendor that pushes HL7 v2 by MLLP while the first sync runs: other people's process, spoken to over a socket."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from api.demonstration.neighbours import private
from api.demonstration.setup import Files
from gateway.errors import TransientError

MODULE: Final = "samples.vendor"
# As long as telling everything may take on a slow machine.
TOLD_S: Final = 600


@dataclass(slots=True, kw_only=True)
class Vendor:
    """The vendor with what it is told to tell: ``size`` are its options for how much there is."""

    files: Files
    size: list[str]
    process: subprocess.Popen[bytes] | None = None

    def announce(self) -> None:
        """Write who is linked and what each member may hold, as the vendor says it, before a message is sent."""
        self._run("generate", "--truth", str(self.files.vendor_truth), "--links", str(self.files.vendor_links)).wait()

    def begin(self, address: str) -> None:
        """Start to tell everything to the listener at ``host:port``."""
        host, _, port = address.rpartition(":")
        self.process = self._run("push", "--host", host, "--port", port, "--done", str(self.files.vendor_done))

    def finished(self) -> dict[str, Any]:
        """Wait until everything was told and answered; return the figures.

        Raises:
            TransientError: a message was refused, or not answered.
        """
        if self.process is None or self.process.wait(TOLD_S) != 0:
            raise TransientError(f"the vendor could not tell everything; see {self.files.vendor_log}")
        found: dict[str, Any] = json.loads(self.files.vendor_done.read_text())
        return found

    def end(self) -> None:
        """End it, if it still tells."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def _run(self, command: str, *options: str) -> subprocess.Popen[bytes]:
        with private(self.files.vendor_log) as output:
            return subprocess.Popen(  # noqa: S603 our own sample
                [sys.executable, "-m", MODULE, command, *self.size, *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                umask=0o077,
            )


@contextmanager
def vendor(files: Files, *, clients: int, days: int, seed: int, today: str) -> Iterator[Vendor]:
    """Yield the vendor, its links and truth written; what it still tells ends with the block."""
    size = ["--clients", str(clients), "--days", str(days), "--seed", str(seed), "--today", today]
    one = Vendor(files=files, size=size)
    one.announce()
    try:
        yield one
    finally:
        one.end()
