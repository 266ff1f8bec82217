"""The JSON dialect: ``reportEntries[name=weight].value``, ``a.b[0]``, ``items[]``, ``^.x``, ``.`` and ``#``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from gateway.jsonbytes import DecodeError, loads
from gateway.mapping.dialect import NOWHERE, Emitted, Located, Locator, PathError, UnreadableError

# A step is a tuple: ("f", name), ("i", number), ("*",), or ("=", names, value, wanted).
Step = tuple[Any, ...]
Hit = tuple[Any, str]

_NAME = r'(?:[A-Za-z_][A-Za-z0-9_-]*|"[^"]+")'
_FIELD = re.compile(rf"({_NAME})")
_BRACKET = re.compile(rf'\[(?:(\d+)|({_NAME}(?:\.{_NAME})*)(!?=)("[^"]*"|[^\]"\s]+))?\]')


def text_of(value: Any) -> str | None:
    """Return the text by which a value is compared and stands in keys: none for what is missing or has parts."""
    kind = type(value)
    if kind is str:
        return value or None
    if kind is bool:
        return "true" if value else "false"
    return str(value) if kind is int or kind is Decimal else None


def dig(node: Any, names: tuple[str, ...]) -> Any:
    """Follow field names down from a node."""
    for name in names:
        if type(node) is not dict:
            return None
        node = node.get(name)
    return node


def walk(node: Any, steps: tuple[Step, ...]) -> Any:
    """Follow fields and numbers down from a node to the one value they can give."""
    for step in steps:
        if step[0] == "f":
            node = node.get(step[1]) if type(node) is dict else None
        else:
            node = node[step[1]] if type(node) is list and step[1] < len(node) else None
    return node


def select(node: Any, place: str, steps: tuple[Step, ...]) -> list[Hit]:
    """Return every value that the steps lead to, with its place."""
    hits: list[Hit] = [(node, place)]
    for step in steps:
        hits = [hit for value, where in hits for hit in _step(value, where, step)]
    return hits


def _step(node: Any, place: str, step: Step) -> Iterator[Hit]:
    if step[0] == "f":
        if type(node) is dict and step[1] in node:
            yield node[step[1]], place + step[1] if not place or place.endswith(".") else f"{place}.{step[1]}"
    elif type(node) is list:
        for number, value in enumerate(node):
            if _chosen(number, value, step):
                yield value, f"{place.removesuffix('.')}[{number}]"


def _chosen(number: int, value: Any, step: Step) -> bool:
    if step[0] == "*":
        return True
    if step[0] == "i":
        return bool(number == step[1])
    return (text_of(dig(value, step[1])) == step[2]) is step[3]


def items(node: Any, place: str, steps: tuple[Step, ...]) -> Iterator[tuple[Any, str, int]]:
    """Yield each item of a repetition, its place (with a dot, ready for a field) and its number."""
    for value, where in select(node, place, steps):
        yield value, where + ".", int(where[where.rindex("[") + 1 : -1])


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path of fields, numbers and choices, from the node ``up`` levels out."""

    text: str
    up: int
    steps: tuple[Step, ...]
    index: bool = False

    def emit(self, depth: int) -> Emitted:
        """Return the Python for it; see ``SourcePath``."""
        if self.up > depth:
            raise PathError(f"{self.text}: there are only {depth} levels outside this one")
        level = depth - self.up
        if self.index:
            if level == 0:
                raise PathError(f"{self.text}: only an item of foreach has a number")
            return Emitted(f"i{level}", f"w{level} + '#'", many=False)
        if any(step[0] in "*=" for step in self.steps):
            return Emitted(f"select(n{level}, w{level}, {self.steps!r})", "", many=True)
        return self._single(level)

    def _single(self, level: int) -> Emitted:
        if not self.steps:
            return Emitted(f"n{level}", f"(w{level}.removesuffix('.') or '.')", many=False)
        source = f"w{level} + {_written(self.steps)!r}" if level else repr(_written(self.steps))
        names = tuple(step[1] for step in self.steps)
        if any(step[0] == "i" for step in self.steps):
            return Emitted(f"walk(n{level}, {self.steps!r})", source, many=False)
        if len(names) == 1:
            return Emitted(f"d{level}.get({names[0]!r})", source, many=False)
        return Emitted(f"dig(d{level}, {names!r})", source, many=False)

    whole = False
    own = False

    def remains(self) -> None:
        """Return nothing: a choice is part of the steps."""

    def places(self) -> tuple[()]:
        """Return nothing: an item is an object."""
        return ()

    def itself(self, depth: int) -> tuple[str, str]:  # noqa: ARG002 - see ``SourcePath``
        """Nothing: no part of an object is found by its name."""
        return "", ""

    def pin(self) -> None:
        """Return nothing: there is no index of a JSON object."""

    def asks(self) -> None:
        """Return nothing: a choice is part of the steps."""

    def located(self) -> Located:
        """Return nothing: the place is written down as it is found."""
        return NOWHERE

    def levels(self) -> list[str]:
        """Return the steps of each repetition; see ``SourcePath``."""
        if self.up or not self.steps or self.steps[-1][0] not in "*=":
            raise PathError(f"{self.text}: foreach needs a path that ends in [] or [name=value]")
        parts: list[str] = []
        start = 0
        for number, step in enumerate(self.steps, start=1):
            if step[0] in "*=":
                parts.append(f"n<at>, w<at>, i<at> in items(n<up>, w<up>, {self.steps[start:number]!r})")
                start = number
        return parts


