"""The files of a set, read and put together: bases taken over, overlays applied, every row with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files as package_files
from pathlib import PurePosixPath
from typing import Any, Final

from jsonschema import Draft202012Validator

from gateway.jsonbytes import loads
from gateway.mapping.findings import Finding, MappingError
from gateway.mapping.yamlfile import KEPT, Document, load

_HEAD = re.compile(
    r"([a-z][a-z0-9_-]*)\.([a-z][a-z0-9_-]*(?:,[a-z][a-z0-9_-]*)*)(?:\[(.*)\])?\s*->\s*([A-Z][A-Za-z]*)(?:\s+@([A-Za-z][A-Za-z0-9_-]*))?"
)
OVERLAYS: Final = "overlays/"
OVERLAY_KEYS: Final = frozenset(
    {"extends", "version", "namespaces", "zone", "charset", "codes", "units", "unmapped", "add", "remove"}
)
# What a file that extends another doesn't take over as it is.
OWN_KEYS: Final = frozenset({"map", "rows", "extends", "add", "remove"})
MERGED_KEYS: Final = frozenset({"namespaces", "codes"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its place. ``label`` names it in lineage and issues: file and id."""

    file: str
    line: int
    content: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The row's own name."""
        return str(self.content["id"])

    @property
    def label(self) -> str:
        """The row's name in the set."""
        return f"{stem(self.file)}/{self.id}"

    def get(self, key: str, default: Any = None) -> Any:
        """Return what the row says under a key."""
        return self.content.get(key, default)

    def fault(self, text: str) -> Finding:
        """Return a finding about this row."""
        return Finding(self.file, self.line, f"row {self.id}: {text}")


