"""What a source sends and no map reads, and what the maps would read and never comes: the analyst's work list.

It is looked for in messages that were journalled, never while they are mapped. A field counts as read when a row, key or condition of a
map for this kind of message names it, or when an element of some message came from it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, Protocol

from gateway.mapping import expressions
from gateway.mapping.dialect import UnreadableError
from gateway.mapping.engine import MappingSet
from gateway.mapping.language import MapText, Row
from gateway.mapping.lineage import Trail
from gateway.model import Mapped, MapResult, SourceRecord

ER7: Final = "er7"
EXPRESSIONS: Final = ("when", "unless")
HOLE: Final = re.compile(r"\{([^{}]*)\}")
BRACKET: Final = re.compile(r"\[([^\[\]]*)\]")
SEGMENT: Final = re.compile(r"(?<![A-Za-z0-9])([A-Z][A-Z0-9]{2})(?![A-Za-z0-9])")
FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:\(\d+\))?-(\d+)")
# Of the header, what the intake reads: separators, who, when, kind, number, version, character set, and the wish for answers.
HEADER: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 18})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A segment or field that comes and that no map reads; ``messages`` is in how many of this kind it stood."""

    kind: str
    path: str
    code: Literal["segment-unmapped", "field-unmapped"]
    messages: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A row that wrote nothing in all these messages, in maps that did make something."""

    file: str
    line: int
    row: str
    maps: tuple[str, ...]


class Fields(Protocol):
    """How one format names its fields."""

    def received(self, body: bytes) -> Iterable[str]:
        """Return the fields that a record fills. Raises ``UnreadableError``."""

    def named(self, text: MapText) -> Iterable[str]:
        """Return the fields that a map names."""

    def noted(self, mapped: Mapped) -> Iterable[tuple[str, str]]:
        """Return the rows that wrote a resource, each with a field that it came from; empty for none."""

    def unread(self, field: str, read: set[str]) -> tuple[str, Literal["segment-unmapped", "field-unmapped"]] | None:
        """Return how a field that nobody reads is reported, ``None`` for one that is read."""


class Survey:
    """Goes over messages and remembers what came and what was read."""

    def __init__(self, maps: MappingSet, texts: list[MapText]) -> None:
        self._maps = maps
        self._texts = texts
        self._fields: Fields = Er7Fields(maps) if maps.dialect.name == ER7 else JsonFields(maps)
        self._came: dict[str, Counter[str]] = defaultdict(Counter)
        self._read: dict[str, set[str]] = defaultdict(set)
        self._rows: set[str] = set()
        self.kinds: Counter[str] = Counter()
        self.unreadable = 0
        for text in texts:
            self._read[text.kind].update(self._fields.named(text))

    def take(self, record: SourceRecord, result: MapResult) -> None:
        """Look at one message and what it was mapped to."""
        try:
            came = set(self._fields.received(record.body))
        except UnreadableError:
            self.unreadable += 1
            return
        self.kinds[record.kind] += 1
        self._came[record.kind].update(came)
        self._rows.update(issue.row for issue in result.issues)
        read = self._read[record.kind]
        for mapped in result.mapped:
            for row, source in self._fields.noted(mapped):
                self._rows.add(row)
                if source:
                    read.add(source)

    def unread(self) -> list[Unread]:
        """Return what came and nobody reads, the most frequent first."""
        found: dict[tuple[str, str, Literal["segment-unmapped", "field-unmapped"]], int] = {}
        for kind, came in self._came.items():
            for field, messages in came.items():
                said = self._fields.unread(field, self._read[kind])
                if said is not None:
                    found[kind, *said] = max(messages, found.get((kind, *said), 0))
        lines = [
            Unread(kind=kind, path=path, code=code, messages=count, of=self.kinds[kind])
            for (kind, path, code), count in found.items()
        ]
        return sorted(lines, key=lambda one: (-one.messages, one.kind, one.path))

    def unused(self) -> list[str]:
        """Return the maps that made nothing of all these messages."""
        return sorted(text.name for text in self._texts if not self._made(text))

    def idle(self) -> list[Idle]:
        """Return the rows for elements that wrote none. Rows for facts, labels and secrets leave no trace, so nothing is said of them."""
        found: dict[str, Idle] = {}
        for text in self._texts:
            for row in text.rows if self._made(text) else ():
                if row.get("to") and row.get("into") is None and row.label not in self._rows:
                    before = found.get(row.label)
                    maps = (*(before.maps if before else ()), text.name)
                    found[row.label] = Idle(file=row.file, line=row.line, row=row.label, maps=maps)
        return list(found.values())

    def _made(self, text: MapText) -> bool:
        """Whether a map made a resource: the type of each is the word of the map itself."""
        return f"{text.name}/map" in self._rows


class Er7Fields:
    """Fields of HL7 v2: ``PV1-44``."""

    def __init__(self, maps: MappingSet) -> None:
        self._dialect = maps.dialect

    def received(self, body: bytes) -> Iterable[str]:
        """Return the fields that a message fills; those of the header that the intake reads are nobody's work."""
        tree = self._dialect.read(body)
        for name, nodes in tree.nodes.items():
            for node in nodes:
                for number, text in enumerate(node.f):
                    if number and text and not (name == "MSH" and number in HEADER):
                        yield f"{name}-{number}"

    def named(self, text: MapText) -> Iterable[str]:
        """Return the segments and fields in every path of a map."""
        return {place for written in _strings(text) for place in er7_places(written)}

    def noted(self, mapped: Mapped) -> Iterable[tuple[str, str]]:
        """Return rows and fields from what was noted: where in the message a field is, nobody asks here, and it takes long to find."""
        steps = mapped.trail.steps if isinstance(mapped.trail, Trail) else ()
        for row, _, _, place, _, _ in steps:
            yield row.label, "" if place is None else er7_field(self._dialect.place(place, row.at, ""))

    def unread(self, field: str, read: set[str]) -> tuple[str, Literal["segment-unmapped", "field-unmapped"]] | None:
        """Report a segment that no map names once, and fields of the others."""
        if field in read:
            return None
        segment = field.partition("-")[0]
        return (field, "field-unmapped") if segment in read else (segment, "segment-unmapped")


