"""The ER7 dialect: ``PID-3*``, ``PID-5.1.2``, ``PID-3[5=PI].1``, ``NTE*-3``, ``OBX[OBX-3.1 = 8480-6]-5``, ``.1`` and ``#``.

Fields, components and sub-components count from 1, as in the standard. A segment is looked for from where the map stands, outward
(``er7tree``). Texts of messages with other separators come here with the usual ones (``gateway.er7``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from zlib import crc32

from gateway import er7
from gateway.mapping import expressions
from gateway.mapping.dialect import Emitted, Located, Locator, PathError, Pin, UnreadableError
from gateway.mapping.er7fields import (
    NOTHING,
    NULL,
    STOPS,
    Choice,
    comp,
    each,
    fld,
    hits,
    index,
    items,
    lead,
    part,
    pinned,
    plain,
    rep,
    segments,
    text_of,
    texts,
    there,
    word,
)
from gateway.mapping.er7place import below, byte_range, moved, written
from gateway.mapping.er7tree import NONE, Node, Tree, scope, scopes
from gateway.mapping.expressions import Expression

# What chooses among the maps of a message type; it is asked often, so it is read once.
EVENT: Final = "MSH-9.2"
_SEGMENT = re.compile(r"([A-Z][A-Z0-9]{2})(\*)?(?:\[((?:[^\[\]]|\[[^\]]*\])*)\])?(?:-(.+))?")
_FIELD = re.compile(r"(\d{1,3})(\*|\[(?:(\d+)|(\d+)(?:\.(\d+))?(!?=)([^\]]*))\])?(?:\.(\d+)(?:\.(\d+))?)?")
_PART = re.compile(r"\.(\d+)?(?:\.(\d+))?")
_REPEATED = re.compile(r"((?:[A-Z][A-Z0-9]{2}-\d{1,3}\*, )*)([A-Z][A-Z0-9]{2})-(\d{1,3})\*(?:\[(.*)\])?")
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Er7Path:
    """A path; ``segment`` empty: of the item itself. ``which`` repetition: a number, ``*`` or a choice. ``whole``: no field is named."""

    text: str
    segment: str = ""
    every: bool = False
    condition: Expression | None = None
    number: int = 0
    which: int | str | Choice = 1
    component: int = 0
    sub: int = 0
    index: bool = False
    repeats: bool = False
    more: tuple[tuple[str, int], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it means a segment and not a field."""
        return bool(self.segment) and not self.number

    @property
    def many(self) -> bool:
        """Whether it may give several values."""
        return self.every or not isinstance(self.which, int)

    @property
    def own(self) -> bool:
        """Whether it reads nothing but the text of the item."""
        return not self.segment and not self.index

    def places(self) -> tuple[tuple[str, int], ...]:
        """Return the fields whose repetitions are the items of ``foreach``, none when those are segments."""
        return (*self.more, (self.segment, self.number)) if self.repeats else ()

    def emit(self, depth: int) -> Emitted:
        """Return the Python for it; see ``SourcePath``."""
        if not self.segment:
            return self._own(depth)
        name = self._node(depth)
        found = (name, self._found(depth))
        if self.many:
            return self._several(name, found, depth)
        if self.whole:
            here = f"{name} is not NONE"
            return Emitted(f"({name}.f if {here} else None)", f"({name}, 0)", many=False, setup=(found,), node=name, there=here)
        fields, length, n = f"{name}f", f"{name}n", self.number
        setup = (found, (fields, f"{name}.f"), (length, f"len({fields})"))
        place = f"({name}, {self.which!r})"
        if self.which != 1:
            value = f"part(rep({fields}, {n}, {self.which}), {self.component}, {self.sub})"
            return Emitted(value, place, many=False, setup=setup, node=name)
        text = f"word({fields}, {n}, {self.component}, {self.sub})" if self.text != EVENT else "n0.event"
        has, raw = f"{length} > {n}", f"{fields}[{n}]"
        quick = f"((u if (u := {raw}).isalnum() else lead(u)) if {has} else '')"
        if self.component > 1 or self.sub or self.text == EVENT:
            quick = ""
        cut = "if '~' in v: v = v[:v.index('~')]"
        if self.component or self.sub:
            value = f"comp({fields}, {n}, {self.component}, {self.sub})"
            if self.component != 1 or self.sub:
                return Emitted(value, place, many=False, setup=setup, node=name, text=text)
            return Emitted(
                value,
                place,
                many=False,
                setup=setup,
                node=name,
                text=text,
                there=f"({has} and ({raw}[:1] not in STOPS or valued({value})))",
                cut=cut,
                has=has,
                field=raw,
                component=True,
                quick=quick,
            )
        value = f"({fields}[{n}] if {length} > {n} else '')"
        there = f"({length} > {n} and {fields}[{n}] not in NOTHING)"
        return Emitted(
            value, place, many=False, setup=setup, node=name, text=text, there=there, cut=cut, has=has, field=raw, quick=quick
        )

    def _several(self, name: str, found: tuple[str, str], depth: int) -> Emitted:
        if not self.every and self.which == "*" and not self.component and not self.sub:
            fields, length, n = f"{name}f", f"{name}n", self.number
            null = f"{length} > {n} and {fields}[{n}] == NULL"
            whole = (found, (fields, f"{name}.f"), (length, f"len({fields})"))
            value = f"(each({name}, {n}) if {length} > {n} else ())"
            has, raw = f"{length} > {n}", f"{fields}[{n}]"
            place = f"({name}, i)"
            return Emitted(value, place, many=True, setup=whole, values=True, null=null, has=has, field=raw)
        nodes = self._nodes(depth) if self.every else f"({name},)"
        setup = () if self.every else (found,)
        there = f"{self.segment!r} in n0.nodes"
        if not self.number:
            return Emitted(f"segments({nodes})", "", many=True, setup=setup, there=there)
        value = f"hits({nodes}, {self.number}, {self.which!r}, {self.component}, {self.sub})"
        null = f"{there} and any(v == NULL for v, _ in {value})"
        return Emitted(value, "", many=True, setup=setup, there=there, null=null)

    def _own(self, depth: int) -> Emitted:
        if depth == 0:
            raise PathError(f"{self.text}: only an item of foreach has parts of its own")
        if self.index:
            return Emitted(f"str(n{depth}.n)", f"(n{depth}, 0)", many=False, node=f"n{depth}")
        value = f"n{depth}.f[0]"
        if self.component or self.sub:
            value = f"part({value}, {self.component}, {self.sub})"
        return Emitted(value, f"(n{depth}, n{depth}.n)", many=False, node=f"n{depth}")

    def _node(self, depth: int) -> str:
        """Return the name of the variable that holds the segment."""
        if self.condition is None:
            return f"{self.segment}{depth}"
        return f"{self.segment}{depth}_{crc32(self.text.encode()):08x}"

    def _found(self, depth: int) -> str:
        if self.segment == "MSH" and self.condition is None:
            return "n0.top"
        if self.condition is None:
            return f"nodes[seen[{f'n{depth}.i' if depth else 0}, {self.segment!r}]]"
        return f"next(iter({self._nodes(depth)}), NONE)"

    def _nodes(self, depth: int) -> str:
        at = f"n{depth}" if depth else "n0.top"
        nodes = f"scopes(n0, {at}, {self.segment!r})"
        if self.condition is None:
            return nodes
        inner = depth + 1
        asked = expressions.emit(self.condition, inner, inline).replace(f"nodes[seen[n{inner}.i, {self.segment!r}]]", f"n{inner}")
        return f"[n{inner} for n{inner} in {nodes} if {asked}]"

    def levels(self) -> list[str]:
        """Return what ``foreach`` loops over; see ``SourcePath``."""
        if not self.segment or self.component or (self.number and not self.repeats):
            raise PathError(f"{self.text}: foreach needs a segment (OBX), or every repetition of a field (PV1-7*)")
        pin = self.pin()
        if pin.key is not None:
            return [f"n<at> in pinned(n<up>, {pin.key!r}, {pin.values!r})"]
        more = f", {self.more!r}" if self.more else ""
        return [f"n<at> in items(n<up>, {self.segment!r}, {self.number}{more})"]

    def itself(self, depth: int) -> tuple[str, str]:
        """Return the Python that finds from a segment the segment itself."""
        return (f"nodes[seen[n{depth}.i, {self.segment!r}]]", f"n{depth}") if self.segment and not self.number else ("", "")

    def pin(self) -> Pin:
        """Return what a message must hold for ``foreach`` to have items."""
        names = (self.segment, *(name for name, _ in self.more))
        for text, values in expressions.constants(None if self.number else self.condition).items():
            asked = parse(text)
            if asked.segment == self.segment and asked.number and asked.which == 1 and not asked.sub and asked.condition is None:
                return Pin(names, (self.segment, asked.number, asked.component), tuple(sorted(values)))
        return Pin(names)

    def asks(self) -> Expression | None:
        """Return the condition on the items of ``foreach``."""
        return self.condition

    def remains(self) -> Expression | None:
        """Return what is still to be asked of the items that ``levels`` loops over: the index answers for what it is made by."""
        pin = self.pin()
        if pin.key is None:
            return self.condition
        asked = [one for one in expressions.terms(self.condition) if not _pinned_by(one, pin)]
        return None if not asked else asked[0] if len(asked) == 1 else expressions.Joined("and", tuple(asked))

    def located(self) -> Located:
        """Return what is fixed of the place that it reads."""
        return Located(self.segment, self.number, self.component, self.sub)