@dataclass(frozen=True, slots=True)
class Key:
    """A file key with its place."""

    value: Any
    file: str
    line: int

    def fault(self, text: str) -> Finding:
        """Return a finding about this key."""
        return Finding(self.file, self.line, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapText:
    """A map as it is written, bases and overlays worked in."""

    name: str
    system: str
    kind: str
    selector: str | None
    type: str
    at: str | None
    keys: Mapping[str, Key]
    rows: tuple[Row, ...]

    def key(self, name: str) -> Any:
        """Return the value of a file key, ``None`` without it."""
        found = self.keys.get(name)
        return None if found is None else found.value

    def fault(self, text: str, key: str = "map") -> Finding:
        """Return a finding at a key of the map."""
        return self.keys.get(key, self.keys["map"]).fault(text)


def stem(file: str) -> str:
    """Return the name of a file without folder and ending."""
    return PurePosixPath(file).stem


@cache
def _schema() -> Draft202012Validator:
    text = package_files("gateway.mapping").joinpath("language.schema.json").read_bytes()
    return Draft202012Validator(loads(text))


@lru_cache(maxsize=KEPT)
def _checked(file: str, data: bytes) -> tuple[Finding, ...]:
    """Return what the schema finds in a document, once: versions share most of their files."""
    return tuple(_schema_findings(load(file, data)))


def _schema_findings(document: Document) -> Iterator[Finding]:
    for error in _schema().iter_errors(_plain(document.content)):
        place = tuple(error.absolute_path)
        yield Finding(document.file, document.line(*place), _sentence(document.content, place, error))


def _plain(content: Any) -> Any:
    """Return the content with numbers as jsonschema knows them."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_plain(value) for value in content]
    return content if content is None or isinstance(content, (str, bool, int)) else float(content)


def _sentence(content: Any, place: tuple[Any, ...], error: Any) -> str:
    where = ".".join(str(part) for part in place) or "the file"
    if len(place) == 2 and place[0] in ("rows", "add"):
        row = content[place[0]][place[1]]
        where = f"row {row.get('id', place[1])}" if isinstance(row, dict) else where
        if error.validator == "oneOf":
            return f"{where}: needs to and one of from, const, or as: reference with a key; or label alone"
    return f"{where}: {error.message}"


@dataclass(slots=True)
class Reader:
    """Reads the files of a set, and gathers what is wrong with them."""

    files: Mapping[str, bytes]
    findings: list[Finding] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    resolved: dict[str, tuple[dict[str, Key], tuple[Row, ...]]] = field(default_factory=dict)

    def maps(self) -> list[MapText]:
        """Return the maps of the set in the order of their file names."""
        for file in sorted(self.files):
            if file.endswith((".yaml", ".yml")):
                self._read(file)
        bases = [file for file in self.documents if not file.startswith(OVERLAYS)]
        self._names(bases)
        maps = [made for file in bases if "map" in self.documents[file].content for made in self._maps(file)]
        for file in self.documents:
            if file.startswith(OVERLAYS):
                maps = self._overlay(file, maps)
        return maps

    def _read(self, file: str) -> None:
        try:
            document = load(file, self.files[file])
        except MappingError as error:
            self.findings += error.findings
            return
        found = _checked(file, self.files[file])
        self.findings += found
        if not found:
            self.documents[file] = document

    def _names(self, files: list[str]) -> None:
        seen: dict[str, str] = {}
        for file in files:
            if seen.setdefault(stem(file), file) != file:
                self.findings.append(Finding(file, 1, f"{seen[stem(file)]} has this name too"))

    def _maps(self, file: str) -> list[MapText]:
        """Return the map of a file, once for each kind of record that it is for."""
        document = self.documents[file]
        head = _HEAD.fullmatch(document.content["map"])
        keys, rows = self._resolve(file, ())
        missing = [key for key in ("version", "key", "class") if key not in keys]
        if missing or not rows:
            self.findings.append(Finding(file, document.line("map"), f"missing: {', '.join(missing or ['rows'])}"))
        if head is None or missing:
            return []
        keys["map"] = Key(document.content["map"], file, document.line("map"))
        system, kinds, selector, type_, at = head.groups()
        return [
            MapText(name=stem(file), system=system, kind=kind, selector=selector, type=type_, at=at, keys=keys, rows=rows)
            for kind in kinds.split(",")
        ]

    def _resolve(self, file: str, below: tuple[str, ...]) -> tuple[dict[str, Key], tuple[Row, ...]]:
        """Return the keys and rows of a file with those of its bases worked in."""
        if file in self.resolved:
            keys, rows = self.resolved[file]
            return dict(keys), rows
        document = self.documents[file]
        keys, rows = self._base(document, (*below, file))
        for name, value in document.content.items():
            if name in OWN_KEYS:
                continue
            if name in MERGED_KEYS and name in keys:
                value = {**keys[name].value, **value}  # noqa: PLW2901 - the base's entries under the own ones
            keys[name] = Key(value, file, document.line(name))
        if "add" in document.content:
            self.findings.append(Finding(file, document.line("add"), "add is for overlays; here rows are enough"))
        rows = self._without(rows, document, {row.id: row.id for row in rows})
        rows = merge(rows, self._rows(document, "rows"))
        self.resolved[file] = (keys, rows)
        return dict(keys), rows

    def _base(self, document: Document, below: tuple[str, ...]) -> tuple[dict[str, Key], tuple[Row, ...]]:
        base = document.content.get("extends")
        if base is None:
            return {}, ()
        file = next((name for name in self.documents if not name.startswith(OVERLAYS) and stem(name) == base), None)
        if file is None or file in below:
            reason = "no such file in the set" if file is None else "it extends itself"
            self.findings.append(Finding(document.file, document.line("extends"), f"extends {base}: {reason}"))
            return {}, ()
        return self._resolve(file, below)

    def _rows(self, document: Document, key: str) -> tuple[Row, ...]:
        rows = tuple(
            Row(document.file, document.line(key, number), content)
            for number, content in enumerate(document.content.get(key, []))
        )
        seen: set[str] = set()
        for row in rows:
            place = (row.id, row.get("into") if key == "add" else None)
            if str(place) in seen:
                self.findings.append(row.fault("this id stands here twice"))
            seen.add(str(place))
        return rows

    def _without(self, rows: tuple[Row, ...], document: Document, ids: Mapping[str, str]) -> tuple[Row, ...]:
        gone = set()
        for number, name in enumerate(document.content.get("remove", [])):
            if name not in ids:
                line = document.line("remove", number)
                self.findings.append(Finding(document.file, line, f"remove: there is no row {name}"))
            else:
                gone.add(ids[name])
        return tuple(row for row in rows if row.id not in gone)

    def _overlay(self, file: str, maps: list[MapText]) -> list[MapText]:
        document = self.documents[file]
        for key in document.content:
            if key not in OVERLAY_KEYS:
                self.findings.append(Finding(file, document.line(key), f"{key} isn't for overlays"))
        systems = {one.system for one in maps}
        if document.content.get("extends") not in systems:
            self.findings.append(Finding(file, document.line("extends"), f"extends must name {' or '.join(systems)}"))
        names = {one.name for one in maps} | {f"@{one.at}" for one in maps if one.at}
        known = {f"{one.name}/{row.id}" for one in maps for row in one.rows}
        added = self._rows(document, "add")
        self.findings += [row.fault("into must name a map") for row in added if row.get("into") not in names]
        for number, name in enumerate(document.content.get("remove", [])):
            if name not in known:
                text = f"remove: there is no row {name} (write map/row)"
                self.findings.append(Finding(file, document.line("remove", number), text))
        return [self._overlaid(document, one, added) for one in maps]

    def _overlaid(self, document: Document, one: MapText, added: tuple[Row, ...]) -> MapText:
        gone = set(document.content.get("remove", []))
        rows = tuple(row for row in one.rows if f"{one.name}/{row.id}" not in gone)
        mine = [row for row in added if row.get("into") in (one.name, f"@{one.at}")]
        plain = tuple(replace(row, content={k: v for k, v in row.content.items() if k != "into"}) for row in mine)
        keys = dict(one.keys)
        for name in ("namespaces", "zone", "charset", "codes", "units", "unmapped"):
            if name in document.content:
                value = document.content[name]
                if name in MERGED_KEYS and name in keys:
                    value = {**keys[name].value, **value}
                keys[name] = Key(value, document.file, document.line(name))
        return replace(one, keys=keys, rows=merge(rows, plain))


def merge(base: tuple[Row, ...], own: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the base's rows, with own rows in the place of those with their id and the others after them."""
    mine = {row.id: row for row in own}
    return tuple(mine.pop(row.id, row) for row in base) + tuple(mine.values())
