"""What a stage costs: wall time, CPU time of this process and of the database server, in seconds."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
UTIME, STIME, CUTIME, CSTIME = 13, 14, 15, 16


@dataclass(slots=True)
class Meter:
    """Stages by name. ``server`` is the database's main process, ``None`` when it isn't on this machine."""

    server: int | None
    stages: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens in the block."""
        wall, own, database = time.perf_counter(), time.process_time(), self._server_cpu()
        yield
        self.stages[name] = {
            "wall_s": round(time.perf_counter() - wall, 3),
            "gateway_cpu_s": round(time.process_time() - own, 3),
            "database_cpu_s": round(self._server_cpu() - database, 3),
        }

    def _server_cpu(self) -> float:
        """Return the CPU seconds of the server: its main process, its living children and those that ended."""
        if self.server is None:
            return 0.0
        return _cpu(self.server, ended=True) + sum(_cpu(child, ended=False) for child in _children(self.server))


def peak_memory_mb() -> float:
    """Return the largest resident size that this process has had."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _cpu(pid: int, *, ended: bool) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # The text behind the name starts at field 3 of proc(5).
    columns = (UTIME, STIME, CUTIME, CSTIME) if ended else (UTIME, STIME)
    return sum(int(fields[column - 2]) for column in columns) / TICKS


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
