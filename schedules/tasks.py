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
    """Return the gateway with hints that are acted on: each becomes a task for ``submit``, unless the same is still to begin."""
    to_begin: set[tuple[Task, int, int]] = set()

    def hint(task: Task, org: int, row: int) -> None:
        wanted = task, org, row
        if wanted not in to_begin:
            to_begin.add(wanted)
            submit(lambda: begin(wanted))

    def begin(wanted: tuple[Task, int, int]) -> object:
        # Before it looks: what comes from now on needs another look.
        to_begin.discard(wanted)
        task, org, row = wanted
        return TASKS[task](acting, org, row)

    acting = replace(gateway, hint=hint)
    return acting
