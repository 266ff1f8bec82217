"""Tasks on threads: the embedded executor, in one process, without a broker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Self

import psycopg
import structlog

from gateway.errors import GatewayError

log = structlog.get_logger()


class Threads:
    """Runs a task for each id on a few threads. What fails at a neighbour or in the database fails for its own id alone."""

    def __init__(self, workers: int = 4) -> None:
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="task")

    def __call__(self, task: Callable[[int], object], ids: Iterable[int], /) -> set[int]:
        """Do all and return the ids that failed. Anything else than a failure we know is raised, after all have ended."""
        futures = {row: self._pool.submit(task, row) for row in ids}
        wait(futures.values())
        return {row for row, future in futures.items() if _failed(row, future)}

    def submit(self, task: Callable[[], object]) -> None:
        """Do a task when a thread is free; what becomes of it is nobody's concern here."""
        with suppress(RuntimeError):  # the pool is closing: the next sweep finds the work
            self._pool.submit(task)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()


def _failed(row: int, future: Future[object]) -> bool:
    try:
        future.result()
    except (GatewayError, psycopg.Error) as error:
        log.warning("task.failed", id=row, error=type(error).__name__)
        return True
    return False
