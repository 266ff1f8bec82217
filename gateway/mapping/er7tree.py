"""The segments of an HL7 v2 message as a tree: who belongs to whom, by position alone.

The standard groups segments by rules that each sender reads in its own way. What every message keeps is the order: an OBX belongs to the
OBR before it, an NTE to what it follows, everything after a PID to that patient. So the parent of a segment is the nearest one before it
that may be its parent, and two patients in one message never mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import itemgetter
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
# So many orders of segments are remembered, of messages up to this length.
SHAPES: Final = 512
LONGEST: Final = 256
# A repetition of a field has a number of its own: that of its segment and one, shifted by this, and its place in it.
PART: Final = 40


class Sight(dict[tuple[int, str], int]):
    """Which segment of a name is seen from a segment, both by their place, -1 for none; worked out when it is first asked for."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape

    def __missing__(self, key: tuple[int, str]) -> int:
        """Work it out; a repetition sees what its segment sees."""
        at, name = key
        if at >= 1 << PART:
            return self[(at >> PART) - 1, name]
        found = self[key] = self._shape.seen(at, name)
        return found


class Shape:
    """What follows from the names of a message's segments in their order.

    ``parents`` and ``numbers`` (among those of a name) of each by its place, ``where`` the places of a name, ``kids`` those below a place;
    ``kinds`` are the names, each once; ``cuts`` where those stand that are all together, ``spread`` the places of the others.
    """

    __slots__ = ("_spots", "cuts", "kids", "kinds", "names", "numbers", "parents", "sight", "spread", "where")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.where: dict[str, list[int]] = {}
        self.kids: dict[int, dict[str, list[int]]] = {}
        self.parents = [-1] * len(names)
        self.numbers = [1] * len(names)
        self.sight = Sight(self)
        self._spots: dict[tuple[tuple[str, int], ...], list[tuple[int, int]]] = {}
        for at, name in enumerate(names):
            if at:
                up = self.parents[at] = self._parent(at - 1, name)
                self.kids.setdefault(up, {}).setdefault(name, []).append(at)
            some = self.where.setdefault(name, [])
            some.append(at)
            self.numbers[at] = len(some)
        self.kinds = tuple(self.where)
        together = {name: slice(some[0], some[-1] + 1) for name, some in self.where.items() if some[-1] - some[0] < len(some)}
        self.cuts = list(together.items())
        self.spread = [(name, some) for name, some in self.where.items() if name not in together]

    def _parent(self, up: int, name: str) -> int:
        parents = PARENTS.get(name)
        if parents is None:
            parents = OWN if name[:1] == "Z" else NOWHERE
        while up and self.names[up] not in parents:
            up = self.parents[up]
        return up

    def spots(self, places: tuple[tuple[str, int], ...]) -> list[tuple[int, int]]:
        """Return for each of some fields, by segment name and number, the places of its segments with the number."""
        found = self._spots.get(places)
        if found is None:
            found = self._spots[places] = [(at, number) for name, number in places for at in self.where.get(name, ())]
        return found

    def seen(self, at: int, name: str) -> int:
        """Return the segment of a name that is seen from a place: itself, below it, then outward; -1 when there is none."""
        if name not in self.where:
            return -1
        while at >= 0:
            if self.names[at] == name:
                return at
            if at in self.kids and name in self.kids[at]:
                return self.kids[at][name][0]
            at = self.parents[at]
        some = self.anywhere(name)
        return some[0] if some else -1

    def all_seen(self, at: int, name: str) -> Sequence[int]:
        """Return every segment of a name that is seen from a place: those below the nearest that has any."""
        while at >= 0:
            if at in self.kids and name in self.kids[at]:
                return self.kids[at][name]
            at = self.parents[at]
        return self.anywhere(name)

    def anywhere(self, name: str) -> Sequence[int]:
        """Return the segments of a name wherever they stand, in a message about one patient; of several, whose they are isn't known."""
        return self.where.get(name, ()) if len(self.where.get("PID", ())) < SEVERAL else ()


_shapes: dict[tuple[str, ...], Shape] = {}


def _learned(names: tuple[str, ...]) -> Shape:
    made = Shape(names)
    if len(names) <= LONGEST:
        if len(_shapes) >= SHAPES:
            _shapes.clear()
        _shapes[names] = made
    return made


class Node(Struct, eq=False):
    """One segment of a message. ``f`` are its fields by their HL7 number, ``i`` its place in the message from 0."""

    name: str
    f: list[str]
    i: int
    up: Node | None
    n: int
    tree: Tree | None = None

    def below(self, name: str) -> Sequence[Node]:
        """Return the segments of a name that stand directly under it."""
        tree = self.tree
        if tree is None:
            return ()
        kids = tree.shape.kids.get(self.i)
        places = None if kids is None else kids.get(name)
        return () if places is None else [tree.all[at] for at in places]


NONE: Final = Node("", [""], -1, None, 0)
NAME: Final = itemgetter(0)


class Tree:
    """A whole message. ``all`` holds its segments in order (and ``NONE`` at the end), ``nodes`` by name; ``top`` is the MSH, under which
    everything stands.

    ``event`` is its trigger. ``memo`` is for converters: what one of them works out once for the whole message.
    """

    __slots__ = ("all", "event", "memo", "nodes", "notes", "shape", "sight", "top")

    def __init__(self, segments: Sequence[list[str]], notes: Sequence[Any] = ()) -> None:
        self.notes = notes
        self.event = ""
        self.memo: dict[Any, Any] = {}
        names = tuple(map(NAME, segments))
        shape = self.shape = _shapes.get(names) or _learned(names)
        self.sight = shape.sight
        all_ = self.all = list(map(Node, names, segments, range(len(names)), repeat(None), shape.numbers, repeat(self)))
        for node, parent in zip(all_, shape.parents, strict=True):
            node.up = all_[parent]
        self.nodes: dict[str, list[Node]] = {name: all_[cut] for name, cut in shape.cuts}
        for name, places in shape.spread:
            self.nodes[name] = [all_[at] for at in places]
        self.top = all_[0]
        self.top.up = None
        all_.append(NONE)

    def close(self) -> None:
        """Let go of the segments, each of which knows the tree: without this only the garbage collector could."""
        self.all.clear()
        self.nodes.clear()
        self.memo.clear()
        self.top = NONE


def scope(tree: Tree, node: Node, name: str) -> Node:
    """Return the segment of a name as it is seen from a node: itself, below it, then outward; ``NONE`` when there is none."""
    return tree.all[tree.sight[node.i, name]]


def scopes(tree: Tree, node: Node, name: str) -> Sequence[Node]:
    """Return every segment of a name as they are seen from a node: those below the nearest that has any, so also its own neighbours."""
    if name not in tree.nodes:
        return ()
    at = node.i if node.i < 1 << PART else (node.i >> PART) - 1
    return [tree.all[one] for one in tree.shape.all_seen(at, name)]
