"""Writes what fills one row in: read, convert, put, and note where it came from."""

from __future__ import annotations

from collections.abc import Callable

from gateway.mapping.dialect import Emitted
from gateway.mapping.generate_place import fixed, places_itself, places_new
from gateway.mapping.generate_slots import asked_for, asks_much, groups_of, lone
from gateway.mapping.generate_value import SHARED, ValueWriter
from gateway.mapping.rows import ERASED, MapMade, RowMade
from gateway.mapping.writer import Writer, conditions, written


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


class _Row(ValueWriter):
    """Writes what fills one row in: where its values come from."""

    def fill(self) -> None:
        """Write it."""
        one, write = self.one, self.write
        if one.at:
            write(f"several = [(one, {'@' + one.at!r}) for one in run.named.get({one.at!r}, ())]")
            self._each(lambda: self.set(f"{self.putter()}(draft, run, {self.row}, v, s)"))
        elif one.path is not None:
            self._from(one.path.emit(self.made.depth))
        elif one.key is not None:
            self.reference("None")
        else:
            self._constant()

    def _constant(self) -> None:
        one, write = self.one, self.write
        if one.constant == ERASED:
            write(f"erase(draft, {self.row})")
            return
        if not write.noting and lone(self.made, one) and not one.conditional and type(one.constant) is not list:
            write(f"body[{self.plan.places[0].name!r}] = W{self.number}")
            self.done()
        elif type(one.constant) is list or not places_itself(self.plan):
            self.set(f"put_constant(draft, run, {self.row}, {one.constant!r})")
        elif len(self.plan.places) == 1 and fixed(self.plan):
            write(f"body[{one.row.get('to')!r}] = {f'W{self.number}' if type(one.constant) is dict else repr(one.constant)}")
            if write.noting:
                write(f"trail.append(T{self.number})")
            self.done()
        else:
            write(f"m = {one.constant!r}")
            self.place("m", f"m, None, None, {self.plan.origin!r}")

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
        if self.remembers():
            write(f"{there}:")
            write.depth += 1
            self._recalled(emitted, f"v != {write.dialect.null}", (), emitted.cut)
            write.depth -= 1
            return
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
        cuts = (emitted.cut, "if '^' in v: v = v[:v.index('^')]")
        if self.remembers():
            self._recalled(emitted, write.dialect.filled, cuts, f"m = known[{self.one.slot}].get(v)")
            write.depth -= 1
            return
        for cut in cuts:
            write(cut)
        write(f"if {write.dialect.filled}:")
        write.depth += 1
        self._inner(emitted.source)
        write.depth -= 1
        if self._erases():
            self._erase(f"elif v == {write.dialect.null}:")
        write.depth -= 1

    def _repetitions(self, emitted: Emitted) -> None:
        """Write what becomes of each repetition of a field."""
        write, plan = self.write, self.plan
        null = write.dialect.null
        write(f"if {emitted.has} and (w := {emitted.field}):")
        write.depth += 1
        self.listing = not write.noting and places_new(plan) and len(plan.places) == 1 and bool(plan.places[0].label)
        if self.listing:
            write("a = None" if self.alone else f"a = body.get({plan.places[0].name!r})")
        self.alone = False
        write("for i, v in enumerate(w.split('~'), 1) if '~' in w else ((1, w),):")
        write.depth += 1
        if self.remembers():
            self.recall(emitted.source, f"v and v != {null}")
        else:
            write(f"if v and v != {null}:")
            write.depth += 1
            self._inner(emitted.source)
            write.depth -= 1
        write.depth -= 1
        if self._erases():
            self._erase(f"if w == {null}:")
        write.depth -= 1

    def _recalled(self, emitted: Emitted, filled: str, cuts: tuple[str, ...], then: str) -> None:
        """Write what becomes of a field: what is known is so of the field as it was sent when nothing has to be cut from it.

        Else ``cuts`` are made, and ``then`` is done where that leaves something.
        """
        write = self.write
        write(f"m = known[{self.one.slot}].get(v)")
        write("if m is None:")
        write.depth += 1
        for cut in cuts:
            write(cut)
        write(f"if {filled}:")
        write.depth += 1
        write(then)
        self.learned(emitted.source, "if m is None:" if cuts else "")
        write.depth -= 1
        if self._erases():
            self._erase(f"elif v == {write.dialect.null}:")
        write.depth -= 1
        self.known(emitted.source)

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
            self.value(source)
        else:
            self.key_of_value(source)

    def _erases(self) -> bool:
        """Whether a field that is said to be empty takes the element away."""
        return bool(self.write.dialect.null and self.made.text.key("write") == "patch" and self.plan.places)

    def _joined(self) -> None:
        """Write the handling of several values that make one."""
        self.write("if several:")
        self.write.depth += 1
        self.write("v, s = [hit[0] for hit in several], several[0][1]")
        self.value()
        self.write.depth -= 1

    def _each(self, inner: Callable[..., None], several: str = "several") -> None:
        """Write the handling of several values: each makes an element, or the first wins."""
        if self.one.multiple:
            self.alone = False
        else:
            self.write("if len(several) > 1:")
            self.write(f"    overflow(draft, run, {self.row}, several)")
        self.write(f"for v, s in {several}{'' if self.one.multiple else '[:1]'}:")
        self.write.depth += 1
        inner()
        self.write.depth -= 1