def _written(steps: tuple[Step, ...]) -> str:
    text = ""
    for step in steps:
        text += f"[{step[1]}]" if step[0] == "i" else ("." if text else "") + step[1]
    return text


def _bare(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name


def _bracket(found: re.Match[str]) -> Step:
    number, names, sign, value = found.groups()
    if number is not None:
        return ("i", int(number))
    if names is None:
        return ("*",)
    return ("=", tuple(_bare(name) for name in _FIELD.findall(names)), _bare(value), sign == "=")


def parse(text: str) -> JsonPath:
    """Read a path.

    Raises:
        PathError: it isn't one.
    """
    rest = text.lstrip("^")
    up = len(text) - len(rest)
    if rest in ("", "#") and text:
        return JsonPath(text, up, (), index=rest == "#")
    if rest == ".":
        return JsonPath(text, up, ())
    if up:
        if not rest.startswith("."):
            raise PathError(f"{text}: write ^.field")
        rest = rest[1:]
    return JsonPath(text, up, tuple(_steps(text, rest)))


def _steps(text: str, rest: str) -> Iterator[Step]:
    position = 0
    while True:
        name = _FIELD.match(rest, position)
        if name is None:
            raise PathError(f"{text}: a field name is expected at {rest[position:]!r}")
        yield ("f", _bare(name[0]))
        position = name.end()
        while found := _BRACKET.match(rest, position):
            yield _bracket(found)
            position = found.end()
        if position == len(rest):
            return
        if rest[position] != ".":
            raise PathError(f"{text}: not understood from {rest[position:]!r}")
        position += 1


def _unknown(place: Any, at: Located, part: str) -> None:
    """Say that it isn't known."""


@dataclass(frozen=True)
class JsonDialect:
    """Records that are JSON objects."""

    name: Final = "json"
    charset: Final = "utf-8"
    trigger: Final = ""
    item: Final = "n<at>, w<at>, i<at>"
    reads: Final = ""
    filled: Final = "v or v == 0"
    null: Final = ""
    remembers: Final = False

    def read(self, body: bytes) -> Any:
        """Return the object of a record."""
        try:
            node = loads(body)
        except (DecodeError, RecursionError, ValueError):
            raise UnreadableError("not JSON") from None
        if type(node) is not dict:
            raise UnreadableError("not a JSON object")
        return node

    def triggered(self, node: Any) -> str:  # noqa: ARG002 - the contract
        """Return nothing: every map of a kind is asked."""
        return ""

    def index(self, node: Any, key: tuple[str, int, int]) -> dict[str, Any]:  # noqa: ARG002 - the contract
        """Return nothing: there is no index."""
        return {}

    def shape(self, node: Any) -> tuple[str, ...]:  # noqa: ARG002 - the contract
        """Return nothing: parts of an object are looked for by the maps."""
        return ()

    def sender(self, node: Any) -> tuple[str, ...]:  # noqa: ARG002 - the contract
        """Return nothing: a record doesn't say."""
        return ()

    def texts(self, node: Any, places: tuple[tuple[str, int], ...]) -> tuple[str, ...]:  # noqa: ARG002 - the contract
        """Return nothing: values of JSON are not remembered."""
        return ()

    def close(self, node: Any) -> None:
        """Do nothing: an object goes with whoever holds it."""

    def path(self, text: str) -> JsonPath:
        """Read a path."""
        return parse(text)

    def notes(self, node: Any) -> tuple[()]:  # noqa: ARG002 - the contract
        """Return nothing: JSON is right or it isn't JSON."""
        return ()

    def place(self, place: Any, at: Located, part: str) -> str:  # noqa: ARG002 - the contract
        """Return a place: it is text already."""
        if not part:
            return str(place)
        return part if place in ("", ".") else f"{place}.{part}"

    def locator(self, body: bytes) -> Locator:  # noqa: ARG002 - the contract
        """Return nothing for any place: what was parsed no longer knows where it stood."""
        return _unknown

    def sought(self, name: str, expression: str) -> str:  # noqa: ARG002 - the contract
        """Return nothing: parts are found by their names."""
        return ""

    def start(self, level: int) -> str:
        """Return the variables that paths read."""
        return "d0, w0 = n0, ''" if level == 0 else f"d{level} = n{level} if type(n{level}) is dict else EMPTY"

    def helpers(self) -> dict[str, Any]:
        """Return the functions that the emitted Python calls."""
        return {"select": select, "walk": walk, "dig": dig, "items": items, "text_of": text_of, "EMPTY": {}}
