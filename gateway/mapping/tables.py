"""The tables beside the maps: concept maps, units and the class map, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.mapping.findings import Finding, MappingError

CONCEPT_COLUMNS: Final = (
    "map",
    "source_system",
    "source_code",
    "target_system",
    "target_code",
    "target_display",
    "relation",
    "note",
)
UNIT_COLUMNS: Final = ("source_unit", "ucum", "display", "note")
CLASS_COLUMNS: Final = ("system", "class_key", "class", "audience", "basic_projection", "label", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One meaning of a source code."""

    system: str
    code: str
    display: str
    line: int

    def coding(self) -> dict[str, str]:
        """Return a new Coding."""
        content = {"system": self.system, "code": self.code, "display": self.display}
        return {key: value for key, value in content.items() if value}


@dataclass(slots=True)
class CodeTable:
    """One concept map: (source system, source code) → targets."""

    name: str
    file: str
    line: int
    targets: dict[tuple[str, str], list[Target]] = field(default_factory=dict)

    def find(self, code: str, system: str = "") -> list[Target]:
        """Return the meanings of a code, none when the table doesn't know it."""
        return self.targets.get((system, code)) or self.targets.get(("", code), [])

    def target(self, code: str) -> Target | None:
        """Return a target by its own code: what ``unmapped: default`` names."""
        return next((one for some in self.targets.values() for one in some if one.code == code), None)


@dataclass(frozen=True, slots=True)
class UnitTable:
    """Spellings of units → (UCUM code, text to show)."""

    units: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def find(self, unit: str) -> tuple[str, str] | None:
        """Return the UCUM code and text of a unit as a source writes it."""
        return self.units.get(unit) or self.units.get(unit.strip())


def _rows(file: str, data: bytes, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        if tuple(header) != columns:
            raise MappingError([Finding(file, 1, f"the columns must be {','.join(columns)}")])
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(columns):
                raise MappingError([Finding(file, reader.line_num, f"{len(cells)} cells, {len(columns)} expected")])
            yield reader.line_num, {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    except (csv.Error, UnicodeDecodeError):
        raise MappingError([Finding(file, 1, "not a CSV file in UTF-8")]) from None


def is_concept_file(data: bytes) -> bool:
    """Tell a concept-map file by its first columns."""
    return data.removeprefix(b"\xef\xbb\xbf").startswith(b"map,source_system,source_code")


def read_concepts(file: str, data: bytes) -> dict[str, CodeTable]:
    """Read the tables of one concept-map file.

    Raises:
        MappingError: other columns, or a line without table, source code or target code.
    """
    tables: dict[str, CodeTable] = {}
    for line, row in _rows(file, data, CONCEPT_COLUMNS):
        if not (row["map"] and row["source_code"] and row["target_code"]):
            raise MappingError([Finding(file, line, "map, source_code and target_code must be filled")])
        table = tables.setdefault(row["map"], CodeTable(row["map"], file, line))
        target = Target(system=row["target_system"], code=row["target_code"], display=row["target_display"], line=line)
        table.targets.setdefault((row["source_system"], row["source_code"]), []).append(target)
    return tables


def overlay(base: CodeTable | None, top: CodeTable) -> CodeTable:
    """Return the table in which the rows of ``top`` win."""
    if base is None:
        return top
    return CodeTable(top.name, top.file, top.line, {**base.targets, **top.targets})


def read_units(file: str, data: bytes) -> UnitTable:
    """Read ``units.csv``. A UCUM code stands for itself too.

    Raises:
        MappingError: other columns, an empty cell, or one spelling with two meanings.
    """
    units: dict[str, tuple[str, str]] = {}
    for line, row in _rows(file, data, UNIT_COLUMNS):
        if not (row["source_unit"] and row["ucum"]):
            raise MappingError([Finding(file, line, "source_unit and ucum must be filled")])
        meaning = (row["ucum"], row["display"] or row["ucum"])
        if units.setdefault(row["source_unit"], meaning)[0] != row["ucum"]:
            raise MappingError([Finding(file, line, "this spelling has another meaning on an earlier line")])
        units.setdefault(row["ucum"], meaning)
    return UnitTable(units)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One line of the class map: what the disclosure of a class key starts from."""

    system: str
    class_key: str
    class_: str
    audience: str
    label: str
    line: int


def read_class_map(file: str, data: bytes) -> dict[str, ClassRow]:
    """Read ``class_map.csv`` by class key.

    Raises:
        MappingError: other columns, an unknown audience, or a key that stands there twice.
    """
    rows: dict[str, ClassRow] = {}
    for line, row in _rows(file, data, CLASS_COLUMNS):
        if row["audience"] not in ("", *WIDTH):
            raise MappingError([Finding(file, line, f"{row['audience']!r} is not an audience")])
        if row["class_key"] in rows:
            raise MappingError([Finding(file, line, f"{row['class_key']!r} stands here twice")])
        rows[row["class_key"]] = ClassRow(
            system=row["system"],
            class_key=row["class_key"],
            class_=row["class"],
            audience=row["audience"],
            label=row["label"],
            line=line,
        )
    return rows


# How wide an audience is: a reference may only go from a narrow one to one that is as wide or wider.
WIDTH: Final[Mapping[str, int]] = {"circle": 3, "trust-group": 2, "provider-and-trust-group": 2, "provider": 1}
