"""Writes the Python of a map: straight lines that read, ask and call the engine, one block a row."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from gateway.identity import IdSpace
from gateway.mapping import expressions, fill, template
from gateway.mapping.convert import ConvertContext, Converted, Converter, RowFacts, key_part
from gateway.mapping.dialect import Dialect, Emitted, Located, SourcePath
from gateway.mapping.engine import Head
from gateway.mapping.expressions import Expression
from gateway.mapping.fill import Draft, RowPlan, Run
from gateway.mapping.lineage import Step
from gateway.mapping.rows import MapMade, RowMade

# What the generated lines call in the engine.
ENGINE: Final = (
    "asked", "erase", "keep_patient", "missing", "no_key", "overflow", "place", "put", "put_constant", "put_reference", "refuse",
)  # fmt: skip


# Whoever asks for ids doesn't stand alone.
NO_IDS: Final = IdSpace(namespace=UUID(int=0), hash_key=b"")


class Writer:
    """Lines of Python with their indentation, and the variables that the function under way has."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.lines: list[str] = []
        self.depth = 0
        self.known: set[str] = set()

    def __call__(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def begin(self, head: str) -> None:
        """Begin a function."""
        self.depth = 0
        self.known = set()
        self(head)
        self.depth = 1

    def use(self, emitted: Emitted, value: str) -> str:
        """Write the variables that a path needs, where all lines after this one see them; return the value as it is."""
        for name, expression in emitted.setup:
            if name not in self.known:
                self.known.add(name)
                self(f"{name} = {expression}")
        return value

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


Compiled = tuple[str, Callable[[Any, Run], list[Head] | None], Callable[[Head, Run], Draft], dict[str, Any]]


def compile_map(made: MapMade, dialect: Dialect, converters: dict[str, Converter]) -> Compiled:
    """Return the Python of a map, its two functions, and the names that they see (``PLAN`` is set by the caller)."""
    write = Writer(dialect)
    _heads(write, made)
    write("")
    write("")
    _rows(write, made)
    source = write.text()
    names = _names(made, dialect, converters)
    # The text is made above from paths that were parsed and constants written with repr: nothing of a file reaches it as code.
    exec(compile(source, f"<map {made.text.name}>", "exec"), names)  # noqa: S102
    return source, names["heads"], names["rows"], names


def _names(made: MapMade, dialect: Dialect, converters: dict[str, Converter]) -> dict[str, Any]:
    plans = [(number, one, one.plan) for number, one in enumerate(made.rows) if one.plan is not None]
    return {
        **{name: getattr(fill, name) for name in ENGINE},
        "valued": expressions.valued,
        "holds": expressions.holds,
        "key_part": key_part,
        "Context": ConvertContext,
        "Converted": Converted,
        "Draft": Draft,
        "Decimal": Decimal,
        **dialect.helpers(),
        "KEY": _key_plan(made),
        "HEAD": _head_steps(made),
        **{f"R{number}": plan for number, _, plan in plans},
        **{f"C{number}": plan.convert for number, _, plan in plans},
        **{f"F{number}": plan.facts for number, _, plan in plans},
        **{f"X{number}": ConvertContext(plan.facts, NO_IDS, "", None, None, None) for number, _, plan in plans},
        **{f"T{number}": (plan, plan.target, one.constant, None, None, plan.origin) for number, one, plan in plans},
        **{f"ask_{name}": converters[name] for name in _askers(made)},
    }


def _askers(made: MapMade) -> set[str]:
    keys = [*made.key, *(part for one in made.rows for part in one.key or [])]
    conditions = [made.selector, made.foreach.asks() if made.foreach else None]
    conditions += [one for row in made.rows for one in row.condition]
    conditions += [path.asks() for row in made.rows for path in (row.path, row.unit) if path is not None]
    return {
        *(hole.converter for part in keys for hole in part.holes if hole.converter),
        *(name for condition in conditions for name in expressions.converters(condition)),
    }


def _key_plan(made: MapMade) -> RowPlan:
    paths = [path for part in made.key for path in part.paths]
    return RowPlan(
        label=f"{made.text.name}/key",
        target="id",
        places=(),
        convert=lambda value, _: value,
        facts=RowFacts(),
        origin="derived",
        private=True,
        pattern=None,
        kinds=(str,),
        spread=False,
        at=paths[0].located() if paths else Located(),
    )


def _head_steps(made: MapMade) -> tuple[Step, ...]:
    """Return the notes on what every resource of a map begins with."""
    key = _key_plan(made)
    head: list[Step] = []
    for label, path, value in [
        ("map", "resourceType", made.text.type),
        *(("profile", f"meta.profile[{n}]", profile) for n, profile in enumerate(made.profiles)),
    ]:
        plan = RowPlan(**{**_fields(key), "label": f"{made.text.name}/{label}", "origin": "constant"})
        head.append((plan, path, value, None, None, "constant"))
    return tuple(head)


def _fields(plan: RowPlan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in plan.__slots__}


def _heads(write: Writer, made: MapMade) -> None:
    write.begin("def heads(n0, run):")
    write.start(0)
    if made.selector is not None:
        write(f"if not ({expressions.emit(made.selector, 0, write.use)}):")
        write("    return None")
    write("found = []")
    for level, loop in enumerate(made.foreach.levels() if made.foreach else [], start=1):
        write(f"for {loop.replace('<at>', str(level)).replace('<up>', str(level - 1))}:")
        write.depth += 1
        write.start(level)
    condition = made.foreach.asks() if made.foreach else None
    if condition is not None:
        write(f"if not ({expressions.emit(condition, made.depth, write.use)}):")
        write("    continue")
    source = _id(write, made)
    write(f"found.append((rid, {source}{write.items(made.depth)}))")
    write.depth = 1
    write("return found")


def _id(write: Writer, made: MapMade) -> str:
    """Write the id of an item to ``rid``; return the Python for where it came from."""
    fail = f"no_key(run, {made.text.name + '/key'!r}, {_written(made.key)!r})"
    source, cached = _keyed(write, made.text.type, made.key, made.depth)
    if cached:
        write("if rid is None:")
        write(f"    {fail}")
    else:
        for number in range(len(_holes(made.key))):
            write(f"if k{number} is None:")
            write(f"    {fail}")
        write(f"rid = run.id({made.text.type!r}, {_joined(made.key)})")
    return source


def _holes(parts: list[template.Template]) -> list[template.Hole]:
    return [hole for part in parts for hole in part.holes]


def _written(parts: list[template.Template]) -> str:
    return ", ".join(hole.path.text for hole in _holes(parts))


def _keyed(write: Writer, type_: str, parts: list[template.Template], depth: int) -> tuple[str, bool]:
    """Write the values of the placeholders to k0, k1, …, and where one part of the record gives them all, the id to ``rid``.

    Return the Python for where they came from, and whether ``rid`` was written. One record names the same resource many times.
    """
    emitted = [hole.path.emit(depth) for hole in _holes(parts)]
    nodes = {one.node for one in emitted}
    for one in emitted:
        write.use(one, "")
    source = _sources(write, parts, emitted)
    if len(nodes) != 1 or "" in nodes or any(piece is None for part in parts for piece in part.pieces):
        _values(write, parts, emitted, depth)
        return source, False
    label = f"{type_}|{'/'.join(part.text for part in parts)}"
    write(f"ready = ({label!r}, {nodes.pop()}.i)")
    write("if ready in run.ready:")
    write("    rid = run.ready[ready]")
    write("else:")
    write.depth += 1
    _values(write, parts, emitted, depth)
    asked = " or ".join(f"k{number} is None" for number in range(len(emitted)))
    write(f"rid = run.ready[ready] = None if {asked} else run.id({type_!r}, {_joined(parts)})")
    write.depth -= 1
    return source, True


def _sources(write: Writer, parts: list[template.Template], emitted: list[Emitted]) -> str:
    """Return the Python for where a key came from: one place as it is, several as text."""
    if not emitted:
        return "None"
    single = [f"o{number}" if one.many else one.source for number, one in enumerate(emitted)]
    if len(single) == 1:
        return single[0]
    return " + ', ' + ".join(single) if write.dialect.name == "json" else repr(_written(parts))


def _values(write: Writer, parts: list[template.Template], emitted: list[Emitted], depth: int) -> None:
    for number, (hole, one) in enumerate(zip(_holes(parts), emitted, strict=True)):
        value = one.value
        if one.many:
            write(f"k{number}, o{number} = next(iter({value}), (None, {hole.path.text!r}))")
            value = f"k{number}"
        if hole.converter:
            node = f"n{depth}" if depth else "n0"
            write(f"k{number} = asked(ask_{hole.converter}, {value}, run, {node})")
        else:
            write(f"k{number} = text_of({value})")


def _joined(parts: list[template.Template]) -> str:
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
                texts.append(f"key_part(k{number})")
                number += 1
        texts.append("'/'")
    return " + ".join(texts[:-1]) or "''"


def _one(write: Writer, path: SourcePath, depth: int) -> str:
    """Return the Python for the first value of a path."""
    emitted = path.emit(depth)
    return write.use(emitted, f"next((v for v, _ in {emitted.value}), None)" if emitted.many else emitted.value)


def _rows(write: Writer, made: MapMade) -> None:
    write.begin("def rows(head, run):")
    write(f"rid, origin{write.items(made.depth)} = head")
    write("n0 = run.node")
    for level in range(made.depth + 1):
        write.start(level)
    profile = f", 'meta': {{'profile': {made.profiles!r}}}" if made.profiles else ""
    write(f"body = {{'resourceType': {made.text.type!r}, 'id': rid{profile}}}")
    class_ = _class(write, made)
    write("trail = [*HEAD, (KEY, 'id', rid, origin, None, 'derived')]")
    write(f"draft = Draft(PLAN, rid, body, {class_}, trail)")
    write("run.drafts.append(draft)")
    groups = _groups(made)
    for number in sorted(_asked_for(made, groups)):
        write(f"g{number} = False")
    for number, one in enumerate(made.rows):
        _row(write, made, one, number, groups)
    for number, one in enumerate(made.rows):
        if one.required:
            asked = f"q{number} and " if one.conditional else ""
            write(f"if {asked}not g{groups[number]}:")
            write(f"    missing(draft, run, R{number}, {_place(one)!r})")
    write("return draft")


def _class(write: Writer, made: MapMade) -> str:
    pieces = [
        repr(piece) if isinstance(piece, str) else f"(text_of({_one(write, piece.path, made.depth)}) or '')"
        for piece in made.class_.pieces
        if piece is not None
    ]
    return " + ".join(pieces) or "''"


def _groups(made: MapMade) -> dict[int, int]:
    """Return for each row the number of the flag that says whether its element is filled."""
    first: dict[tuple[str, ...], int] = {}
    return {
        number: number if one.multiple else first.setdefault(one.group, number)
        for number, one in enumerate(made.rows)
        if one.plan is not None
    }


def _asked_for(made: MapMade, groups: dict[int, int]) -> set[int]:
    """Return the flags that something asks for."""
    later = {group for number, group in groups.items() if group != number}
    return later | {groups[number] for number, one in enumerate(made.rows) if one.required}


def _condition(write: Writer, condition: tuple[Expression | None, Expression | None], depth: int) -> list[str]:
    when, unless = condition
    found = [] if when is None else [expressions.emit(when, depth, write.use)]
    return found if unless is None else [*found, f"not ({expressions.emit(unless, depth, write.use)})"]


def _place(one: RowMade) -> str:
    if one.at:
        return f"@{one.at}"
    return one.path.text if one.path is not None else _written(one.key or [])


def _row(write: Writer, made: MapMade, one: RowMade, number: int, groups: dict[int, int]) -> None:
    write(f"# {one.row.label}")
    asked = _condition(write, one.condition, made.depth)
    if one.plan is None:
        write(f"if {' and '.join(asked) or 'True'}:")
        write(f"    draft.labels.add({one.row.get('label')!r})")
        return
    for path in (one.path, one.unit):
        if path is not None:
            write.use(path.emit(made.depth), "")
    if one.required and asked:
        write(f"q{number} = {' and '.join(asked)}")
        asked = [f"q{number}"]
    group = groups[number]
    if group != number:
        asked.append(f"not g{group}")
    known = set(write.known)
    if asked:
        write(f"if {' and '.join(asked)}:")
        write.depth += 1
    _Row(write, made, one, number, f"g{group}" if group in _asked_for(made, groups) else "").fill()
    if asked:
        # What was found under a condition may not be there below it.
        write.known = known
    write.depth = 1


class _Row:
    """Writes what fills one row in. ``flag`` is the variable that says whether it did, empty when nobody asks."""

    def __init__(self, write: Writer, made: MapMade, one: RowMade, number: int, flag: str) -> None:
        assert one.plan is not None  # noqa: S101 - labels never come here
        self.write, self.made, self.one, self.plan = write, made, one, one.plan
        self.number, self.flag = number, flag
        self.row = f"R{number}"

    def fill(self) -> None:
        """Write it."""
        one, write = self.one, self.write
        if one.at:
            write(f"several = [(one, {'@' + one.at!r}) for one in run.named.get({one.at!r}, ())]")
            self._each(lambda: self._set(f"{self._putter()}(draft, run, {self.row}, v, s)"))
        elif one.path is not None:
            self._from(one.path.emit(self.made.depth))
        elif one.key is not None:
            self._reference("None")
        else:
            self._constant()

    def _set(self, call: str) -> None:
        """Write a call that answers whether the element is filled."""
        if not self.flag:
            self.write(call)
        else:
            self.write(f"{self.flag} = {call}" + (f" or {self.flag}" if self.one.multiple else ""))

    def _done(self) -> None:
        if self.flag:
            self.write(f"{self.flag} = True")

    def _constant(self) -> None:
        one, write = self.one, self.write
        if not self._single() or type(one.constant) is list or self.plan.shared:
            self._set(f"put_constant(draft, run, {self.row}, {one.constant!r})")
            return
        write(f"body[{one.row.get('to')!r}] = {one.constant!r}")
        write(f"trail.append(T{self.number})")
        self._done()

    def _single(self) -> bool:
        """Whether the row puts one value at a place that is always the same."""
        target = self.one.target
        return target is not None and len(target.segments) == 1 and target.segments[0].how == "single"

    def _from(self, emitted: Emitted) -> None:
        write = self.write
        if emitted.many:
            write(f"several = [hit for hit in {emitted.value} if valued(hit[0])]")
            if self.one.joins:
                self._joined()
            else:
                self._each(self._value if self.one.key is None else self._key_of_value)
            if self._erases():
                write(f"if not several and any(v == {write.dialect.null} for v, _ in {emitted.value}):")
                write(f"    erase(draft, {self.row})")
            return
        write(f"v = {emitted.value}")
        write(f"if {write.dialect.filled}:")
        write.depth += 1
        if self.one.key is None:
            self._value(emitted.source)
        else:
            self._key_of_value(emitted.source)
        write.depth -= 1
        if self._erases():
            write(f"elif v == {write.dialect.null}:")
            write(f"    erase(draft, {self.row})")

    def _erases(self) -> bool:
        """Whether a field that is said to be empty takes the element away."""
        return bool(self.write.dialect.null and self.made.text.key("write") == "patch" and self.plan.places)

    def _joined(self) -> None:
        """Write the handling of several values that make one."""
        self.write("if several:")
        self.write.depth += 1
        self.write("v, s = [hit[0] for hit in several], several[0][1]")
        self._value()
        self.write.depth -= 1

    def _each(self, inner: Callable[..., None]) -> None:
        """Write the handling of several values: each makes an element, or the first wins."""
        if not self.one.multiple:
            self.write("if len(several) > 1:")
            self.write(f"    overflow(draft, run, {self.row}, several)")
        self.write(f"for v, s in several{'' if self.one.multiple else '[:1]'}:")
        self.write.depth += 1
        inner()
        self.write.depth -= 1

    def _value(self, source: str = "s") -> None:
        """Write the conversion of ``v`` and where its answer goes."""
        one, write, number = self.one, self.write, self.number
        depth = self.made.depth
        value = "v"
        if write.dialect.reads and not one.raw and not (one.path is not None and one.path.whole):
            value = f"{write.dialect.reads}(v)"
        if one.alone:
            context = f"X{number}"
        else:
            unit = _one(write, one.unit, depth) if one.unit else "None"
            if write.dialect.reads and one.unit and not one.raw:
                unit = f"{write.dialect.reads}({unit} or '')"
            context = f"Context(F{number}, run.ids, run.system, n0, n{depth}, {unit})"
        write("try:")
        write(f"    m = C{number}({value}, {context})")
        write("except Exception as error:")
        write(f"    refuse(draft, run, {self.row}, v, {source}, error)")
        write("else:")
        write.depth += 1
        self._put(source)
        write.depth -= 1

    def _put(self, source: str) -> None:
        """Write where ``m`` goes: straight into the body where nothing has to be looked at."""
        write, plan = self.write, self.plan
        if not (plan.sound and not plan.shared and not plan.spread and self._single()):
            self._set(f"put(draft, run, {self.row}, v, m, {source})")
            return
        name = repr(self.one.row.get("to"))
        write("if m.__class__ is Converted:")
        write.depth += 1
        self._set(f"put(draft, run, {self.row}, v, m, {source})")
        write.depth -= 1
        write(f"elif m is not None and {name} not in body:")
        write.depth += 1
        write(f"body[{name}] = m")
        sources = f"{self.row}.sources" if plan.sources else "None"
        write(f"trail.append(({self.row}, {name}, m, {source}, {sources}, {plan.origin!r}))")
        self._done()
        write.depth -= 1

    def _putter(self) -> str:
        return "put_reference" if self.one.target is not None else "keep_patient"

    def _key_of_value(self, source: str = "s") -> None:
        if any(piece is None for part in self.one.key or [] for piece in part.pieces):
            self.write("k = text_of(v)")
        self._reference(source)

    def _reference(self, source: str) -> None:
        """Write a reference made from a key: nothing when one of its placeholders is empty."""
        key, write, type_ = self.one.key or [], self.write, self.one.key_type
        from_, cached = _keyed(write, type_, key, self.made.depth)
        if cached:
            made, holes = "rid", ["rid"]
        else:
            made = f"run.id({type_!r}, {_joined(key)})"
            holes = [f"k{number}" for number in range(len(_holes(key)))]
            holes += ["k"] if any(piece is None for part in key for piece in part.pieces) else []
        if holes:
            write(f"if {' and '.join(f'{hole} is not None' for hole in holes)}:")
            write.depth += 1
        if source == "None":
            source = from_
        self._set(f"{self._putter()}(draft, run, {self.row}, {type_ + '/'!r} + {made}, {source})")
        if holes:
            write.depth -= 1
