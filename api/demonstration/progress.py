"""Progress: bars on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gateway.flow import Progress as Told

UNITS: Final = {"read": "slices", "map": "records", "disclose": "clients", "deliver": "lanes (portal, client)"}


def progress() -> Told:
    """Return what is told about progress, fit for where the output goes."""
    return _Bars() if sys.stdout.isatty() else _Lines()


class _Bars:
    def __init__(self) -> None:
        columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        if stage not in self._tasks or stage == "read":
            self._bars.start()
        task = self._tasks.setdefault(stage, self._bars.add_task(stage)) if stage not in self._tasks else self._tasks[stage]
        self._bars.update(task, completed=done, total=total)
        if stage == "deliver" and done >= total:
            self._bars.stop()
            self._tasks.clear()


class _Lines:
    def __call__(self, stage: str, done: int, total: int, /) -> None:
        if done >= total and stage != "read":
            sys.stdout.write(f"  {stage}: {done} {UNITS[stage]}\n")
