"""The segments of an HL7 v2 message as a tree: who belongs to whom, by position alone.

The standard groups segments by rules that each sender reads in its own way. What every message keeps is the order: an OBX belongs to the
OBR before it, an NTE to what it follows, everything after a PID to that patient. So the parent of a segment is the nearest one before it
that may be its parent, and two patients in one message never mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

PATIENT: Final = frozenset({"PID"})
VISIT: Final = frozenset({"PV1", "PID"})
ORDER: Final = frozenset({"OBR", "PID"})
PLAN: Final = frozenset({"PRB", "GOL", "PTH"})
RESOURCE: Final = frozenset({"RGS"})
# What a segment may stand under; the nearest wins. A segment that isn't here, and isn't one of a vendor's own, stands under the message.
PARENTS: Final[dict[str, frozenset[str]]] = {
    "PD1": PATIENT,
    "NK1": PATIENT,
    "PV1": PATIENT,
    "PV2": PATIENT,
    "AL1": PATIENT,
    "DG1": PATIENT,
    "MRG": PATIENT,
    "ARV": PATIENT,
    "DB1": PATIENT,
    "PR1": PATIENT,
    "GT1": PATIENT,
    "IN1": PATIENT,
    "IN2": PATIENT,
    "ACC": PATIENT,
    "TXA": PATIENT,
    "RF1": PATIENT,
    "AUT": PATIENT | {"RF1"},
    "GOL": PATIENT | {"PTH"},
    "PTH": PATIENT,
    "PRB": PATIENT | {"PTH"},
    "VAR": PLAN,
    "ROL": PLAN | PATIENT,
    "PRT": PLAN | PATIENT | {"OBX", "OBR"},
    "ORC": PLAN | PATIENT,
    "OBR": PLAN | PATIENT,
    "TQ1": ORDER,
    "OBX": PLAN | PATIENT | {"OBR", "TXA"},
    "NTE": PLAN | PATIENT | {"OBX", "OBR", "SCH", "AIS", "AIG", "AIL", "AIP", "RF1", "ORC", "NK1", "AL1", "DG1"},
    "CTI": ORDER | {"OBX"},
    "SPM": ORDER,
    "AIS": RESOURCE,
    "AIG": RESOURCE,
    "AIL": RESOURCE,
    "AIP": RESOURCE,
}
# A vendor's own segment says more about what it follows.
OWN: Final = PLAN | PATIENT | {"OBX", "OBR", "TXA", "SCH", "AIS", "AIG", "AIL", "AIP", "RF1"}
NOWHERE: Final[frozenset[str]] = frozenset()
SEVERAL: Final = 2


class Node(Struct, eq=False):
    """One segment. ``f`` are its fields by their HL7 number, ``i`` its place in the message from 0, ``kids`` what stands under it."""

    name: str
    f: list[str]
    i: int
    up: Node | None
    n: int
    kids: dict[str, list[Node]] | None = None


NONE: Final = Node("", [""], -1, None, 0)


class Tree:
    """A whole message. ``nodes`` holds its segments by name, in order; ``top`` is the MSH, under which everything stands.

    ``event`` is its trigger. ``memo`` is for converters: what one of them works out once for the whole message.
    """

    __slots__ = ("event", "memo", "nodes", "notes", "top")

    def __init__(self, segments: Sequence[list[str]], notes: Sequence[Any] = ()) -> None:
        self.notes = notes
        self.event = ""
        self.memo: dict[Any, Any] = {}
        top = self.top = Node("MSH", segments[0], 0, None, 1)
        nodes = self.nodes = {"MSH": [top]}
        last: Node = top
        for i, fields in enumerate(segments[1:], 1):
            name = fields[0]
            parents = PARENTS.get(name)
            if parents is None:
                parents = OWN if name[:1] == "Z" else NOWHERE
            up = last
            while up.up is not None and up.name not in parents:
                up = up.up
            known = nodes.get(name)
            if known is None:
                last = Node(name, fields, i, up, 1)
                nodes[name] = [last]
            else:
                last = Node(name, fields, i, up, len(known) + 1)
                known.append(last)
            if up.kids is None:
                up.kids = {name: [last]}
            elif name in up.kids:
                up.kids[name].append(last)
            else:
                up.kids[name] = [last]

    def anywhere(self, name: str) -> Sequence[Node]:
        """Return the segments of a name wherever they stand, in a message about one patient; of several, whose they are isn't known."""
        return self.nodes.get(name, ()) if len(self.nodes.get("PID", ())) < SEVERAL else ()


def scope(tree: Tree, node: Node, name: str) -> Node:
    """Return the segment of a name as it is seen from a node: itself, below it, then outward; ``NONE`` when there is none."""
    if name not in tree.nodes:
        return NONE
    at: Node | None = node
    while at is not None:
        if at.name == name:
            return at
        if at.kids is not None and name in at.kids:
            return at.kids[name][0]
        at = at.up
    found = tree.anywhere(name)
    return found[0] if found else NONE


def scopes(tree: Tree, node: Node, name: str) -> Sequence[Node]:
    """Return every segment of a name as they are seen from a node: those below the nearest that has any, so also its own neighbours."""
    if name not in tree.nodes:
        return ()
    at: Node | None = node
    while at is not None:
        if at.kids is not None and name in at.kids:
            return at.kids[name]
        at = at.up
    return tree.anywhere(name)
