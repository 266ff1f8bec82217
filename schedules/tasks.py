"""The four tasks: plain functions taking ids. Threads run them here; a broker may carry the same ids to other processes.

A hint only saves waiting: one that is lost, or whose task fails, is made up for by the next sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.ledger import disclose_client
from gateway.outbox import deliver_lane
from gateway.reading import pull_slice
from gateway.runtime import Gateway, Task
from gateway.translate import map_batch

TASKS: Final[dict[Task, Callable[[Gateway, int, int], object]]] = {
    "pull_slice": pull_slice,
    "map_batch": map_batch,
    "disclose_client": disclose_client,
    "deliver_lane": deliver_lane,
}


def hinted(gateway: Gateway, submit: Callable[[Callable[[], object]], None]) -> Gateway:
    """Return the gateway with hints that are acted on: each becomes a task for ``submit``."""

    def hint(task: Task, org: int, row: int) -> None:
        submit(lambda: TASKS[task](acting, org, row))

    acting = replace(gateway, hint=hint)
    return acting
