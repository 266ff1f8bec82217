"""What is seen of rows before they are written: which remember, which share a context or an element, and which fill one alone."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.mapping.convert import Converter, RowFacts, named
from gateway.mapping.dialect import Dialect
from gateway.mapping.fill import NEW
from gateway.mapping.generate_place import places_itself
from gateway.mapping.rows import MapMade, RowMade
from gateway.mapping.writer import holes


def number_slots(made: MapMade, dialect: Dialect, converters: Mapping[str, Converter], slots: list[RowFacts | None]) -> None:
    """Give each row that remembers, or whose context serves all records of a source, its slot."""
    for one in made.rows if dialect.remembers else ():
        plan = one.plan
        if plan is None:
            continue
        keeps = places_itself(plan) and plan.kinds[0] in (dict, str)
        keeps = keeps and (_one_text(one, made.depth, converters) if one.key else one.remembers)
        if keeps or one.sourced:
            one.slot = len(slots)
            slots.append(None if keeps else plan.facts)


def _one_text(one: RowMade, depth: int, converters: Mapping[str, Converter]) -> bool:
    """Whether the key of a reference hangs on one text alone, by a converter whose answers may be kept."""
    found = holes(one.key or [])
    if len(found) != 1 or one.path is not None or one.target is None or not found[0].converter:
        return False
    emitted = found[0].path.emit(depth)
    return bool(emitted.field and emitted.node) and not emitted.component and named(converters[found[0].converter]).remembered


def asks_much(one: RowMade) -> bool:
    """Whether a row's converter gets the context that all such rows of a resource share: it may ask for the record, not for a unit."""
    return (
        one.plan is not None and one.path is not None and one.key is None and not one.alone and one.slot < 0 and one.unit is None
    )


def lone(made: MapMade, one: RowMade) -> bool:
    """Whether a row alone fills what stands in the body under the first name of its path."""
    first_names = [row.plan.places[0].name for row in made.rows if row.plan is not None and row.plan.places]
    return one.plan is not None and bool(one.plan.places) and first_names.count(one.plan.places[0].name) == 1


def begins(made: MapMade, one: RowMade, number: int) -> bool:
    """Whether nothing stands yet under the first name of a row's path, and no later row looks for what it puts there by a label."""
    if one.plan is None or not one.plan.places:
        return False
    name = one.plan.places[0].name
    earlier = any(row.plan is not None and row.plan.places and row.plan.places[0].name == name for row in made.rows[:number])
    return not earlier and (lone(made, one) or all(place.label in ("", NEW) for place in one.plan.places))


def sole(made: MapMade, one: RowMade) -> bool:
    """Whether no other row puts anything where a row does, around it, or into it."""
    others = [row.group for row in made.rows if row is not one and row.target is not None]
    size = len(one.group)
    return one.target is not None and not any(group[:size] == one.group or one.group[: len(group)] == group for group in others)


def groups_of(made: MapMade) -> dict[int, int]:
    """Return for each row the number of the flag that says whether its element is filled."""
    first: dict[tuple[str, ...], int] = {}
    return {
        number: number if one.multiple else first.setdefault(one.group, number)
        for number, one in enumerate(made.rows)
        if one.plan is not None
    }


def asked_for(made: MapMade, groups: dict[int, int]) -> set[int]:
    """Return the flags that something asks for."""
    later = {group for number, group in groups.items() if group != number}
    return later | {groups[number] for number, one in enumerate(made.rows) if one.required}
