"""Writes where a row's value goes: the steps to its place in the body, and the note of where it came from.

What has to be looked at first (remarks, several values at once, values that other rows add to) goes through ``fill.put``.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.mapping.fill import NEW, Place, RowPlan
from gateway.mapping.writer import Writer


def places_itself(plan: RowPlan) -> bool:
    """Whether generated lines can put a value of this row in its place as it is: nobody adds to it, and no label means it."""
    return places_new(plan) and not plan.shared


def places_new(plan: RowPlan) -> bool:
    """Whether generated lines that note nothing can put a new value of this row in its place."""
    return bool(plan.places) and plan.places[-1].label in ("", NEW)


def fixed(plan: RowPlan) -> bool:
    """Whether the value stands at the same path in every resource."""
    return all(not place.label for place in plan.places)


def nested(plan: RowPlan, value: str) -> str:
    """Return the Python of what stands in the body under the first name of a row's path, when nothing else of it is filled."""
    for number in range(len(plan.places) - 1, -1, -1):
        place = plan.places[number]
        if place.label:
            value = f"[{value}]"
        if number:
            outer = plan.places[number - 1]
            url = f"'url': {outer.label!r}, " if outer.url else ""
            value = f"{{{url}{place.name!r}: {value}}}"
    return value


@dataclass(slots=True)
class Spot:
    """Where the lines so far lead to: the variable of an element, and the Python of its path (empty: the path is ``known``)."""

    node: str = "body"
    known: str = ""
    path: str = ""

    def below(self, name: str) -> str:
        """Return the Python of the path of an element below this one."""
        if not self.path:
            return repr(f"{self.known}.{name}" if self.known else name)
        return f"{self.path} + {'.' + name!r}"


def write_place(write: Writer, plan: RowPlan, row: str, value: str, note: str, *done: str, sole: bool = False) -> None:
    """Write the lines that put ``value`` in its place and note it; ``note`` is the Python of value, place, parts and origin.

    ``done`` are the lines for when it stands there; ``sole``: no other row could have put something there.
    """
    depth = write.depth
    spot = Spot()
    for number, place in enumerate(plan.places[:-1]):
        node = f"e{number}"
        spot = (
            _labelled(write, spot, place, node, f"{row}.places[{number}]") if place.label else _single(write, spot, place, node)
        )
    last = plan.places[-1]
    path = _appended(write, spot, last, value) if last.label else _set(write, spot, last, value, sole=sole)
    if write.noting:
        write(f"trail.append(({row}, {path}, {note}))")
    for line in done:
        write(line)
    write.depth = depth


def _single(write: Writer, spot: Spot, place: Place, node: str) -> Spot:
    write(f"{node} = {spot.node}.get({place.name!r})")
    write(f"if {node} is None: {node} = {spot.node}[{place.name!r}] = {{}}")
    if spot.path:
        return Spot(node, "", spot.below(place.name))
    return Spot(node, f"{spot.known}.{place.name}" if spot.known else place.name)


def _labelled(write: Writer, spot: Spot, place: Place, node: str, step: str) -> Spot:
    path = spot.below(place.name)
    made = f"element(draft, {step.partition('.')[0]}, {spot.node}, {path}, {step})"
    known = "" if place.label == NEW else f"slots.get(({path}, {place.label!r})) or "
    write(f"{node}, p = {known}{made}")
    return Spot(node, "", "p")


def _set(write: Writer, spot: Spot, place: Place, value: str, *, sole: bool) -> str:
    if not sole:
        taken = f"{place.name!r} not in body" if spot.node == "body" else f"{spot.node}.get({place.name!r}, '') == ''"
        write(f"if {taken}:")
        write.depth += 1
    write(f"{spot.node}[{place.name!r}] = {value}")
    return spot.below(place.name)


def _appended(write: Writer, spot: Spot, place: Place, value: str) -> str:
    """Return the number in the list, which is all of the path that isn't known; or the path."""
    write(f"a = {spot.node}.get({place.name!r})")
    write(f"if not a: a = {spot.node}[{place.name!r}] = []")
    write(f"a.append({value})")
    return "len(a) - 1" if not spot.path else f"{spot.path} + f'.{place.name}[{{len(a) - 1}}]'"
