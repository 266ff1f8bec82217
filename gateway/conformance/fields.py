"""Whether the fields of a segment hold what the standard says: cardinality, components, tables, lengths, datatypes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.conformance.definitions import BASE_VARIES, UNBOUNDED, Definitions, Shape
from gateway.conformance.finding import Finding, Severity
from gateway.conformance.profile import Profile
from gateway.mapping.fill import mask

NULL: Final = '""'
COMPONENT, SUBCOMPONENT = "^", "&"
# OBX-2 names the datatype of OBX-5; texts in it are free.
VALUE_TYPE, VALUE = 2, 5
FREE: Final = frozenset({"TX", "FT"})


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of segments, judged by the definitions of one version and a profile."""

    definitions: Definitions
    profile: Profile

    def judge(self, fields: Sequence[str], shapes: Sequence[Shape], label: str) -> Iterator[Finding]:
        """Yield the findings of one segment: ``fields[n]`` is field n, ``fields[0]`` the name; ``label`` names it (``OBX(3)``)."""
        for shape in shapes:
            text = fields[shape.number] if shape.number < len(fields) else ""
            yield from self._field(text, _typed(shape, fields, self.definitions), f"{label}-{shape.number}")
        last = max((shape.number for shape in shapes), default=0)
        extra = [number for number in range(last + 1, len(fields)) if fields[number]]
        if extra:
            text = f"{fields[0]} has {last} fields in version {self.definitions.version}; more follow"
            yield _finding("warning", f"{label}-{extra[0]}", "components", text)

    def _field(self, text: str, shape: Shape, at: str) -> Iterator[Finding]:
        if not text:
            if shape.least:
                yield _finding("error", at, "required-missing", "a required field is empty")
            return
        # MSH-1 and MSH-2 are the separators themselves.
        repetitions = [text] if at in ("MSH-1", "MSH-2") else text.split("~")
        if UNBOUNDED < shape.most < len(repetitions):
            yield _finding("error", at, "cardinality", f"{len(repetitions)} repetitions where {shape.most} may be")
        if at in ("MSH-1", "MSH-2"):
            return
        for number, one in enumerate(repetitions, 1):
            yield from self._value(one, shape, f"{at}[{number}]", COMPONENT)

    def _value(self, text: str, shape: Shape, at: str, separator: str) -> Iterator[Finding]:
        if text in ("", NULL):
            return
        parts = text.split(separator) if separator else [text]
        if not shape.parts:
            yield from self._leaf(text, parts, shape, at)
            return
        for part, one in zip(parts, shape.parts, strict=False):
            yield from self._value(part, one, f"{at}.{one.number}", SUBCOMPONENT if separator == COMPONENT else "")
        if any(parts[len(shape.parts) :]):
            allowed = len(shape.parts)
            yield _finding("warning", at, "components", f"{len(parts)} components where {shape.datatype} has {allowed}")

    def _leaf(self, text: str, parts: Sequence[str], shape: Shape, at: str) -> Iterator[Finding]:
        if shape.datatype in (BASE_VARIES, ""):
            return
        if any(parts[1:]) and shape.datatype not in FREE:
            yield _finding("warning", at, "components", f"{len(parts)} components where {shape.datatype} has one")
        first = text if shape.datatype in FREE else parts[0]
        yield from self._table(first, shape, at)
        yield from self._type(first, shape, at)

    def _table(self, text: str, shape: Shape, at: str) -> Iterator[Finding]:
        codes = self.definitions.codes(shape.table) if shape.table and text else None
        if codes is None or text in codes or self.profile.accepts(shape.table, text):
            return
        severity: Severity = "information" if shape.datatype in self.profile.local else "warning"
        number = shape.table.removeprefix("HL7")
        yield _finding(severity, at, "table", f"{mask(text, private=False)} is not in table {number}")

    def _type(self, text: str, shape: Shape, at: str) -> Iterator[Finding]:
        too_long = -1 < shape.length < len(text)
        code = "length" if too_long else self.definitions.fault(shape.datatype, text) if text else None
        if code == "length" and shape.name not in self.profile.lengths:
            yield _finding("warning", at, code, f"{len(text)} characters are more than {shape.datatype} takes")
        elif code == "datatype":
            # What doesn't fit may be a measured value or a date of birth: its place says enough.
            yield _finding("warning", at, code, f"the value is not of datatype {shape.datatype}")


def _typed(shape: Shape, fields: Sequence[str], known: Definitions) -> Shape:
    """Return the shape of a field, with the datatype that OBX-2 gives to OBX-5."""
    if shape.datatype != BASE_VARIES or fields[0] != "OBX" or shape.number != VALUE or len(fields) <= VALUE_TYPE:
        return shape
    named = fields[VALUE_TYPE]
    if not known.knows(named):
        return shape
    return Shape(shape.name, shape.number, shape.least, shape.most, named, "", UNBOUNDED, known.datatype(named))


def _finding(severity: Severity, location: str, code: str, text: str) -> Finding:
    return Finding(severity=severity, location=location, code=code, text=text)
