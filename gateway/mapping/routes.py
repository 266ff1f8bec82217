"""Which maps a record goes through: those whose event it is, and of these those that it has a part for.

A set may hold dozens of maps for one kind of message; a message has parts for a few. Asking each of them would cost more than mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.mapping.dialect import Dialect, Pin

if TYPE_CHECKING:
    from gateway.mapping.engine import MapPlan

Key = tuple[str, int, int]
# So many events and shapes of records are remembered: more than there are, and a bound for whoever makes them up.
KEPT: Final = 512


@dataclass(frozen=True, slots=True)
class Route:
    """The maps of one event. ``open`` are asked by name of their part alone, ``pinned`` by a value at a place of it; by their number.

    ``named`` are the names of maps to whose resources rows of others refer. ``shapes`` keeps the open ones for the parts that records
    have, ``known`` all of them for those and the values.
    """

    plans: tuple[MapPlan, ...]
    open: tuple[tuple[int, Pin | None], ...]
    pinned: Mapping[Key, Mapping[str, tuple[int, ...]]]
    named: frozenset[str] = frozenset()
    shapes: dict[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    known: dict[tuple[Any, ...], list[MapPlan]] = field(default_factory=dict)

    def choose(self, dialect: Dialect, node: Any) -> list[MapPlan]:
        """Return the maps that a record has a part for, in the order of the set."""
        shape = dialect.shape(node)
        chosen = self.shapes.get(shape)
        if chosen is None:
            chosen = tuple(number for number, pin in self.open if pin is None or not set(pin.names).isdisjoint(shape))
            if len(self.shapes) < KEPT:
                self.shapes[shape] = chosen
        more = [number for key, by in self.pinned.items() for value in dialect.index(node, key) for number in by.get(value, ())]
        both = (shape, *more)
        plans = self.known.get(both)
        if plans is None:
            plans = [self.plans[number] for number in sorted({*chosen, *more})]
            if len(self.known) < KEPT:
                self.known[both] = plans
        return plans


@dataclass(frozen=True, slots=True)
class Routes:
    """The maps of a kind of record, and the routes through them so far."""

    plans: tuple[MapPlan, ...]
    known: dict[str, Route] = field(default_factory=dict)

    def route(self, event: str) -> Route:
        """Return the route of an event, worked out once."""
        found = self.known.get(event)
        if found is None:
            plans = tuple(plan for plan in self.plans if plan.events is None or event in plan.events)
            found = _route(plans)
            if len(self.known) < KEPT:
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
    named = frozenset(name for plan in plans for name in plan.named)
    return Route(
        plans, tuple(open_), {key: {value: tuple(some) for value, some in by.items()} for key, by in pinned.items()}, named
    )
