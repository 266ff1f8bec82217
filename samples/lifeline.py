"""A sample that belongs to another process ends with it, however that process ends: the pipe on its standard input closes."""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

STDIN: Final = 0
PIECE_BYTES: Final = 4096


def end_with_standard_input() -> None:
    """Watch standard input on a thread; at its end this process is told to stop."""
    threading.Thread(target=_watch, name="lifeline", daemon=True).start()


def _watch() -> None:
    while os.read(STDIN, PIECE_BYTES):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
