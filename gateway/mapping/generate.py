"""Writes the Python of a map: straight lines that read, ask and call the engine, one block a row."""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from gateway.identity import IdSpace
from gateway.mapping import expressions, fill
from gateway.mapping.convert import ConvertContext, Converted, Converter, RowFacts, key_part
from gateway.mapping.dialect import Dialect, Located
from gateway.mapping.draft import Draft
from gateway.mapping.engine import Head
from gateway.mapping.faults import missing, no_key, overflow
from gateway.mapping.fill import MISS, RowPlan, Run
from gateway.mapping.generate_place import nested
from gateway.mapping.generate_row import write_rows
from gateway.mapping.generate_slots import lone, number_slots
from gateway.mapping.lineage import Step
from gateway.mapping.rows import MapMade, RowMade
from gateway.mapping.writer import Writer, first, holes, joined, key_label, keyed, unshared, written

# What the generated lines call in the engine, and of what faults they tell.
ENGINE: Final = (
    "asked", "element", "erase", "keep_moment", "keep_patient", "learn", "put", "put_constant",
    "put_reference", "refer", "refuse",
)  # fmt: skip


# Whoever asks for ids doesn't stand alone.
NO_IDS: Final = IdSpace(namespace=UUID(int=0), hash_key=b"")


Heads = Callable[[Any, Run], list[Head] | None]
Rows = Callable[[Head, Run], Draft]


class Compiled(NamedTuple):
    """The Python of a map, its functions, and the names that they see; ``heads`` and ``noted`` are compiled when they are asked for."""

    source: str
    whole: Callable[[Any, Run], bool]
    heads: Callable[[], Heads]
    noted: Callable[[], Rows]
    names: dict[str, Any]


def compile_map(
    made: MapMade, dialect: Dialect, converters: dict[str, Converter], slots: list[RowFacts | None], referred: Collection[str]
) -> Compiled:
    """Return what a map becomes; the caller sets ``PLAN`` among its names. Its rows that remember are added to ``slots``.

    ``referred`` are the keys by which rows of the set refer to resources: the ids of those are worked out once a record.
    """
    number_slots(made, dialect, converters, slots)
    write = Writer(dialect, _itself(made), referred)
    _whole(write, made)
    source = write.text()
    names = _names(made, dialect, converters)
    _run(source, made, names)

    @cache
    def heads() -> Heads:
        write = Writer(dialect, _itself(made), referred)
        _heads(write, made)
        _run(write.text(), made, names)
        made_heads: Heads = names["heads"]
        return made_heads

    @cache
    def noted() -> Rows:
        write = Writer(dialect, _itself(made), referred, noting=True)
        _rows(write, made)
        _run(write.text(), made, names)
        made_rows: Rows = names["noted"]
        return made_rows

    return Compiled(source, names["whole"], heads, noted, names)


def _run(source: str, made: MapMade, names: dict[str, Any]) -> None:
    # The text is made here from paths that were parsed and constants written with repr: nothing of a file reaches it as code.
    exec(compile(source, f"<map {made.text.name}>", "exec"), names)  # noqa: S102


def _names(made: MapMade, dialect: Dialect, converters: dict[str, Converter]) -> dict[str, Any]:
    plans = [(number, one, one.plan) for number, one in enumerate(made.rows) if one.plan is not None]
    return {
        **{name: getattr(fill, name) for name in ENGINE},
        "missing": missing,
        "no_key": no_key,
        "overflow": overflow,
        "valued": expressions.valued,
        "holds": expressions.holds,
        "key_part": key_part,
        "Context": ConvertContext,
        "MISS": MISS,
        "KEPT": (Converted,),
        "SPREAD": (Converted, list),
        "Draft": Draft,
        "Decimal": Decimal,
        **dialect.helpers(),
        "KEY": _key_plan(made),
        "HEAD": _head_steps(made),
        "FACTS": RowFacts(namespaces=made.text.key("namespaces") or {}),
        **{f"R{number}": plan for number, _, plan in plans},
        "bool": bool,
        "dict": dict,
        "str": str,
        **{f"W{number}": _constant(made, one) for number, one, _ in plans},
        "META": {"profile": made.profiles},
        **{f"S{number}": plan.sources for number, _, plan in plans},
        **{f"C{number}": plan.convert for number, _, plan in plans},
        **{f"F{number}": plan.facts for number, _, plan in plans},
        **{f"X{number}": ConvertContext(plan.facts, NO_IDS, "", None, None, None) for number, _, plan in plans},
        **{f"T{number}": (plan, plan.target, one.constant, None, None, plan.origin) for number, one, plan in plans},
        **{f"ask_{name}": converters[name] for name in _askers(made)},
    }


def _constant(made: MapMade, one: RowMade) -> Any:
    """Return a constant as generated lines put it down: with the elements around it where the row alone fills those."""
    if not lone(made, one) or one.conditional or one.plan is None or "const" not in one.row.content:
        return one.constant
    return eval(nested(one.plan, "value"), {"value": one.constant})  # noqa: S307 - text made here, of names and labels by repr


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


