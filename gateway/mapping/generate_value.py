"""Writes what becomes of a value: its conversion, or what is remembered of it, and where the answer goes."""

from __future__ import annotations

from typing import Final

from gateway.mapping.generate_place import nested, places_itself, places_new, write_place
from gateway.mapping.generate_slots import asks_much, begins, sole
from gateway.mapping.rows import MapMade, RowMade
from gateway.mapping.writer import Writer, first, holes, joined, keyed

# The classes of values that generated lines tell apart from remarks and lists.
PLAIN: Final = (dict, str, bool)
# The variable of the context that rows share.
SHARED: Final = "x"


class ValueWriter:
    """Writes what becomes of a value of one row. ``flag`` is the variable that says whether it did, empty when nobody asks."""

    def __init__(self, write: Writer, made: MapMade, one: RowMade, number: int, flag: str) -> None:
        assert one.plan is not None  # noqa: S101 - labels never come here
        self.write, self.made, self.one, self.plan = write, made, one, one.plan
        self.number, self.flag = number, flag
        self.row = f"R{number}"
        # Whether nothing is there yet under the first name of its path, so that all of it can be written at once.
        self.alone = not write.noting and begins(made, one, number)
        # Whether a loop over values has the list that they go to in a variable.
        self.listing = False

    def set(self, call: str) -> None:
        """Write a call that answers whether the element is filled."""
        if not self.flag:
            self.write(call)
        else:
            self.write(f"{self.flag} = {call}" + (f" or {self.flag}" if self.one.multiple else ""))

    def done(self) -> None:
        """Write that the element is filled."""
        if self.flag:
            self.write(f"{self.flag} = True")

    def place(self, value: str, note: str, *done: str) -> None:
        """Write the lines that put a value in its place; see ``write_place``."""
        flagged = (f"{self.flag} = True",) if self.flag else ()
        write, name = self.write, self.plan.places[0].name
        if self.listing:
            write(f"if not a: a = body[{name!r}] = [{value}]")
            write(f"else: a.append({value})")
        elif self.alone:
            write(f"body[{name!r}] = {nested(self.plan, value)}")
        else:
            write_place(write, self.plan, self.row, value, note, *flagged, *done, sole=sole(self.made, self.one))
            return
        for line in (*flagged, *done):
            write(line)

    def remembers(self) -> bool:
        """Whether what the converter makes of a value may be known from an earlier record."""
        return self.one.slot >= 0 and not self.one.sourced and self.one.key is None

    def value(self, source: str = "s") -> None:
        """Write the conversion of ``v`` and where its answer goes."""
        if self.remembers():
            self.recall(source, "")
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

    def recall(self, source: str, filled: str) -> None:
        """Write the conversion of a text that may be known from an earlier record."""
        self.write(f"m = known[{self.one.slot}].get(v)")
        self.learned(source, f"if m is None and {filled}:" if filled else "if m is None:")
        self.known(source)

    def learned(self, source: str, condition: str) -> None:
        """Write the conversion of a text that isn't known yet."""
        write, plan, slot = self.write, self.plan, f"known[{self.one.slot}]"
        if condition:
            write(condition)
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
        self.put_any(source)
        write("m = None")
        write.depth -= 3 if condition else 2

    def known(self, source: str) -> None:
        """Write where a meaning goes that is known by now."""
        write, plan = self.write, self.plan
        write("if m is not None:")
        write.depth += 1
        if not plan.sound and plan.kinds[0] is dict:
            write("m, more = m")
            write("refs |= more")
        self.place("m", f"m, {source}, {self._sources()}, {plan.origin!r}")
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
            self.set(f"keep_moment(draft, run, {self.row}, m, {source})")
        elif (plan.sound or plan.refers) and (places_itself if write.noting else places_new)(plan) and plan.kinds[0] in PLAIN:
            write(f"if m.__class__ is {plan.kinds[0].__name__}:")
            write.depth += 1
            if plan.refers:
                write("refer(draft, m)")
            self.place("m", f"m, {source}, {self._sources()}, {plan.origin!r}")
        else:
            write("if m is not None:")
            write.depth += 1
            self.put_any(source)
            write.depth -= 1
            return
        write.depth -= 1
        write("elif m is not None:")
        write.depth += 1
        self.put_any(source)
        write.depth -= 1

    def put_any(self, source: str) -> None:
        """Write a call that looks at ``m`` first; a list that is in a variable may come of it."""
        self.set(f"put(draft, run, {self.row}, v, m, {source})")
        if self.listing:
            self.write(f"a = body.get({self.plan.places[0].name!r})")

    def putter(self) -> str:
        """Return the function that puts a reference where the row says."""
        return "put_reference" if self.one.target is not None else "keep_patient"

    def key_of_value(self, source: str = "s") -> None:
        """Write a reference made from a key with the value in it."""
        if any(piece is None for part in self.one.key or [] for piece in part.pieces):
            self.write("k = text_of(v)")
        self.reference(source)

    def reference(self, source: str) -> None:
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
            self.place("m", f"m, {source}, None, {self.plan.origin!r}", "refs.add(r)")
        else:
            self.set(f"{self.putter()}(draft, run, {self.row}, {target}, {source})")
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
        self.place("m", f"m, {from_ if source == 'None' else source}, None, {self.plan.origin!r}", "refs.add(m['reference'])")
        write.depth -= 2
