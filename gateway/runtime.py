"""What every step of the flow is handed: the database, the time, the keys, the neighbours and a way to give hints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Literal

from gateway.clock import Clock
from gateway.database import Database
from gateway.errors import Misconfigured
from gateway.keys import KeyRing

Task = Literal["pull_slice", "map_batch", "disclose_client", "deliver_lane"]
Hint = Callable[[Task, int, int], None]


def no_hint(task: Task, org: int, row: int) -> None:
    """Tell nobody: the sweeper finds the work."""


def unheard(change: object) -> None:
    """Take no note of it: what a change of rights set in motion is in the rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One process's view of the world. ``hint(task, org, id)`` is called after commits and may be lost: it only saves waiting.

    ``decided`` hears of each ``ledger.Change`` of rights within its transaction: how a simulation knows what it would do.
    """

    database: Database
    clock: Clock
    keys: Callable[[int], KeyRing]
    hint: Hint = no_hint
    decided: Callable[[Any], None] = unheard


def connector(name: str) -> Any:
    """Find a connector by its entry point ``zorgsluis.connectors``: a new neighbour is a new file and a name, no edit here.

    Raises:
        Misconfigured: no installed distribution brings a connector of that name.
    """
    found = entry_points(group="zorgsluis.connectors", name=name)
    for point in found:
        return point.load()
    known = ", ".join(sorted(point.name for point in entry_points(group="zorgsluis.connectors")))
    raise Misconfigured(f"no connector is called {name!r}; installed are: {known}")