def _itself(made: MapMade) -> tuple[str, str]:
    """Return the Python that finds, from an item, nothing else than the item, and the item."""
    return ("", "") if made.foreach is None else made.foreach.itself(made.depth)


def _whole(write: Writer, made: MapMade) -> None:
    """Write what finds the items of a map and fills the resource of each in."""
    write.begin("def whole(n0, run):")
    write("ready, known = run.ready, run.known.slots")
    _each(write, made, "return False")
    _id(write, made)
    if made.text.key("write") == "ensure":
        write("if rid in run.made:")
        write("    continue" if made.foreach else "    return True")
        write("run.made.add(rid)")
    _resource(write, made)
    write.depth = 1
    write("return True")


def _once(write: Writer, made: MapMade, question: str) -> str:
    """Return a question about an item with each text in it that is asked for again in a variable of its own."""
    rows = [expressions.emit(one, made.depth, expressions.bare, local=True) for row in made.rows for one in row.condition if one]
    for path in dict.fromkeys(expressions.paths(made.foreach.remains() if made.foreach else None)):
        quick = path.emit(made.depth).quick  # empty where a path may give several
        if quick and question.count(quick) and " ".join((question, *rows)).count(quick) > 1:
            name = f"t{len(write.texts)}"
            write(f"{name} = {quick}")
            write.texts[quick] = name
    return write.asked(question)


def _heads(write: Writer, made: MapMade) -> None:
    write.begin("def heads(n0, run):")
    write("ready, found = run.ready, []")
    _each(write, made, "return None")
    source = _id(write, made)
    write(f"found.append((rid, {source}{write.items(made.depth)}))")
    write.depth = 1
    write("return found")


def _each(write: Writer, made: MapMade, otherwise: str) -> None:
    """Write the question whether the selector of a map holds, and the loops over its items."""
    write.start(0)
    if made.selector is not None:
        write(f"if not ({expressions.emit(made.selector, 0, write.use, local=True)}):")
        write(f"    {otherwise}")
    for level, loop in enumerate(made.foreach.levels() if made.foreach else [], start=1):
        write(f"for {loop.replace('<at>', str(level)).replace('<up>', str(level - 1))}:")
        write.depth += 1
        write.start(level)
    condition = made.foreach.remains() if made.foreach else None
    asking = None if condition is None else expressions.asked_of_part(condition, made.depth, write.use)
    if asking:
        write(f"said = {asking}")
        write("if said is None:")
        write("    continue")
        write.answers[asking] = "said"
    elif condition is not None:
        question = expressions.emit(condition, made.depth, write.use, local=True)
        write(f"if not ({_once(write, made, question)}):")
        write("    continue")


def _id(write: Writer, made: MapMade) -> str:
    """Write the id of an item to ``rid``; return the Python for where it came from."""
    fail = f"no_key(run, {made.text.name + '/key'!r}, {written(made.key)!r})"
    type_ = made.text.type
    if key_label(type_, made.key) in write.referred:
        source, cached = keyed(write, type_, made.key, made.depth)
        name = "k"
    else:
        source, cached, name = unshared(write, made.key, made.depth), False, "h"
    if cached:
        write("if rid is None:")
        write(f"    {fail}")
    else:
        if found := holes(made.key):
            write(f"if {' or '.join(f'{name}{number} is None' for number in range(len(found)))}:")
            write(f"    {fail}")
        write(f"rid = run.ids.space.resource_id(run.system, {type_!r}, {joined(made.key, name)})")
    return source


def _rows(write: Writer, made: MapMade) -> None:
    write.begin("def noted(head, run):")
    write(f"rid, origin{write.items(made.depth)} = head")
    write("n0, ready, known = run.node, run.ready, run.known.slots")
    for level in range(made.depth + 1):
        write.start(level)
    _resource(write, made)
    write("return draft")


def _resource(write: Writer, made: MapMade) -> None:
    """Write what fills the resource of an item in."""
    write.base = write.depth
    profile = ", 'meta': META" if made.profiles else ""
    write(f"body = {{'resourceType': {made.text.type!r}, 'id': rid{profile}}}")
    class_ = _class(write, made)
    write("refs, slots = set(), {}")
    if write.noting:
        write("trail = [*HEAD, (KEY, 'id', rid, origin, None, 'derived')]")
    write(f"draft = Draft(PLAN, rid, body, {class_}, refs, slots{', trail' if write.noting else ''})")
    write("run.drafts.append(draft)")
    write_rows(write, made)


def _class(write: Writer, made: MapMade) -> str:
    pieces = [
        repr(piece) if isinstance(piece, str) else f"(text_of({first(write, piece.path, made.depth)}) or '')"
        for piece in made.class_.pieces
        if piece is not None
    ]
    return " + ".join(pieces) or "''"