def _pinned_by(asked: Expression, pin: Pin) -> bool:
    """Whether a condition is the one that an index answers."""
    if not isinstance(asked, expressions.Test) or asked.converter or asked.values != set(pin.values):
        return False
    path = parse(asked.path.text)
    same = (path.segment, path.number, path.component) == pin.key
    return same and path.which == 1 and not path.sub and path.condition is None


def inline(emitted: Emitted, value: str) -> str:
    """Return an expression that needs no variables: those of a path become part of it."""
    for name, expression in reversed(emitted.setup):
        value = re.sub(rf"\b{name}\b", partial(_instead, expression), value)
    return value


def _instead(text: str, _: re.Match[str]) -> str:
    return text


def parse(text: str) -> Er7Path:
    """Read a path.

    Raises:
        PathError: it isn't one.
    """
    if text == "#":
        return Er7Path(text, index=True)
    own = _PART.fullmatch(text)
    if own is not None and (own[1] or not own[2]):
        return Er7Path(text, component=int(own[1] or 0), sub=int(own[2] or 0))
    repeated = _REPEATED.fullmatch(text)
    if repeated is not None:
        asked = _condition(text, repeated[4])
        more = tuple((name, int(number)) for name, number in _PLACE.findall(repeated[1]))
        return Er7Path(text, repeated[2], number=int(repeated[3]), which="*", condition=asked, repeats=True, more=more)
    found = _SEGMENT.fullmatch(text)
    if found is None:
        raise PathError(f"{text}: not a path of HL7 v2, such as PID-5.1, PID-3*, OBX or NTE*-3")
    segment, every, condition, rest = found.groups()
    path = Er7Path(text, segment, every=bool(every), condition=_condition(text, condition))
    return path if rest is None else _field(path, rest)


