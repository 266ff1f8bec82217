"""Which OBX belong together: one pass over a message tells each OBX what it leads, and what its key is.

One result isn't always one segment: the lines of a text come as several OBX of one code, and a blood pressure as two OBX with a code each.
The first of them leads and makes the resource, the others are part of it. The key of a result stays the same when it is corrected: the
order's number, the code and the sub-id, all within the client, so that two clients never share one.
"""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.mapping import ConvertContext, converter
from gateway.mapping.er7path import fld, plain
from gateway.mapping.er7tree import Node, Tree

SYSTOLIC: Final = "8480-6"
DIASTOLIC: Final = "8462-4"
PANEL: Final = "85354-9"
# Codes of a whole blood pressure, whose value is a text such as 135/85.
WHOLE: Final = frozenset({PANEL, "55284-4"})
PRESSURE: Final = frozenset({SYSTOLIC, DIASTOLIC, *WHOLE})
TEXTS: Final = frozenset({"TX", "FT", "ST"})
MEMO: Final = "results"


@dataclass(slots=True)
class Results:
    """The OBX of a message: by their place in it, the key of each, the other half of a blood pressure, and the lines of a text."""

    keys: dict[int, str] = field(default_factory=dict)
    halves: dict[int, Node] = field(default_factory=dict)
    lines: dict[int, list[Node]] = field(default_factory=dict)
    followers: set[int] = field(default_factory=set)


def results(tree: Tree) -> Results:
    """Return what was found in a message; it is looked for once."""
    found = tree.memo.get(MEMO)
    if found is None:
        found = tree.memo[MEMO] = _results(tree)
    return found


def text(node: Node, number: int) -> str:
    """Return the first component of a field as people read it, empty without one."""
    return plain(fld(node.f, number))


def _results(tree: Tree) -> Results:
    found = Results()
    some: Sequence[Node] = tree.nodes.get("OBX", ())
    pressures = [node for node in some if text(node, 3) in PRESSURE]
    if pressures:
        _pair(pressures, found)
    _join(some, found)
    _number(some, tree, found)
    return found


def _pair(some: Iterable[Node], found: Results) -> None:
    """Pair the halves of each order: first those of one sub-id and time, then neighbours and sole leftovers of one time."""
    orders: dict[int, list[Node]] = defaultdict(list)
    for node in some:
        if text(node, 3) in (SYSTOLIC, DIASTOLIC):
            orders[id(node.up)].append(node)
    for halves in orders.values():
        _match(halves, found, _same_measurement)
        _match(halves, found, _next_to)
        left = [node for node in halves if node.i not in found.halves and node.i not in found.followers]
        if len(left) == 2:
            _match(left, found, _same_time)


def _match(halves: Iterable[Node], found: Results, likeness: Any) -> None:
    """Give each systolic that has no other half the first free diastolic that is alike, in time linear to their number."""
    free: dict[Any, list[Node]] = defaultdict(list)
    for node in halves:
        if text(node, 3) == DIASTOLIC and node.i not in found.followers:
            free[likeness(node)].append(node)
    for some in free.values():
        some.reverse()
    for node in halves:
        if text(node, 3) == SYSTOLIC and node.i not in found.halves and free.get(likeness(node)):
            other = free[likeness(node)].pop()
            found.halves[node.i] = other
            found.followers.add(other.i)


def _same_measurement(node: Node) -> tuple[str, str]:
    return text(node, 4), text(node, 14)


def _same_time(node: Node) -> str:
    return text(node, 14)


def _next_to(node: Node) -> tuple[int, str]:
    """A diastolic right after its systolic, of one time: senders that number their OBX in OBX-4 give each half its own number."""
    return node.i - (text(node, 3) == DIASTOLIC), text(node, 14)


def _join(some: Sequence[Node], found: Results) -> None:
    """Join the lines of a text: neighbours of one code, sub-id, time and status."""
    leader: Node | None = None
    for node in some:
        if text(node, 2) not in TEXTS or text(node, 3) in PRESSURE:
            leader = None
        elif leader is not None and _continues(leader, node):
            found.followers.add(node.i)
            found.lines.setdefault(leader.i, [leader]).append(node)
        else:
            leader = node


def _continues(leader: Node, node: Node) -> bool:
    return leader.up is node.up and all(fld(leader.f, number) == fld(node.f, number) for number in (3, 4, 11, 14))


def _number(some: Sequence[Node], tree: Tree, found: Results) -> None:
    """Give each leading OBX its key; what has the same one in this message is counted."""
    seen: Counter[tuple[int, str]] = Counter()
    for node in some:
        if node.i in found.followers:
            continue
        code = text(node, 3)
        key = f"{_order(node, tree)}|{PANEL if code in PRESSURE else code}|{text(node, 4)}"
        # Clients are apart in the key itself; the count is per client too, so that one never moves the other's.
        place = (id(_patient(node)), key)
        seen[place] += 1
        found.keys[node.i] = key if seen[place] == 1 else f"{key}|{seen[place]}"


def _patient(node: Node) -> Node | None:
    at: Node | None = node
    while at is not None and at.name != "PID":
        at = at.up
    return at


def _order(node: Node, tree: Tree) -> str:
    """Return what the result was made for: filler's number, else placer's, else its time, else the message."""
    order = node.up if node.up is not None and node.up.name == "OBR" else None
    for number in (3, 2) if order is not None else ():
        whole = fld(order.f, number) if order is not None else ""
        if plain(whole):
            parts = whole.split("^")
            return plain(whole) + "^" + (plain(parts[1]) or (plain(parts[2]) if len(parts) > 2 else "") if len(parts) > 1 else "")
    at = text(node, 14) or (text(order, 7) if order is not None else "")
    return f"at {at}" if at else f"message {text(tree.top, 10)}"


@converter("result_key", to="string", raw=True)
def result_key(fields: list[str], context: ConvertContext) -> str | None:
    """Return the key of an OBX within its client: order, code and sub-id, so that a corrected result has the key of the first."""
    return results(context.record).keys.get(context.item.i)


@converter("leads", raw=True)
def leads(fields: list[str], context: ConvertContext) -> bool:
    """Whether an OBX makes a resource: it isn't the later line of a text, nor the lower half of a blood pressure."""
    return context.item.i not in results(context.record).followers


@converter("result_lines", to=("string", "markdown"), raw=True, private=True)
def result_lines(fields: list[str], context: ConvertContext) -> str | None:
    """Return the text of an OBX and of those that go on with it: a line for each repetition, escapes resolved."""
    some = results(context.record).lines.get(context.item.i, (context.item,))
    return joined(node.f for node in some)


def joined(some: Iterable[list[str]]) -> str | None:
    """Return the values of several OBX as one text, ``None`` when nothing was written."""
    lines = [readable(value) for fields in some for value in (fields[5] if len(fields) > 5 else "").split("~")]
    while lines and not lines[-1]:
        lines.pop()
    return clean("\n".join(lines)) if lines else None
