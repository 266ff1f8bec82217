"""Maps whose resource hangs on the text of an item alone: who a professional is, what a place is called.

Such a resource is the same in every message of a source that names it so, and is remembered (``memory``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.mapping import expressions
from gateway.mapping.convert import Converter, named
from gateway.mapping.dialect import SourcePath
from gateway.mapping.expressions import Expression, Joined, Not
from gateway.mapping.rows import MapMade, RowMade


def item_alone(made: MapMade, converters: Mapping[str, Converter]) -> tuple[tuple[str, int], ...]:
    """Return the fields whose texts are the items of a map that reads nothing else; none for any other map.

    By its key the map says what its items are: when the converters of that remember, the text is not about a client.
    """
    places = made.foreach.places() if made.foreach is not None else ()
    keyed = [hole.converter for part in made.key for hole in part.holes]
    kept = bool(keyed) and all(name and named(converters[name]).remembered for name in keyed)
    if not places or not kept or made.selector is not None or made.text.at is not None or made.text.key("write") != "ensure":
        return ()
    return places if all(path.own for path in _paths(made)) and all(map(_pure, made.rows)) and _answers(made, converters) else ()


def _paths(made: MapMade) -> Iterator[SourcePath]:
    """Yield every path that is read for an item."""
    for part in (*made.key, made.class_, *(part for row in made.rows for part in row.key or ())):
        yield from part.paths
    yield from (path for row in made.rows for path in (row.path, row.unit) if path is not None)
    for condition in _conditions(made):
        yield from _asked(condition)


def _conditions(made: MapMade) -> Iterator[Expression | None]:
    yield made.foreach.asks() if made.foreach is not None else None
    for row in made.rows:
        yield from row.condition


def _asked(condition: Expression | None) -> Iterator[SourcePath]:
    if isinstance(condition, Joined):
        for part in condition.parts:
            yield from _asked(part)
    elif isinstance(condition, Not):
        yield from _asked(condition.one)
    elif condition is not None:
        yield condition.path


def _pure(row: RowMade) -> bool:
    """Whether a row makes the same of the same text: of no other resource of the record, and by a converter that looks at nothing else.

    A label is for all of the record to heed, so it is given anew each time.
    """
    return (
        row.plan is not None
        and not row.at
        and (row.key is not None or row.path is None or row.alone or row.sourced or row.remembers)
    )


def _answers(made: MapMade, converters: Mapping[str, Converter]) -> bool:
    names = [name for condition in _conditions(made) for name in expressions.converters(condition)]
    names += [hole.converter for row in made.rows for part in row.key or () for hole in part.holes if hole.converter]
    return all(named(converters[name]).remembered for name in names)
