"""Which maps a record goes through: those whose event it is, and of these those that it has a part for.

A set may hold dozens of maps for one kind of message; a message has parts for a few. Asking each of them would cost more than mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.mapping.dialect import Dialect, Pin

if TYPE_CHECKING:
    from gateway.mapping.engine import MapPlan

Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Route:
    """The maps of one event. ``open`` are asked by name of their part alone, ``pinned`` by a value at a place of it; by their number."""

    plans: tuple[MapPlan, ...]
    open: tuple[tuple[int, Pin | None], ...]
    pinned: Mapping[Key, Mapping[str, tuple[int, ...]]]

    def choose(self, dialect: Dialect, node: Any) -> list[MapPlan]:
        """Return the maps that a record has a part for, in the order of the set."""
        chosen = {number for number, pin in self.open if pin is None or dialect.holds(node, pin.names)}
        for key, by_value in self.pinned.items():
            for value in dialect.index(node, key):
                chosen.update(by_value.get(value, ()))
        return [self.plans[number] for number in sorted(chosen)]


@dataclass(frozen=True, slots=True)
class Routes:
    """The maps of a kind of record, and the routes through them so far."""

    plans: tuple[MapPlan, ...]
    known: dict[str, Route] = field(default_factory=dict)

    def route(self, event: str) -> Route:
        """Return the route of an event, worked out once; unheard-of ones aren't kept, so that nobody fills the memory with them."""
        found = self.known.get(event)
        if found is None:
            plans = tuple(plan for plan in self.plans if plan.events is None or event in plan.events)
            found = _route(plans)
            if any(plan.events and event in plan.events for plan in plans) or not event:
                self.known[event] = found
        return found


def _route(plans: tuple[MapPlan, ...]) -> Route:
    pinned: dict[Key, dict[str, list[int]]] = {}
    open_: list[tuple[int, Pin | None]] = []
    for number, plan in enumerate(plans):
        if plan.pin is None or plan.pin.key is None:
            open_.append((number, plan.pin))
            continue
        for value in plan.pin.values:
            pinned.setdefault(plan.pin.key, {}).setdefault(value, []).append(number)
    return Route(plans, tuple(open_), {key: {value: tuple(some) for value, some in by.items()} for key, by in pinned.items()})
