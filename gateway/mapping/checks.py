"""Checks over whole maps and over the set: what no row can see alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from gateway.mapping import expressions, r4, template
from gateway.mapping.findings import Finding
from gateway.mapping.rows import MapMade, RowMade
from gateway.mapping.tables import WIDTH, ClassRow


def check_map(made: MapMade) -> Iterator[Finding]:
    """Yield what is wrong with a map: rows that can't be reached, elements that are missing, secrets in keys."""
    yield from _unreachable(made)
    yield from _whole_after_part(made)
    yield from _required(made)
    secret = {one.path.text for one in made.rows if one.path and one.row.get("into") == "secrets"}
    for hole in (hole for part in made.key for hole in part.holes):
        # A converter reads a whole in which the secret is one of many things, and is trusted to leave it out or to hash it.
        if hole.path.text in secret and not hole.converter:
            yield made.text.fault(f"{hole.path.text} is a secret and can't be part of a key", "key")


def _unreachable(made: MapMade) -> Iterator[Finding]:
    settled: dict[tuple[str, ...], str] = {}
    for one in made.rows:
        if one.plan is None or one.multiple:
            continue
        if one.group in settled:
            yield one.row.fault(f"{one.row.get('to')} always has a value already, from row {settled[one.group]}")
        if "const" in one.row.content and not one.conditional:
            settled[one.group] = one.row.id


def _whole_after_part(made: MapMade) -> Iterator[Finding]:
    parts: dict[tuple[str, ...], str] = {}
    for one in made.rows:
        if one.target is None or one.multiple:
            continue
        if one.group in parts:
            yield one.row.fault(f"row {parts[one.group]} fills a part of this; put the row for the whole first")
        for length in range(1, len(one.group)):
            parts.setdefault(one.group[:length], one.row.id)


def _required(made: MapMade) -> Iterator[Finding]:
    """Yield elements that R4 requires and no row fills, in the resource and in every element that rows build up."""
    present: dict[tuple[str, ...], tuple[str, set[str]]] = {(): (made.text.type, set())}
    whole: set[tuple[str, ...]] = set()
    for one in made.rows:
        if one.target is None:
            continue
        at: tuple[str, ...] = ()
        for number, segment in enumerate(one.target.segments):
            present[at][1].add(segment.found.element.path)
            # Each value of an appending row makes an element of its own, so such rows don't complete one another.
            own = f"#{one.row.id}" if segment.how == "append" else ""
            at = (*at, segment.identity + own)
            if number == len(one.target.segments) - 1:
                whole.add(at)
            else:
                known = present.setdefault(at, (segment.found.context, set()))
                known[1].update({"Extension.url"} if segment.found.type == "Extension" else ())
    for at, (context, names) in present.items():
        if at in whole:
            continue
        for element in r4.required(context):
            if element.path not in names:
                yield made.text.fault(f"no row fills {element.path}, which R4 requires{' in ' + '.'.join(at) if at else ''}")


def check_set(maps: list[MapMade], classes: Mapping[str, ClassRow] | None) -> Iterator[Finding]:
    """Yield what is wrong between maps: names, keys, references and audiences."""
    yield from _names(maps)
    yield from _same_key(maps)
    for made in maps:
        for one in made.rows:
            yield from _reference(made, one, maps)
    if classes is not None:
        yield from _classes(maps, classes)
        yield from _audiences(maps, classes)


def _names(maps: list[MapMade]) -> Iterator[Finding]:
    systems = {made.text.system for made in maps}
    seen: dict[str, str] = {}
    for made in maps:
        if len(systems) > 1:
            yield made.text.fault(f"a set is for one system, here are {', '.join(sorted(systems))}")
        if made.text.at and seen.setdefault(made.text.at, made.text.name) != made.text.name:
            yield made.text.fault(f"{seen[made.text.at]} is called @{made.text.at} too")


def _same_key(maps: list[MapMade]) -> Iterator[Finding]:
    for one, other in combinations(maps, 2):
        same = (one.text.kind, one.text.type) == (other.text.kind, other.text.type) and one.key == other.key
        where = (one.text.key("foreach"), other.text.key("foreach"))
        if same and where[0] == where[1] and not expressions.disjoint(one.selector, other.selector):
            yield other.text.fault(f"{one.text.name} makes the same type and key, maybe of the same record", "key")


def _meant(one: RowMade, maps: Iterable[MapMade]) -> list[MapMade]:
    """Return the maps whose resources a row refers to."""
    if one.at:
        return [made for made in maps if made.text.at == one.at]
    if one.key is None:
        return []
    shape = template.shape(one.key)
    return [made for made in maps if made.text.type == one.key_type and template.shape(made.key) == shape]


def _reference(made: MapMade, one: RowMade, maps: list[MapMade]) -> Iterator[Finding]:
    if not (one.at or one.key):
        return
    meant = _meant(one, maps)
    if one.at and not any(to.text.kind == made.text.kind for to in meant):
        yield one.row.fault(f"no map of this kind of record is called @{one.at}")
    if one.key and not meant and not one.external:
        yield one.row.fault(f"no map of the set makes a {one.key_type} with a key like this")
    targets = one.target.leaf.element.targets if one.target else ("Patient",)
    for type_ in {to.text.type for to in meant} | ({one.key_type} if one.key else set()):
        if targets and type_ not in targets and "Resource" not in targets:
            yield one.row.fault(f"{one.row.get('to')} can't refer to {type_}")


def class_keys(made: MapMade, classes: Mapping[str, ClassRow]) -> frozenset[str]:
    """Return the listed class keys that a map can give, as far as its selector shows."""
    pinned = expressions.constants(made.selector)
    pieces = []
    for piece in made.class_.pieces:
        if piece is None or isinstance(piece, str):
            pieces.append(re.escape(piece or ""))
        else:
            outer = piece.path.text.lstrip("^").removeprefix(".") if made.depth else piece.path.text
            values = pinned.get(outer)
            pieces.append("(?:" + "|".join(map(re.escape, sorted(values))) + ")" if values else ".*")
    pattern = re.compile("".join(pieces))
    return frozenset(key for key in classes if pattern.fullmatch(key))


def _classes(maps: list[MapMade], classes: Mapping[str, ClassRow]) -> Iterator[Finding]:
    for made in maps:
        if not made.class_.paths and not class_keys(made, classes):
            yield made.text.fault(f"the class map doesn't know {made.text.key('class')!r}", "class")


def links(maps: list[MapMade], classes: Mapping[str, ClassRow]) -> dict[str, frozenset[str]]:
    """Return, for each class key, the class keys that its resources may refer to."""
    found: dict[str, set[str]] = {}
    for made in maps:
        reached = {key for one in made.rows for to in _meant(one, maps) for key in class_keys(to, classes)}
        for key in class_keys(made, classes):
            found.setdefault(key, set()).update(reached)
    return {key: frozenset(some) for key, some in sorted(found.items())}


def _width(key: str, classes: Mapping[str, ClassRow]) -> int:
    return WIDTH.get(classes[key].audience, max(WIDTH.values()))


def _audiences(maps: list[MapMade], classes: Mapping[str, ClassRow]) -> Iterator[Finding]:
    """Yield references from a wider to a narrower audience. An empty audience (directory, profile) counts as the widest."""
    for made in maps:
        for one in made.rows:
            for to in _meant(one, maps):
                for mine in sorted(class_keys(made, classes)):
                    narrow = [k for k in sorted(class_keys(to, classes)) if _width(k, classes) < _width(mine, classes)]
                    if narrow:
                        yield one.row.fault(f"class {mine} is for a wider audience than {narrow[0]}, to which this refers")
