"""Writes what fills one row in: read, convert, put, and note where it came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.mapping.dialect import Emitted
from gateway.mapping.generate_place import fixed, nested, places_itself, places_new, write_place
from gateway.mapping.generate_slots import asked_for, asks_much, groups_of, lone
from gateway.mapping.rows import ERASED, MapMade, RowMade
from gateway.mapping.writer import Writer, conditions, first, holes, joined, keyed, written

# The classes of values that generated lines tell apart from remarks and lists.
PLAIN: Final = (dict, str, bool)
# The variable of the context that rows share.
SHARED: Final = "x"


def write_rows(write: Writer, made: MapMade) -> None:
    """Write all rows of a map, and what becomes of the record when a required one stays empty."""
    groups = groups_of(made)
    if any(map(asks_much, made.rows)):
        write(f"{SHARED} = Context(None, run.ids, run.system, n0, n{made.depth}, None)")
    for number in sorted(asked_for(made, groups)):
        write(f"g{number} = False")
    for number, one in enumerate(made.rows):
        _row(write, made, one, number, groups)
    for number, one in enumerate(made.rows):
        if one.required:
            asked = f"q{number} and " if one.conditional else ""
            write(f"if {asked}not g{groups[number]}:")
            write(f"    missing(draft, run, R{number}, {_place(one)!r})")


def _place(one: RowMade) -> str:
    if one.at:
        return f"@{one.at}"
    return one.path.text if one.path is not None else written(one.key or [])


def _row(write: Writer, made: MapMade, one: RowMade, number: int, groups: dict[int, int]) -> None:
    write(f"# {one.row.label}")
    asked = conditions(write, one.condition, made.depth)
    if one.plan is None:
        write(f"if {' and '.join(asked) or 'True'}:")
        write(f"    run.labelled = draft.saying().labels.add({one.row.get('label')!r}) is None")
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
    _Row(write, made, one, number, f"g{group}" if group in asked_for(made, groups) else "").fill()
    if asked:
        # What was found under a condition may not be there below it.
        write.known = known
    write.depth = write.base


class _Row:
    """Writes what fills one row in. ``flag`` is the variable that says whether it did, empty when nobody asks."""

    def __init__(self, write: Writer, made: MapMade, one: RowMade, number: int, flag: str) -> None:
        assert one.plan is not None  # noqa: S101 - labels never come here
        self.write, self.made, self.one, self.plan = write, made, one, one.plan
        self.number, self.flag = number, flag
        self.row = f"R{number}"
        # Whether nothing else is filled under the first name of its path, so that all of it can be written at once.
        self.lone = not write.noting and lone(made, one)

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
        if one.constant == ERASED:
            write(f"erase(draft, {self.row})")
            return
        if self.lone and not one.conditional and type(one.constant) is not list:
            write(f"body[{self.plan.places[0].name!r}] = W{self.number}")
            self._done()
        elif type(one.constant) is list or not places_itself(self.plan):
            self._set(f"put_constant(draft, run, {self.row}, {one.constant!r})")
        elif len(self.plan.places) == 1 and fixed(self.plan):
            write(f"body[{one.row.get('to')!r}] = {f'W{self.number}' if type(one.constant) is dict else repr(one.constant)}")
            if write.noting:
                write(f"trail.append(T{self.number})")
            self._done()
        else:
            write(f"m = {one.constant!r}")
            self._place("m", f"m, None, None, {self.plan.origin!r}")

    def _place(self, value: str, note: str, *done: str) -> None:
        flagged = (f"{self.flag} = True",) if self.flag else ()
        if self.lone and not self.one.multiple:
            for line in (f"body[{self.plan.places[0].name!r}] = {nested(self.plan, value)}", *flagged, *done):
                self.write(line)
            return
        write_place(self.write, self.plan, self.row, value, note, *flagged, *done)

    def _from(self, emitted: Emitted) -> None:
        several = emitted.many and not (self.one.multiple and not self.one.joins)
        if emitted.field and not several:
            write_field = self._repetitions if emitted.many else self._component if emitted.component else self._first
            write_field(emitted)
        elif emitted.many:
            self._several(emitted)
        else:
            self._single(emitted)

    def _first(self, emitted: Emitted) -> None:
        """Write what becomes of the first repetition of a field."""
        write = self.write
        there = f"if {emitted.has} and (v := {emitted.field})"
        if self._erases():
            write(f"{there}:")
            write.depth += 1
            self._erase(f"if v == {write.dialect.null}:")
            write("else:")
        else:
            write(f"{there} and v != {write.dialect.null}:")
        write.depth += 1
        write(emitted.cut)
        self._inner(emitted.source)
        write.depth -= 2 if self._erases() else 1

    def _component(self, emitted: Emitted) -> None:
        """Write what becomes of the first component of the first repetition of a field."""
        write = self.write
        write(f"if {emitted.has} and (v := {emitted.field}):")
        write.depth += 1
        write(emitted.cut)
        write("if '^' in v: v = v[:v.index('^')]")
        write(f"if {write.dialect.filled}:")
        write.depth += 1
        self._inner(emitted.source)
        write.depth -= 1
        if self._erases():
            self._erase(f"elif v == {write.dialect.null}:")
        write.depth -= 1

    def _repetitions(self, emitted: Emitted) -> None:
        """Write what becomes of each repetition of a field."""
        write = self.write
        null = write.dialect.null
        write(f"if {emitted.has} and (w := {emitted.field}):")
        write.depth += 1
        write("for i, v in enumerate(w.split('~'), 1) if '~' in w else ((1, w),):")
        write.depth += 1
        write(f"if v and v != {null}:")
        write.depth += 1
        self._inner(emitted.source)
        write.depth -= 2
        if self._erases():
            self._erase(f"if w == {null}:")
        write.depth -= 1

    def _several(self, emitted: Emitted) -> None:
        """Write what becomes of values that are looked for all over the record."""
        write = self.write
        kept = emitted.value if emitted.values else f"[hit for hit in {emitted.value} if valued(hit[0])]"
        write(f"several = {kept}" + (f" if {emitted.there} else ()" if emitted.there else ""))
        if self.one.joins:
            self._joined()
        else:
            self._each(self._inner)
        if emitted.null and self._erases():
            self._erase(f"if not several and {emitted.null}:")

    def _single(self, emitted: Emitted) -> None:
        """Write what becomes of a value."""
        write = self.write
        write(f"v = {emitted.value}")
        write(f"if {write.dialect.filled}:")
        write.depth += 1
        if emitted.cut:
            write(emitted.cut)
        self._inner(emitted.source)
        write.depth -= 1
        if self._erases():
            self._erase(f"elif v == {write.dialect.null}:")

    def _erase(self, condition: str) -> None:
        self.write(condition)
        self.write(f"    erase(draft, {self.row})")

    def _inner(self, source: str = "s") -> None:
        if self.one.key is None:
            self._value(source)
        else:
            self._key_of_value(source)

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

    def _each(self, inner: Callable[..., None], several: str = "several") -> None:
        """Write the handling of several values: each makes an element, or the first wins."""
        if not self.one.multiple:
            self.write("if len(several) > 1:")
            self.write(f"    overflow(draft, run, {self.row}, several)")
        self.write(f"for v, s in {several}{'' if self.one.multiple else '[:1]'}:")
        self.write.depth += 1
        inner()
        self.write.depth -= 1

    def _value(self, source: str = "s") -> None:
        """Write the conversion of ``v`` and where its answer goes."""
        if self.one.slot >= 0 and not self.one.sourced:
            self._remembered(source)
            return
        write = self.write
        context = self._context()
        if context == SHARED:
            write(f"x.row = F{self.number}")
        write("try:")
        write(f"    m = C{self.number}({self._read()}, {context})")
        write("except Exception as error:")
        write(f"    refuse(draft, run, {self.row}, v, {source}, error)")
        write("else:")
        write.depth += 1
        self._put(source)
        write.depth -= 1

    def _remembered(self, source: str) -> None:
        """Write the conversion of a text that may be known from an earlier record."""
        write, plan, slot = self.write, self.plan, f"known[{self.one.slot}]"
        write(f"m = {slot}.get(v)")
        write("if m is None:")
        write.depth += 1
        write("try:")
        write(f"    m = C{self.number}({self._read()}, {self._context()})")
        write("except Exception as error:")
        write("    m = None")
        write(f"    refuse(draft, run, {self.row}, v, {source}, error)")
        write("else:")
        write.depth += 1
        write(f"if m.__class__ is {plan.kinds[0].__name__}:")
        write(f"    m = learn(draft, run, {self.row}, {slot}, v, m, {source})")
        write("elif m is not None:")
        write.depth += 1
        self._set(f"put(draft, run, {self.row}, v, m, {source})")
        write("m = None")
        write.depth -= 3
        write("if m is not None:")
        write.depth += 1
        if not plan.sound and plan.kinds[0] is dict:
            write("m, more = m")
            write("refs |= more")
        self._place("m", f"m, {source}, {self._sources()}, {plan.origin!r}")
        write.depth -= 1

    def _read(self) -> str:
        """Return the Python of the value that the converter gets."""
        one, reads = self.one, self.write.dialect.reads
        return f"{reads}(v)" if reads and not one.raw and not (one.path is not None and one.path.whole) else "v"

    def _context(self) -> str:
        one, write, number, depth = self.one, self.write, self.number, self.made.depth
        if one.alone:
            return f"X{number}"
        if one.slot >= 0 and one.sourced:
            return f"known[{one.slot}]"
        if asks_much(one):
            return SHARED
        unit = first(write, one.unit, depth) if one.unit else "None"
        if write.dialect.reads and one.unit and not one.raw:
            unit = f"{write.dialect.reads}({unit} or '')"
        return f"Context(F{number}, run.ids, run.system, n0, n{depth}, {unit})"

    def _sources(self) -> str:
        return f"S{self.number}" if self.plan.sources else "None"

    def _put(self, source: str) -> None:
        """Write where ``m`` goes: straight into the body where nothing has to be looked at."""
        write, plan = self.write, self.plan
        if plan.target == "facts:data_at":
            write("if m.__class__ is str:")
            write.depth += 1
            self._set(f"keep_moment(draft, run, {self.row}, m, {source})")
        elif (plan.sound or plan.refers) and (places_itself if write.noting else places_new)(plan) and plan.kinds[0] in PLAIN:
            write(f"if m.__class__ is {plan.kinds[0].__name__}:")
            write.depth += 1
            if plan.refers:
                write("refer(draft, m)")
            self._place("m", f"m, {source}, {self._sources()}, {plan.origin!r}")
        else:
            write("if m is not None:")
            write.depth += 1
            self._set(f"put(draft, run, {self.row}, v, m, {source})")
            write.depth -= 1
            return
        write.depth -= 1
        write("elif m is not None:")
        write.depth += 1
        self._set(f"put(draft, run, {self.row}, v, m, {source})")
        write.depth -= 1

    def _putter(self) -> str:
        return "put_reference" if self.one.target is not None else "keep_patient"

    def _key_of_value(self, source: str = "s") -> None:
        if any(piece is None for part in self.one.key or [] for piece in part.pieces):
            self.write("k = text_of(v)")
        self._reference(source)

    def _reference(self, source: str) -> None:
        """Write a reference made from a key: nothing when one of its placeholders is empty."""
        if self.one.slot >= 0:
            self._remembered_reference(source)
            return
        key, write, type_ = self.one.key or [], self.write, self.one.key_type
        from_, cached = keyed(write, type_, key, self.made.depth)
        if cached:
            made, needed = "rid", ["rid"]
        else:
            made = f"run.id({type_!r}, {joined(key)})"
            needed = [f"k{number}" for number in range(len(holes(key)))]
            needed += ["k"] if any(piece is None for part in key for piece in part.pieces) else []
        if needed:
            write(f"if {' and '.join(f'{hole} is not None' for hole in needed)}:")
            write.depth += 1
        if source == "None":
            source = from_
        target = f"{type_ + '/'!r} + {made}"
        if self.one.target is not None and places_itself(self.plan):
            write(f"r = {target}")
            write("m = {'reference': r}")
            self._place("m", f"m, {source}, None, {self.plan.origin!r}", "refs.add(r)")
        else:
            self._set(f"{self._putter()}(draft, run, {self.row}, {target}, {source})")
        if needed:
            write.depth -= 1

    def _remembered_reference(self, source: str) -> None:
        """Write a reference that hangs on one text alone, which may be known from an earlier record."""
        key, write, slot = self.one.key or [], self.write, f"known[{self.one.slot}]"
        emitted = holes(key)[0].path.emit(self.made.depth)
        write.use(emitted, "")
        write(f"if {emitted.has} and (w := {emitted.field}):")
        write.depth += 1
        write(f"m = {slot}.get(w)")
        write("if m is None:")
        write.depth += 1
        known = set(write.known)
        from_, _ = keyed(write, self.one.key_type, key, self.made.depth)
        write.known = known
        write("if rid is not None:")
        write(f"    m = {{'reference': {self.one.key_type + '/'!r} + rid}}")
        write(f"    run.known.keep({slot}, w, m)")
        write.depth -= 1
        write("if m is not None:")
        write.depth += 1
        self._place("m", f"m, {from_ if source == 'None' else source}, None, {self.plan.origin!r}", "refs.add(m['reference'])")
        write.depth -= 2
