"""Writes the Python of a map: straight lines that read, ask and call the engine, one block a row."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.mapping import expressions, fill, template
from gateway.mapping.convert import RowFacts, key_part
from gateway.mapping.dialect import Dialect, SourcePath
from gateway.mapping.engine import Head
from gateway.mapping.expressions import Expression
from gateway.mapping.fill import Draft, Run
from gateway.mapping.rows import MapMade, RowMade
from gateway.model import Lineage

# What the generated lines call in the engine.
ENGINE = ("convert", "put_constant", "put_reference", "keep_patient", "overflow", "missing", "no_key")


class Writer:
    """Lines of Python with their indentation."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def __call__(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def text(self) -> str:
        """Return the whole."""
        return "\n".join(self.lines) + "\n"


def compile_map(made: MapMade, dialect: Dialect) -> tuple[str, Callable[[Any, Run], list[Head] | None], Any, dict[str, Any]]:
    """Return the Python of a map, its two functions, and the names that they see (``PLAN`` is set by the caller)."""
    write = Writer()
    _heads(write, made)
    _rows(write, made)
    source = write.text()
    names: dict[str, Any] = {
        **dialect.helpers(),
        **{name: getattr(fill, name) for name in ENGINE},
        "valued": expressions.valued,
        "holds": expressions.holds,
        "key_part": key_part,
        "Draft": Draft,
        "Decimal": Decimal,
        "EMPTY": {},
        "KEY": fill.RowPlan(
            label=f"{made.text.name}/key",
            target="id",
            steps=(),
            convert=lambda value, _: value,
            facts=RowFacts(),
            origin="derived",
            private=True,
            pattern=None,
            kinds=(str,),
            spread=False,
        ),
        "HEAD": _head_lines(made),
        **{
            f"C{number}": fill.constant_lines(one.plan, one.constant)
            for number, one in enumerate(made.rows)
            if one.plan is not None and _fixed(one)
        },
        **{f"R{number}": one.plan for number, one in enumerate(made.rows) if one.plan is not None},
    }
    # The text is made above from paths that were parsed and constants written with repr: nothing of a file reaches it as code.
    exec(compile(source, f"<map {made.text.name}>", "exec"), names)  # noqa: S102
    return source, names["heads"], names["rows"], names


def _head_lines(made: MapMade) -> tuple[Lineage, ...]:
    name = made.text.name
    lines = [Lineage(path="resourceType", origin="constant", source=None, row=f"{name}/map")]
    for number in range(len(made.profiles)):
        path = f"meta.profile[{number}]"
        lines.append(Lineage(path=path, origin="constant", source=None, row=f"{name}/profile"))
    return tuple(lines)


def _nodes(write: Writer, made: MapMade) -> None:
    for level in range(1, made.depth + 1):
        write(f"d{level} = n{level} if type(n{level}) is dict else EMPTY")


def _heads(write: Writer, made: MapMade) -> None:
    write("def heads(n0, run):")
    write.depth += 1
    write("d0, w0 = n0, ''")
    if made.selector is not None:
        write(f"if not ({expressions.emit(made.selector, 0)}):")
        write("    return None")
    write("found = []")
    for level, steps in enumerate(made.foreach.levels() if made.foreach else [], start=1):
        write(f"for n{level}, w{level}, i{level} in items(n{level - 1}, w{level - 1}, {steps}):")
        write.depth += 1
    _nodes(write, made)
    sources = _key(write, made.key, made.depth, f"no_key(run, {made.text.name + '/key'!r}, {{source}})")
    items = "".join(f", n{level}, w{level}, i{level}" for level in range(1, made.depth + 1))
    write(f"found.append((run.id({made.text.type!r}, {_joined(made.key)}), {sources}{items}))")
    write.depth = 1
    write("return found")
    write.depth = 0


def _key(write: Writer, parts: list[template.Template], depth: int, otherwise: str) -> str:
    """Write the values of the placeholders to k0, k1, …; return the Python for where they came from."""
    sources = []
    for number, path in enumerate(path for part in parts for path in part.paths):
        emitted = path.emit(depth)
        sources.append(emitted.source if not emitted.many else repr(path.text))
        write(f"k{number} = text_of({_one(path, depth)})")
        if otherwise:
            write(f"if k{number} is None:")
            write("    " + otherwise.format(source=sources[-1]))
    return " + ', ' + ".join(sources) or "None"


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


def _one(path: SourcePath, depth: int) -> str:
    """Return the Python for the first value of a path."""
    emitted = path.emit(depth)
    return f"next((v for v, _ in {emitted.value}), None)" if emitted.many else emitted.value


def _rows(write: Writer, made: MapMade) -> None:
    write("")
    write("")
    write("def rows(head, run):")
    write.depth += 1
    items = "".join(f", n{level}, w{level}, i{level}" for level in range(1, made.depth + 1))
    write(f"rid, origin{items} = head")
    write("n0 = d0 = run.node")
    write("w0 = ''")
    _nodes(write, made)
    profile = f", 'meta': {{'profile': {made.profiles!r}}}" if made.profiles else ""
    write(f"body = {{'resourceType': {made.text.type!r}, 'id': rid{profile}}}")
    write(f"draft = Draft(PLAN, rid, body, {_class(made)}, [*HEAD, KEY.line('id', origin, 'derived')])")
    write("run.drafts.append(draft)")
    groups = _groups(made)
    for number in sorted(set(groups.values())):
        write(f"g{number} = False")
    for number, one in enumerate(made.rows):
        _row(write, made, one, number, groups)
    for number, one in enumerate(made.rows):
        if one.required:
            asked = f"q{number} and " if one.conditional else ""
            write(f"if {asked}not g{groups[number]}:")
            write(f"    missing(draft, R{number}, {_written(one)!r})")
    write("return draft")
    write.depth = 0


