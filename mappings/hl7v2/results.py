"""Which OBX belong together: one pass over a message tells each OBX what it leads, and what its key is.

One result isn't always one segment: the lines of a text come as several OBX of one code, and a blood pressure as two OBX with a code each.
The first of them leads and makes the resource, the others are part of it. The key of a result stays the same when it is corrected: the
order's number, the code and the sub-id, all within the client, so that two clients never share one.
"""

# ruff: noqa: ARG001 - a converter is always handed both the value and its context.
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from gateway import er7
from gateway.canonical import BASE
from gateway.mapping import ConvertContext, Converted, Note, converter
from gateway.mapping.converters import clean
from gateway.mapping.datatypes import ei, in_path
from gateway.mapping.datatypes_identity import client_key
from gateway.mapping.datatypes_values import dtm
from gateway.mapping.er7fields import NULL, fld, plain
from gateway.mapping.er7tree import Node, Tree

SYSTOLIC: Final = "8480-6"
DIASTOLIC: Final = "8462-4"
PANEL: Final = "85354-9"
# Codes of a whole blood pressure, whose value is a text such as 135/85.
WHOLE: Final = frozenset({PANEL, "55284-4"})
PRESSURE: Final = frozenset({SYSTOLIC, DIASTOLIC, *WHOLE})
TEXTS: Final = frozenset({"TX", "FT", "ST"})
MEMO: Final = "results"
STANDS_IN: Final = Note("required-missing", "the measurement has no moment that can be read", "that of its message taken")


class Results(Struct, eq=False):
    """The OBX of a message: by their place in it, the key of each, the other half of a blood pressure, and the lines of a text."""

    keys: dict[int, str] = {}
    halves: dict[int, Node] = {}
    lines: dict[int, list[Node]] = {}
    followers: set[int] = set()


def results(context: ConvertContext) -> Results:
    """Return what was found in a message; it is looked for once."""
    tree: Tree = context.record
    found: Results | None = tree.memo.get(MEMO)
    if found is None:
        found = tree.memo[MEMO] = _results(tree, context)
    return found


def text(node: Node, number: int) -> str:
    """Return the first component of a field as people read it, empty without one."""
    return plain(fld(node.f, number))


def code(node: Node) -> str:
    """Return the code of an OBX: its first component as it was sent."""
    return node.f[3].partition("^")[0] if len(node.f) > 3 else ""


def _results(tree: Tree, context: ConvertContext) -> Results:
    found = Results()
    some: Sequence[Node] = tree.nodes.get("OBX", ())
    codes = [code(node) for node in some]
    if not PRESSURE.isdisjoint(codes):
        _pair([node for node, mine in zip(some, codes, strict=True) if mine in PRESSURE], found)
    _join(some, found)
    _number(zip(some, codes, strict=True), tree, found, _whose(tree, context))
    return found


def _pair(some: Iterable[Node], found: Results) -> None:
    """Pair the halves of each order: first those of one sub-id and time, then neighbours of one time, then two that are left."""
    orders: dict[int, list[Node]] = defaultdict(list)
    for node in some:
        if code(node) not in WHOLE:
            orders[id(node.up)].append(node)
    for halves in orders.values():
        _match(halves, found, _same_measurement)
        _match(halves, found, _neighbour)
        left = [node for node in halves if node.i not in found.halves and node.i not in found.followers]
        if len(left) == 2:
            _match(left, found, _same_time)


def _match(halves: Iterable[Node], found: Results, likeness: Callable[[Node], Any]) -> None:
    """Give each systolic without other half the first free diastolic that is alike, in time linear to their number."""
    free: dict[Any, list[Node]] = defaultdict(list)
    for node in halves:
        if code(node) == DIASTOLIC and node.i not in found.followers:
            free[likeness(node)].append(node)
    for alike in free.values():
        alike.reverse()
    for node in halves:
        if code(node) == SYSTOLIC and node.i not in found.halves and free.get(likeness(node)):
            other = free[likeness(node)].pop()
            found.halves[node.i] = other
            found.followers.add(other.i)


def _same_measurement(node: Node) -> tuple[str, str]:
    return text(node, 4), text(node, 14)


def _same_time(node: Node) -> str:
    return text(node, 14)


def _neighbour(node: Node) -> tuple[int, str]:
    """A diastolic next to its systolic: senders that number their OBX in OBX-4 give each half a number of its own."""
    return node.n - (code(node) == DIASTOLIC), text(node, 14)


def _join(some: Sequence[Node], found: Results) -> None:
    """Join the lines of a text: neighbours of one code, sub-id, time and status."""
    leader: Node | None = None
    for node in some:
        f = node.f
        if len(f) < 4 or f[2] not in TEXTS or code(node) in PRESSURE:
            leader = None
        elif leader is not None and _continues(leader, node):
            found.followers.add(node.i)
            found.lines.setdefault(leader.i, [leader]).append(node)
        else:
            leader = node


def _continues(leader: Node, node: Node) -> bool:
    one, other = leader.f, node.f
    if leader.up is not node.up or fld(one, 3) != fld(other, 3) or fld(one, 4) != fld(other, 4):
        return False
    return fld(one, 11) == fld(other, 11) and fld(one, 14) == fld(other, 14)


def _whose(tree: Tree, context: ConvertContext) -> dict[int, str]:
    """Return the key of the client of each PID, by its place; nothing needs it when there is one."""
    clients = tree.nodes.get("PID", ())
    return {node.i: client_key(node.f, context) or "" for node in clients} if len(clients) > 1 else {}


