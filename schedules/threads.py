"""Tasks on threads: the embedded executor, in one process, without a broker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self


class Threads:
    """Runs a task for each id on a few threads. The first failure is raised after all have ended."""

    def __init__(self, workers: int = 4) -> None:
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="task")

    def __call__(self, task: Callable[[int], object], ids: Iterable[int], /) -> None:
        futures = [self._pool.submit(task, row) for row in ids]
        for future in futures:
            future.exception()
        for future in futures:
            future.result()

    def submit(self, task: Callable[[], object]) -> None:
        """Do a task when a thread is free; what becomes of it is nobody's concern here."""
        with suppress(RuntimeError):  # the pool is closing: the next sweep finds the work
            self._pool.submit(task)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