def _condition(text: str, written: str | None) -> Expression | None:
    if written is None:
        return None
    if not written.strip():
        raise PathError(f"{text}: the condition between the brackets is missing")
    return expressions.parse(written, Er7Dialect())


def _field(path: Er7Path, rest: str) -> Er7Path:
    found = _FIELD.fullmatch(rest)
    if found is None or int(found[1]) == 0:
        raise PathError(f"{path.text}: not understood from {rest!r}; write a field as -5, -5.1.2, -5*, -5[2] or -3[5=PI]")
    number, brackets, which, component, sub, sign, wanted, part_, below = found.groups()
    choice: int | str | Choice = 1
    if brackets == "*":
        choice = "*"
    elif which:
        choice = int(which)
    elif sign:
        choice = (int(component), int(sub or 0), wanted.strip('"'), sign == "=")
    if path.condition is not None and path.every is False and choice == "*":
        raise PathError(f"{path.text}: a condition and every repetition can't be joined")
    return Er7Path(path.text, path.segment, path.every, path.condition, int(number), choice, int(part_ or 0), int(below or 0))


@dataclass(frozen=True, slots=True)
class Er7Dialect:
    """Messages of HL7 v2 in the usual encoding. ``sets``: the character set of those that don't say theirs."""

    sets: str | None = None
    name: str = field(default="er7", init=False)
    charset: str | None = field(default=None, init=False)
    item: str = field(default="n<at>", init=False)
    reads: str = field(default="plain", init=False)
    filled: str = field(default="v and v != NULL", init=False)
    null: str = field(default="NULL", init=False)
    trigger: str = field(default=EVENT, init=False)
    remembers: bool = field(default=True, init=False)

    def read(self, body: bytes) -> Any:
        """Return the message as a tree."""
        try:
            message = er7.parse(body, self.sets)
        except er7.NotHL7:
            raise UnreadableError("no readable MSH") from None
        tree = Tree(message.segments, message.notes)
        tree.event = word(tree.top.f, 9, 2, 0)
        return tree

    def notes(self, node: Any) -> Sequence[Any]:
        """Return what the splitter had to put right."""
        return [(note.code, note.reason) for note in node.notes]

    def triggered(self, node: Any) -> str:
        """Return the trigger event."""
        return str(node.event)

    def index(self, node: Any, key: tuple[str, int, int]) -> dict[str, list[Node]]:
        """Return the segments of a name by the text of a field."""
        return index(node, key)

    def shape(self, node: Any) -> tuple[str, ...]:
        """Return the names of the segments that a message has."""
        kinds: tuple[str, ...] = node.shape.kinds
        return kinds

    def sender(self, node: Any) -> tuple[str, ...]:
        """Return MSH-3 and MSH-4 as they were sent."""
        return tuple(node.top.f[3:5])

    def texts(self, node: Any, places: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
        """Return the repetitions of some fields as they were sent, each text once."""
        return texts(node, places)

    def close(self, node: Any) -> None:
        """Take the segments apart: each knows those above and below it."""
        node.close()

    def path(self, text: str) -> Er7Path:
        """Read a path."""
        return parse(text)

    def place(self, place: Any, at: Located, part: str) -> str:
        """Return a place as it stands in lineage and issues."""
        if type(place) is str:
            return place
        place, part = moved(place, part)
        return written(place, below(at, part))

    def locator(self, body: bytes) -> Locator:
        """Return what says where in a message a place is."""
        return partial(byte_range, er7.offsets(body, self.sets))

    def sought(self, name: str, expression: str) -> str:
        """Return the number of the segment from which one with a condition is sought; see ``Dialect``."""
        depth = name[3:].partition("_")[0]
        return "" if not expression.startswith("next(iter(") else f"n{depth}.i" if depth != "0" else "0"

    def start(self, level: int) -> str:
        """Return the variables by which paths find their segments."""
        return "nodes, seen = n0.all, n0.sight" if level == 0 else ""

    def helpers(self) -> Mapping[str, Any]:
        """Return the functions that the emitted Python calls."""
        return {
            "NONE": NONE,
            "NULL": NULL,
            "NOTHING": NOTHING,
            "STOPS": STOPS,
            "comp": comp,
            "each": each,
            "word": word,
            "valued": there,
            "holds": there,
            "fld": fld,
            "lead": lead,
            "hits": hits,
            "items": items,
            "part": part,
            "pinned": pinned,
            "plain": plain,
            "rep": rep,
            "scope": scope,
            "scopes": scopes,
            "segments": segments,
            "text_of": text_of,
        }