@cache
def er7_field(source: str) -> str:
    """Return ``OBX-5`` of ``OBX(3)-5[1].1``."""
    found = PLACE.match(source)
    return f"{found[1]}-{found[2]}" if found else source


def er7_places(written: str) -> Iterator[str]:
    """Yield the segments (``OBX``) and fields (``OBX-5``) that a path, or an expression of paths, names."""
    for found in SEGMENT.finditer(written):
        yield found[1]
        position = found.end() + (written[found.end() : found.end() + 1] == "*")
        if written[position : position + 1] == "[":
            position = _closing(written, position)
        number = re.match(r"-(\d+)", written[position:])
        if number:
            yield f"{found[1]}-{number[1]}"


def _closing(written: str, position: int) -> int:
    """Return the place after the bracket that closes the one at a position."""
    depth = 0
    for at in range(position, len(written)):
        depth += {"[": 1, "]": -1}.get(written[at], 0)
        if depth == 0:
            return at + 1
    return len(written)


def _strings(text: MapText) -> Iterator[str]:
    """Yield everything of a map in which a path can stand."""
    yield text.selector or ""
    for name in ("key", "class", "foreach"):
        value = text.key(name)
        yield from value if isinstance(value, list) else [value or ""]
    for row in text.rows:
        yield from (row.get(name) or "" for name in ("from", "unit", *EXPRESSIONS))
        yield from _key_of(row)


def _key_of(row: Row) -> list[str]:
    key = (row.get("with") or {}).get("key", [])
    return [part for part in key if isinstance(part, str)] if isinstance(key, list) else []


class JsonFields:
    """Fields of JSON, without the numbers of items: ``reportEntries[].value``."""

    def __init__(self, maps: MappingSet) -> None:
        self._dialect = maps.dialect

    def received(self, body: bytes) -> Iterable[str]:
        """Return the paths of the values that a record holds."""
        return _leaves(self._dialect.read(body), "")

    def named(self, text: MapText) -> Iterable[str]:
        """Return the fields in every path of a map, those of items with the path of the items in front."""
        bases = _bases(text.key("foreach"))
        for path in self._paths(text):
            ups = len(path) - len(path.lstrip("^"))
            base = bases[max(0, len(bases) - 1 - ups)]
            relative = path[ups:].lstrip(".")
            for bracket in BRACKET.finditer(relative):
                name = bracket[1].partition("=")[0].rstrip("!")
                if name and not name.isdigit():
                    yield _under(base, f"{BRACKET.sub('[]', relative[: bracket.start()])}[].{name}")
            yield _under(base, BRACKET.sub("[]", relative))

    def _paths(self, text: MapText) -> Iterator[str]:
        written = [text.selector, *(row.get(name) for row in text.rows for name in EXPRESSIONS)]
        for one in written:
            if one:
                yield from _asked(expressions.parse(one, self._dialect))
        keys = [*(text.key("key") or []), text.key("class") or "", *(part for row in text.rows for part in _key_of(row))]
        yield from (hole for part in keys for hole in HOLE.findall(str(part)) if hole)
        for row in text.rows:
            yield from (path for name in ("from", "unit") if (path := row.get(name)) and path[0] not in "@#")
            yield from _options(row)

    def noted(self, mapped: Mapped) -> Iterable[tuple[str, str]]:
        """Return rows and fields from the lineage, without the numbers of items."""
        return ((line.row, BRACKET.sub("[]", line.source or "")) for line in mapped.lineage)

    def unread(self, field: str, read: set[str]) -> tuple[str, Literal["segment-unmapped", "field-unmapped"]] | None:
        """Report a field unless it, or an object that it is in and that was read as a whole, is read."""
        parts = re.split(r"\.|(?=\[\])", field)
        whole = ""
        for part in parts:
            whole += part if part == "[]" or not whole else f".{part}"
            if whole in read:
                return None
        return field, "field-unmapped"


def _options(row: Row) -> Iterator[str]:
    """Yield what the options of a converter may name: fields below the one that it reads."""
    at = str(row.get("from") or ".")
    for value in (row.get("with") or {}).values():
        for word in value if isinstance(value, list) else [value]:
            if isinstance(word, str) and FIELD.fullmatch(word):
                yield word if at == "." else f"{at}.{word}"


def _asked(expression: Any) -> Iterator[str]:
    """Yield the paths of an expression."""
    if isinstance(expression, expressions.Test):
        yield expression.path.text
    elif isinstance(expression, expressions.Not):
        yield from _asked(expression.one)
    else:
        for part in expression.parts:
            yield from _asked(part)


def _bases(foreach: str | None) -> list[str]:
    """Return the path of the record, and of the items at each level of ``foreach``."""
    if not foreach:
        return [""]
    plain = BRACKET.sub("[]", foreach)
    return ["", *(plain[: found.end()] for found in re.finditer(r"\[\]", plain))]


def _under(base: str, path: str) -> str:
    if not path or not base:
        return base or path
    return base + path if path.startswith("[") else f"{base}.{path}"


def _leaves(value: Any, path: str) -> Iterator[str]:
    if type(value) is dict:
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    elif type(value) is list:
        for part in value:
            yield from _leaves(part, f"{path}[]")
    elif value is not None and value != "":
        yield path
