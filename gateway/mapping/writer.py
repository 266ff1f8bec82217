"""Lines of generated Python: variables that paths need, values of paths, ids from keys."""

from __future__ import annotations

from collections.abc import Collection

from gateway.mapping import expressions, template
from gateway.mapping.convert import key_part
from gateway.mapping.dialect import Dialect, Emitted, SourcePath
from gateway.mapping.expressions import Expression


class Writer:
    """Lines of Python with their indentation, and the variables that the function under way has. ``noting``: they note each step.

    ``base`` is how far in rows stand; ``itself`` is the Python that finds, from an item, nothing else than the item, and the item;
    ``referred`` are the keys by which rows of the set refer to resources; ``answers`` are the variables that hold what converters
    answered to questions that every item asks, ``texts`` those for texts of each item.
    """

    def __init__(
        self, dialect: Dialect, itself: tuple[str, str], referred: Collection[str] = (), *, noting: bool = False
    ) -> None:
        self.dialect = dialect
        self.itself = itself
        self.referred = referred
        self.noting = noting
        self.answers: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.lines: list[str] = []
        self.depth = self.base = 0
        self.known: set[str] = set()

    def __call__(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def begin(self, head: str) -> None:
        """Begin a function."""
        self.depth = 0
        self.known = set()
        self.answers, self.texts = {}, {}
        self(head)
        self.depth = self.base = 1

    def use(self, emitted: Emitted, value: str) -> str:
        """Write the variables that a path needs, where all lines after this one see them; return the value as it is."""
        for name, expression in emitted.setup:
            if name not in self.known:
                self.known.add(name)
                self._assign(name, expression)
        return value

    def _assign(self, name: str, expression: str) -> None:
        if expression == self.itself[0]:
            expression = self.itself[1]
        at = self.dialect.sought(name, expression)
        if not at:
            self(f"{name} = {expression}")
            return
        # A part that is looked for by a condition: several maps of a set look for the same.
        self(f"{name} = ready.get(({expression!r}, {at}), MISS)")
        self(f"if {name} is MISS: {name} = ready[{expression!r}, {at}] = {expression}")

    def asked(self, question: str) -> str:
        """Return a question with the variables for texts that are known for every item."""
        for text, name in self.texts.items():
            question = question.replace(text, name)
        return question

    def start(self, level: int) -> None:
        """Write what makes a node ready to be read."""
        line = self.dialect.start(level)
        if line:
            self(line)

    def items(self, depth: int) -> str:
        """Return the variables of all loops, each after a comma."""
        return "".join(f", {self.dialect.item.replace('<at>', str(level))}" for level in range(1, depth + 1))

    def text(self) -> str:
        """Return the whole."""
        return "\n".join(self.lines) + "\n"


def conditions(write: Writer, condition: tuple[Expression | None, Expression | None], depth: int) -> list[str]:
    """Return the Python of ``when`` and ``unless``."""
    when, unless = condition
    found = [] if when is None else [write.asked(expressions.emit(when, depth, write.use, local=True))]
    return found if unless is None else [*found, f"not ({write.asked(expressions.emit(unless, depth, write.use, local=True))})"]


def holes(parts: list[template.Template]) -> list[template.Hole]:
    """Return the placeholders of a key."""
    return [hole for part in parts for hole in part.holes]


def written(parts: list[template.Template]) -> str:
    """Return the paths of a key as they are written."""
    return ", ".join(hole.path.text for hole in holes(parts))


def key_label(type_: str, parts: list[template.Template]) -> str:
    """Return by what the ids of a type that are made of a key are known."""
    return f"{type_}|{'/'.join(part.text for part in parts)}"


def keyed(write: Writer, type_: str, parts: list[template.Template], depth: int) -> tuple[str, bool]:
    """Write the values of the placeholders to k0, k1, …, and where parts of the record give them all, the id to ``rid``.

    Return the Python for where they came from, and whether ``rid`` was written. One record names the same resource many times.
    """
    emitted = [hole.path.emit(depth) for hole in holes(parts)]
    nodes = list(dict.fromkeys(one.node for one in emitted))
    for one in emitted:
        write.use(one, "")
    source = _sources(write, parts, emitted)
    if not nodes or "" in nodes or any(piece is None for part in parts for piece in part.pieces):
        values(write, parts, emitted, depth)
        return source, False
    place = ", ".join([repr(key_label(type_, parts)), *(f"{node}.i" for node in nodes)])
    write(f"rid = ready.get(({place}), MISS)")
    write("if rid is MISS:")
    write.depth += 1
    values(write, parts, emitted, depth)
    asked = " or ".join(f"k{number} is None" for number in range(len(emitted)))
    made = f"run.ids.space.resource_id(run.system, {type_!r}, {joined(parts)})"
    write(f"rid = ready[{place}] = None if {asked} else {made}" if asked else f"rid = ready[{place}] = {made}")
    write.depth -= 1
    return source, True


def _sources(write: Writer, parts: list[template.Template], emitted: list[Emitted]) -> str:
    """Return the Python for where a key came from: one place as it is, several as text."""
    if not emitted:
        return "None"
    single = [f"o{number}" if one.many else one.source for number, one in enumerate(emitted)]
    if len(single) == 1:
        return single[0]
    return " + ', ' + ".join(single) if write.dialect.name == "json" else repr(written(parts))


def unshared(write: Writer, parts: list[template.Template], depth: int) -> str:
    """Write the values of the placeholders of a key that nothing else refers by to h0, h1, …; return the Python for where they came from."""
    emitted = [hole.path.emit(depth) for hole in holes(parts)]
    for one in emitted:
        write.use(one, "")
    values(write, parts, emitted, depth, "h")
    for number, (hole, one) in enumerate(zip(holes(parts), emitted, strict=True)):
        if hole.converter and not one.many:
            write.answers.setdefault(expressions.asking(hole.converter, hole.path, one, depth), f"h{number}")
    return _sources(write, parts, emitted)


def values(write: Writer, parts: list[template.Template], emitted: list[Emitted], depth: int, name: str = "k") -> None:
    """Write the values of the placeholders to k0, k1, …; where one of several came from to o0, o1, …"""
    for number, (hole, one) in enumerate(zip(holes(parts), emitted, strict=True)):
        value = one.value
        if one.many:
            write(f"{name}{number}, o{number} = next(iter({value}), (None, {hole.path.text!r}))")
            value = f"{name}{number}"
        if hole.converter and one.many:
            write(f"{name}{number} = asked(ask_{hole.converter}, {value}, run, n{depth}, FACTS)")
        elif hole.converter:
            asking = expressions.asking(hole.converter, hole.path, one, depth)
            write(f"{name}{number} = {write.answers.get(asking, asking)}")
        else:
            write(f"{name}{number} = {one.quick or one.text} or None" if one.text else f"{name}{number} = text_of({value})")


def joined(parts: list[template.Template], name: str = "k") -> str:
    """Return the Python of a key: its parts with the placeholders' values, escaped, between slashes."""
    number = 0
    texts: list[str] = []
    for part in parts:
        for piece in part.pieces:
            if isinstance(piece, str):
                texts.append(repr(key_part(piece)))
            elif piece is None:
                texts.append("key_part(k)")
            else:
                texts.append(f"key_part({name}{number})")
                number += 1
        texts.append("'/'")
    return " + ".join(texts[:-1]) or "''"


def first(write: Writer, path: SourcePath, depth: int) -> str:
    """Return the Python for the first value of a path."""
    emitted = path.emit(depth)
    return write.use(emitted, f"next((v for v, _ in {emitted.value}), None)" if emitted.many else emitted.value)
