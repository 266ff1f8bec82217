"""Places in a message of HL7 v2: what part of which segment a value came from, as people write it and as a range of bytes."""

from __future__ import annotations

from typing import Any

from gateway import er7
from gateway.mapping.dialect import Located
from gateway.mapping.er7fields import Item
from gateway.mapping.er7tree import NONE, Node


def below(at: Located, part: str) -> Located:
    """Return the place of a part: of a segment ``5`` is a field, of a field ``1.2`` is a sub-component, ``2`` of a component too."""
    if not part:
        return at
    numbers = [int(number) for number in part.split(".")]
    if at.segment and not at.number:
        return Located(at.segment, *numbers)
    if at.component:
        return Located(at.segment, at.number, at.component, numbers[0])
    return Located(at.segment, at.number, numbers[0], numbers[1] if len(numbers) > 1 else 0)


def moved(place: tuple[Node, int], part: str) -> tuple[tuple[Node, int], str]:
    """Return the segment and part that are meant: ``@12.5`` is field 5 of segment 12 of the message, beside the one that was read."""
    if not part.startswith("@"):
        return place, part
    number, _, below = part[1:].partition(".")
    tree = place[0].tree
    return (place[0] if tree is None else tree.all[int(number)], place[1]), below


def written(place: tuple[Node, int], at: Located) -> str:
    """Return a place as people write it: ``PID-5[1].1.2``, ``OBX(3)-5[1]``; a segment is counted from the second on."""
    node, which = place
    if type(node) is Item:
        at = Located(node.up.name if node.up else "", node.of, at.component, at.sub)
        which, node = node.n, node.up or NONE
    text = f"{node.name or at.segment}{f'({node.n})' if node.n > 1 else ''}"
    if at.number:
        text += f"-{at.number}[{which or 1}]"
    return text + (f".{at.component}" if at.component else "") + (f".{at.sub}" if at.sub else "")


def byte_range(found: er7.Offsets, place: Any, at: Located, part: str) -> tuple[int, int] | None:
    if type(place) is str:
        return None
    (node, which), part = moved(place, part)
    at = below(at, part)
    if type(node) is Item:
        return found.range((node.up or NONE).i, node.of, node.n, at.component, at.sub)
    return found.range(node.i, at.number, which, at.component, at.sub)
