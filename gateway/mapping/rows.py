"""A row between text and Python: its paths read, its converter and tables found, its value checked against R4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.mapping import expressions, r4, targets, template
from gateway.mapping.convert import Converter, RowFacts, named
from gateway.mapping.dialect import Dialect, Located, PathError, SourcePath
from gateway.mapping.expressions import Expression
from gateway.mapping.fill import Place, RowPlan
from gateway.mapping.findings import Finding
from gateway.mapping.language import MapText, Row
from gateway.mapping.tables import WIDTH, CodeTable, UnitTable
from gateway.mapping.targets import TargetPath

FACTS: Final[Mapping[str, str]] = {
    "data_at": "dateTime",
    "audience": "code",
    "withdrawn": "boolean",
    "origin_portal": "string",
    "set_aside": "string",
    "patient": "Reference",
}
SECRETS: Final = frozenset({"bsn"})
# The converter of a row that names none, by type of its target.
BY_TYPE: Final[Mapping[str, str]] = {
    "string": "string",
    "markdown": "string",
    "code": "token",
    "id": "token",
    "uri": "uri",
    "url": "uri",
    "canonical": "uri",
    "oid": "uri",
    "uuid": "uri",
    "boolean": "boolean",
    "integer": "integer",
    "positiveInt": "integer",
    "unsignedInt": "integer",
    "decimal": "decimal",
    "date": "date",
    "dateTime": "dateTime",
    "instant": "instant",
    "time": "time",
}
# A constant that takes the element away (``write: patch``), as the same two signs do in a message.
ERASED: Final = '""'
TEXTS: Final = frozenset({"string", "markdown", "xhtml"})
CODING: Final = frozenset({"system", "version", "code", "display", "userSelected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What is there for all maps of a set: the dialect, converters and tables."""

    dialect: Dialect
    converters: Mapping[str, Converter]
    own: frozenset[str]
    tables: Mapping[str, Mapping[str, CodeTable]]
    units: Mapping[str, UnitTable]
    shared: Mapping[str, CodeTable]


@dataclass(slots=True, kw_only=True)
class RowMade:
    """A row that was read. ``group`` is what rows for the same element share; ``plan`` is missing for labels; ``remembers``: what its
    converter answers may be kept; ``slot``: where, -1 for nowhere."""

    row: Row
    condition: tuple[Expression | None, Expression | None]
    target: TargetPath | None = None
    plan: RowPlan | None = None
    path: SourcePath | None = None
    unit: SourcePath | None = None
    at: str | None = None
    key: list[template.Template] | None = None
    key_type: str = ""
    external: bool = False
    constant: Any = None
    group: tuple[str, ...] = ()
    multiple: bool = False
    raw: bool = False
    alone: bool = False
    sourced: bool = False
    remembers: bool = False
    joins: bool = False
    slot: int = -1

    @property
    def conditional(self) -> bool:
        """Whether the row may not count."""
        return self.condition != (None, None)

    @property
    def required(self) -> bool:
        """Whether the record falls with it."""
        return bool(self.row.get("required"))


@dataclass(slots=True, kw_only=True)
class MapMade:
    """A map that was read."""

    text: MapText
    selector: Expression | None
    key: list[template.Template]
    class_: template.Template
    profiles: list[str]
    foreach: SourcePath | None
    depth: int
    zone: ZoneInfo | None
    rows: list[RowMade] = field(default_factory=list)