def _number(some: Iterable[tuple[Node, str]], tree: Tree, found: Results, whose: dict[int, str]) -> None:
    """Give each leading OBX its key. What has the same one for the same client in this message is counted."""
    seen: dict[str, dict[str, int]] = {}
    counts: dict[str, int] = {}
    up: Node | None = None
    order = ""
    for node, mine in some:
        if node.i in found.followers:
            continue
        if node.up is not up:
            up = node.up
            order = _order(up)
            counts = seen.setdefault(whose.get(_patient(up), ""), {})
        sub = node.f[4] if len(node.f) > 4 else ""
        key = f"{order or _unordered(node, tree)}|{PANEL if mine in PRESSURE else mine}|{'' if sub == NULL else sub}"
        number = counts[key] = counts.get(key, 0) + 1
        found.keys[node.i] = key if number == 1 else f"{key}|{number}"


def _patient(node: Node | None) -> int:
    """Return the place of the PID that a segment stands under, -1 without one."""
    while node is not None and node.name != "PID":
        node = node.up
    return -1 if node is None else node.i


def _order(order: Node | None) -> str:
    """Return the number of an order: the filler's, else the placer's, with the application that gave it; empty without either."""
    for number in (3, 2) if order is not None and order.name == "OBR" else ():
        given = fld(order.f, number) if order is not None else ""
        if plain(given):
            return "^".join(plain(part) for part in [*given.split("^"), "", ""][:3])
    return ""


def _unordered(node: Node, tree: Tree) -> str:
    """Return what stands for the order where it has no number: the moment that was measured, else the message."""
    up = node.up
    at = text(node, 14) or (text(up, 7) if up is not None and up.name == "OBR" else "")
    return f"at {at}" if at else f"message {text(tree.top, 10)}"


@converter("result_key", to="string", raw=True)
def result_key(fields: list[str], context: ConvertContext) -> str | None:
    """Return the key of an OBX within its client: order, code and sub-id, so that a corrected result has the key of the first."""
    return results(context).keys.get(context.item.i)


@converter("leads", to="string", raw=True)
def leads(fields: list[str], context: ConvertContext) -> str | None:
    """Answer for an OBX that makes a resource: it isn't a later line of a text, nor the lower half of a blood pressure."""
    return None if context.item.i in results(context).followers else "yes"


@converter("unsaid", raw=True)
def unsaid(fields: list[str], context: ConvertContext) -> str | None:
    """Answer for an OBX without a value, when what belongs to it has none either: of its result only the status is said."""
    found, node = results(context), context.item
    mine = [*found.lines.get(node.i, (node,)), *((found.halves[node.i],) if node.i in found.halves else ())]
    return None if any(fld(one.f, 5) not in ("", NULL) for one in mine) else "yes"


@converter("result_number", to="Identifier", raw=True)
def result_number(fields: list[str], context: ConvertContext) -> Any:
    """Return the number of a result: its own (OBX-21), else the key by which the source's messages mean it."""
    own = ei(fld(fields, 21), context) if len(fields) > 21 else None
    key = result_key(fields, context)
    return own or (key and {"system": f"{BASE}/sid/{in_path(context.system)}/result", "value": key})


@converter("result_note", to=("string", "markdown"), raw=True, private=True)
def result_note(fields: list[str], context: ConvertContext) -> str | None:
    """Return the NTE of an OBX and of what belongs to it as one text; without any, those of its order."""
    if "NTE" not in context.record.nodes:
        # Most messages have no remarks at all.
        return None
    found = results(context)
    node: Node = context.item
    mine = found.lines.get(node.i) or [node]
    if node.i in found.halves:
        mine = [*mine, found.halves[node.i]]
    up = node.up
    return remarks(mine) or (remarks([up]) if up is not None and up.name == "OBR" else None)


def remarks(nodes: Iterable[Node]) -> str | None:
    """Return the NTE under some segments as one text."""
    notes = [note for node in nodes for note in node.below("NTE")]
    return joined(note.f[3] for note in notes if len(note.f) > 3) if notes else None


@converter("coded_name", to=("string", "markdown"), raw=True, alone=True, remembered=True)
def coded_name(value: str, context: ConvertContext) -> str | None:
    """Return what people call a code (CWE)."""
    return name_of(value) or None


def name_of(value: str) -> str:
    """Return the name of a code (CWE): its text, else the original text, else the other code's, else the code; empty without any."""
    parts = value.split("^")
    return next((found for at in (1, 8, 4, 0) if at < len(parts) and (found := plain(parts[at]).strip())), "")


@converter("message_moment", to="dateTime", raw=True, alone=True)
def message_moment(value: str, context: ConvertContext) -> Any:
    """Read the moment of a message to stand in for that of a measurement, and say that it does."""
    made = dtm(value, context)
    known = made if isinstance(made, Converted) else Converted(made)
    return Converted(known.value, (*known.issues, STANDS_IN)) if known.value else None


@converter("until", to="Period", raw=True, alone=True, sources={"": ""})
def until(value: str, context: ConvertContext) -> Any:
    """Read a moment as the end of a period of which the start isn't known: what is told was over by then."""
    made = dtm(value, context)
    end = made.value if isinstance(made, Converted) else made
    return {"end": end} if end else None


@converter("result_lines", to=("string", "markdown"), raw=True, private=True)
def result_lines(fields: Any, context: ConvertContext) -> str | None:
    """Return the text of an OBX and of those that go on with it: a line for each repetition, escapes resolved."""
    some = results(context).lines.get(context.item.i, (context.item,))
    return joined(node.f[5] for node in some if len(node.f) > 5)


def joined(values: Iterable[str]) -> str | None:
    """Return several values, each with its repetitions, as one text: a line each, empty lines kept; ``None`` when nothing was written."""
    lines = [er7.unescape(one) if "\\" in one else one for value in values for one in value.split("~") if one != NULL]
    return clean("\n".join(lines)) if lines else None