def _class(made: MapMade) -> str:
    pieces = [
        repr(piece) if isinstance(piece, str) else f"(text_of({_one(piece, made.depth)}) or '')"
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


def _condition(condition: tuple[Expression | None, Expression | None], depth: int) -> list[str]:
    when, unless = condition
    found = [] if when is None else [expressions.emit(when, depth)]
    return found if unless is None else [*found, f"not ({expressions.emit(unless, depth)})"]


def _written(one: RowMade) -> str:
    if one.at:
        return f"@{one.at}"
    if one.path is not None:
        return one.path.text
    return ", ".join(path.text for part in one.key or [] for path in part.paths)


def _row(write: Writer, made: MapMade, one: RowMade, number: int, groups: dict[int, int]) -> None:
    write(f"# {one.row.label}")
    asked = _condition(one.condition, made.depth)
    if one.plan is None:
        write(f"if {' and '.join(asked) or 'True'}:")
        write(f"    draft.labels.add({one.row.get('label')!r})")
        return
    if one.required and asked:
        write(f"q{number} = {' and '.join(asked)}")
        asked = [f"q{number}"]
    group = groups[number]
    if group != number:
        asked.append(f"not g{group}")
    if asked:
        write(f"if {' and '.join(asked)}:")
        write.depth += 1
    _fill(write, made, one, number, f"g{group}")
    write.depth = 1


def _fill(write: Writer, made: MapMade, one: RowMade, number: int, flag: str) -> None:
    row = f"R{number}"
    if one.at:
        write(f"hits = [(one, {'@' + one.at!r}) for one in run.named.get({one.at!r}, ())]")
        _each(write, one, row, flag, f"{_putter(one)}(draft, {row}, v, s)")
    elif one.path is None and one.key is None:
        _constant(write, one, number, flag)
    elif one.path is None:
        sources = _key(write, one.key or [], made.depth, "")
        _reference(write, one, row, flag, sources)
    else:
        _from(write, made, one, row, flag)


def _fixed(one: RowMade) -> bool:
    """Whether a row puts a constant at a place that is always the same."""
    single = one.target is not None and len(one.target.segments) == 1 and one.target.segments[0].how == "single"
    return single and "const" in one.row.content


def _constant(write: Writer, one: RowMade, number: int, flag: str) -> None:
    if not _fixed(one):
        write(f"{flag} = put_constant(draft, R{number}, {one.constant!r})")
        return
    write(f"body[{one.row.get('to')!r}] = {one.constant!r}")
    write(f"draft.lineage += C{number}")
    write(f"{flag} = True")


def _from(write: Writer, made: MapMade, one: RowMade, row: str, flag: str) -> None:
    emitted = one.path.emit(made.depth) if one.path else None
    if emitted is None:
        return
    unit = _one(one.unit, made.depth) if one.unit else "None"
    call = f"convert(draft, run, {row}, v, s, n{made.depth}, {unit})"
    if emitted.many:
        write(f"hits = [hit for hit in {emitted.value} if valued(hit[0])]")
        if one.key is None:
            _each(write, one, row, flag, call)
        else:
            _each_reference(write, made, one, row, flag)
        return
    write(f"v = {emitted.value}")
    write("if v or v == 0:")
    write.depth += 1
    if one.key is None:
        write(f"{flag} = " + call.replace(", v, s, ", f", v, {emitted.source}, "))
    else:
        _value_key(write, one)
        _key(write, one.key, made.depth, "")
        _reference(write, one, row, flag, emitted.source)
    write.depth -= 1


def _each(write: Writer, one: RowMade, row: str, flag: str, call: str) -> None:
    """Write the handling of several values: each makes an element, or the first wins."""
    if one.multiple:
        write("for v, s in hits:")
        write(f"    {flag} = {call} or {flag}")
        return
    write("if len(hits) > 1:")
    write(f"    overflow(draft, {row}, hits)")
    write("for v, s in hits[:1]:")
    write(f"    {flag} = {call}")


def _each_reference(write: Writer, made: MapMade, one: RowMade, row: str, flag: str) -> None:
    if not one.multiple:
        write("if len(hits) > 1:")
        write(f"    overflow(draft, {row}, hits)")
    write(f"for v, s in hits{'' if one.multiple else '[:1]'}:")
    write.depth += 1
    _value_key(write, one)
    _key(write, one.key or [], made.depth, "")
    _reference(write, one, row, flag, "s")
    write.depth -= 1


def _value_key(write: Writer, one: RowMade) -> None:
    if any(piece is None for part in one.key or [] for piece in part.pieces):
        write("k = text_of(v)")


def _putter(one: RowMade) -> str:
    return "put_reference" if one.target is not None else "keep_patient"


def _reference(write: Writer, one: RowMade, row: str, flag: str, source: str) -> None:
    """Write a reference made from a key: nothing when one of its placeholders is empty."""
    key = one.key or []
    holes = [f"k{number}" for number in range(sum(len(part.paths) for part in key))]
    if any(piece is None for part in key for piece in part.pieces):
        holes.append("k")
    if holes:
        write(f"if {' and '.join(f'{hole} is not None' for hole in holes)}:")
        write.depth += 1
    made = f"{one.key_type + '/'!r} + run.id({one.key_type!r}, {_joined(key)})"
    write(f"{flag} = {_putter(one)}(draft, {row}, {made}, {source}) or {flag}")
    if holes:
        write.depth -= 1