def zone_named(name: str) -> ZoneInfo | None:
    """Return a zone by its IANA name, ``None`` when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@dataclass(slots=True)
class RowReader:
    """Reads one row of a map."""

    row: Row
    made: MapMade
    shop: Workshop
    findings: list[Finding]

    def read(self) -> RowMade | None:
        """Return the row, or ``None`` when it has a fault."""
        before = len(self.findings)
        try:
            one = self._read()
        except PathError as error:
            self.fault(str(error))
            return None
        return one if len(self.findings) == before else None

    def fault(self, text: str) -> None:
        """Add a finding about this row."""
        self.findings.append(self.row.fault(text))

    def _read(self) -> RowMade:
        row = self.row
        one = RowMade(row=row, condition=(self._expression("when"), self._expression("unless")))
        if row.get("label"):
            return one
        kind = self._target(one)
        if not kind:
            return one
        if row.get("from", "").startswith("@"):
            one.at = row.get("from")[1:]
        elif "from" in row.content:
            one.path = self._path("from")
        one.unit = self._path("unit") if "unit" in row.content else None
        one.plan = self._plan(one, kind)
        if "const" in row.content:
            one.constant = self._constant(one)
        elif row.get("as") == "reference" or one.at:
            self._reference(one, kind)
        return one

    def _expression(self, key: str) -> Expression | None:
        if key not in self.row.content:
            return None
        found = expressions.parse(self.row.get(key), self.shop.dialect)
        expressions.emit(found, self.made.depth, expressions.bare)
        for name in expressions.converters(found):
            if name not in self.shop.converters:
                self.fault(f"there is no converter {name!r}")
        return found

    def _path(self, key: str) -> SourcePath:
        path = self.shop.dialect.path(self.row.get(key))
        path.emit(self.made.depth)
        for name in expressions.converters(path.asks()):
            if name not in self.shop.converters:
                self.fault(f"there is no converter {name!r}")
        return path

    def _target(self, one: RowMade) -> str:
        """Read ``to`` and return the type of what is to be filled, empty with a fault."""
        into, to = self.row.get("into"), self.row.get("to")
        one.group = (str(into), to)
        if into is None:
            one.target = targets.parse(self.made.text.type, to)
            one.multiple = one.target.appends
            one.group = one.target.identity
            return one.target.leaf.type
        known: Any = {"facts": FACTS, "secrets": SECRETS}.get(into)
        if known is None or to not in known:
            self.fault(f"into: {into} has no {to}" if known is not None else "into is facts or secrets")
            return ""
        # Every row may say that it was withdrawn; of the other facts the first wins.
        one.multiple = to == "withdrawn"
        return FACTS[to] if into == "facts" else "secret"

    def _plan(self, one: RowMade, kind: str) -> RowPlan:
        name, function = self._converter(kind)
        mark = named(function)
        options = self._options()
        if name != "reference" and mark.options is not None:
            for option in options.keys() - set(mark.options):
                self.fault(f"{name} has no option {option!r} (it has {', '.join(mark.options) or 'none'})")
        found = None if one.target is None else one.target.leaf
        leaf = found is not None and found.primitive
        into = self.row.get("into")
        refers = kind == "Reference" or (kind == "BackboneElement" and (found is None or r4.may_refer(found.context)))
        one.raw, one.joins = mark.raw, mark.many
        if one.unit is None:
            one.alone, one.sourced, one.remembers = mark.alone, mark.sourced, mark.remembered
        return RowPlan(
            label=self.row.label,
            target=one.target.text if one.target else f"{into}:{self.row.get('to')}",
            places=() if one.target is None else tuple(_place(segment) for segment in one.target.segments),
            convert=function,
            facts=self._facts(kind, options, found),
            origin="constant" if "const" in self.row.content else "derived" if one.at or name == "reference" else "source",
            private=kind in TEXTS or kind in ("HumanName", "Address", "ContactPoint", "secret") or mark.private,
            pattern=r4.PATTERNS.get(kind) if leaf and name in self.shop.own else None,
            kinds=r4.NUMBERS.get(kind, (str,)) if leaf or found is None else (dict,),
            spread=one.target is not None and one.target.segments[-1].how == "append",
            at=one.path.located() if one.path else Located(),
            sources=mark.sources,
            sound=not refers and (bool(mark.sources) or (leaf and name not in self.shop.own)),
            refers=refers and bool(mark.sources),
        )

    def _options(self) -> dict[str, Any]:
        """Return the row's options; ``min`` and ``max`` may stand in quotes, and are numbers all the same."""
        options = dict(self.row.get("with", {}))
        for name in ("min", "max"):
            if name in options:
                try:
                    options[name] = Decimal(str(options[name]))
                except InvalidOperation:
                    self.fault(f"with: {name} is a number")
        return options

    def _facts(self, kind: str, options: Mapping[str, Any], found: r4.Found | None) -> RowFacts:
        row, text = self.row, self.made.text
        zone = self.made.zone
        if "zone" in row.content:
            zone = zone_named(row.get("zone"))
            if zone is None:
                self.fault(f"{row.get('zone')} is not a time zone")
        allowed = None
        if row.get("into") == "facts" and row.get("to") == "audience":
            allowed = frozenset(WIDTH)
        elif found is not None and kind == "code" and found.element.value_set:
            allowed = r4.codes(found.element.value_set)
        facts = RowFacts(
            options=options,
            target=kind,
            zone=zone,
            codes=self._table(),
            units=self.shop.units.get(text.key("units") or "units.csv"),
            unmapped=row.get("unmapped") or text.key("unmapped") or "reject-element",
            namespaces=text.key("namespaces") or {},
            allowed=allowed,
        )
        if facts.codes is not None and row.get("as", "code") in ("code", "CWE"):
            self._targets_fit(facts, found)
        return facts

    def _converter(self, kind: str) -> tuple[str, Converter]:
        row = self.row
        name = row.get("as") or ("code" if "codes" in row.content else None)
        if name is None and ("const" in row.content or row.get("from", "").startswith("@")):
            name = BY_TYPE.get(kind, "reference")
        if name is None:
            name = BY_TYPE.get(kind, "")
            if not name:
                self.fault(f"{kind} needs a converter (as)")
        function = self.shop.converters.get(name or "string")
        if function is None:
            self.fault(f"there is no converter {name!r}")
            function = self.shop.converters["string"]
        fits = named(function).to
        if row.get("as") and fits and kind not in fits:
            self.fault(f"{name} makes {' or '.join(fits)}, the target is {kind}")
        if name == "code" and "codes" not in row.content and "const" not in row.content:
            self.fault("as: code needs a concept map (codes)")
        return name or "string", function

    def _table(self) -> CodeTable | None:
        name = self.row.get("codes")
        if name is None:
            return None
        table = self.shop.tables[self.made.text.name].get(name)
        if table is None:
            self.fault(f"there is no concept map {name!r}")
        return table

    def _targets_fit(self, facts: RowFacts, found: r4.Found | None) -> None:
        """Check the concept map against the target: its required value set, and what may become of unknown codes."""
        table = facts.codes
        if table is None or found is None:
            return
        for (_, source), some in table.targets.items():
            value = _as_target(found.type, [target.coding() for target in some])
            if value is not None and not r4.fits_binding(found, value):
                line = some[0].line
                text = f"{source!r} leads outside the required value set of {found.element.path}"
                self.findings.append(Finding(table.file, line, text))
        self._unmapped_fits(facts, found, table)

    def _unmapped_fits(self, facts: RowFacts, found: r4.Found, table: CodeTable) -> None:
        if facts.unmapped == "keep" and found.element.value_set is not None:
            self.fault(f"unmapped: keep could leave the required value set of {found.element.path}")
        if not facts.unmapped.startswith("default: "):
            return
        code = facts.unmapped.removeprefix("default: ")
        target = table.target(code)
        if target is None and found.type in ("Coding", "CodeableConcept"):
            self.fault(f"unmapped: the default {code!r} is not among the targets of {table.name}")
        elif found.type == "code" and not r4.fits_binding(found, code):
            self.fault(f"unmapped: {code!r} is not in the required value set of {found.element.path}")

    def _constant(self, one: RowMade) -> Any:
        value = self.row.get("const")
        if one.target is None:
            self._constant_fact(value)
            return value
        if value == ERASED and self.made.text.key("write") == "patch":
            return value
        leaf = one.target.leaf
        if leaf.type == "CodeableConcept" and isinstance(value, dict) and value.keys() <= CODING:
            value = {"coding": [value]}
        several = value if isinstance(value, list) and one.plan and one.plan.spread else [value]
        for problem in (problem for single in several for problem in r4.problems(leaf, single)):
            self.fault(f"const: {problem}")
        return value

    def _constant_fact(self, value: Any) -> None:
        to = self.row.get("to")
        right = isinstance(value, bool) if to == "withdrawn" else isinstance(value, str) and bool(value)
        if self.row.get("into") == "secrets" or to == "patient":
            self.fault("a constant can't be a secret or a patient")
        elif not right:
            self.fault(f"const: not a value for {to}")
        elif to == "audience" and value not in WIDTH:
            self.fault(f"const: {value} is not an audience")
        elif to == "data_at" and not r4.PATTERNS["dateTime"].fullmatch(value):
            self.fault(f"const: {value} is not a dateTime")

    def _reference(self, one: RowMade, kind: str) -> None:
        if kind != "Reference":
            self.fault(f"a reference can't fill {kind}")
            return
        options = self.row.get("with", {})
        if one.at:
            if options:
                self.fault("a reference to @Name has no options")
            return
        key = options.get("key")
        if not (isinstance(options.get("type"), str) and isinstance(key, list) and key and all(map(_text, key))):
            self.fault("as: reference needs with: {type: Type, key: [text, …]}")
            return
        if options.keys() - {"type", "key", "external"}:
            self.fault("as: reference has the options type, key and external")
        one.key_type = options["type"]
        one.external = options.get("external") is True
        one.key = template.parse_key(key, self.shop.dialect, row_value=one.path is not None)
        for hole in (hole for part in one.key for hole in part.holes):
            hole.path.emit(self.made.depth)
            if hole.converter and hole.converter not in self.shop.converters:
                self.fault(f"there is no converter {hole.converter!r}")
        paths = [path for part in one.key for path in part.paths]
        if one.path is None and one.plan is not None and paths:
            one.plan.at = paths[0].located()


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _place(segment: targets.Segment) -> Place:
    label = "[]" if segment.how == "append" else segment.label
    return Place(name=segment.name, label=label, url=segment.found.type == "Extension" and segment.how == "named")


def _as_target(type_: str, codings: list[dict[str, str]]) -> Any:
    """Return what a concept map gives for a target type, ``None`` where no binding can be checked."""
    if type_ == "code":
        return codings[0]["code"]
    if type_ == "Coding":
        return codings[0]
    return {"coding": codings} if type_ == "CodeableConcept" else None
