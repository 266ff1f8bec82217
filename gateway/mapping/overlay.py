"""The files that an analyst gives for one source, and their places in the set: overlay, concept maps, golden pairs. Data, never code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from gateway.mapping.findings import Finding, MappingError
from gateway.mapping.language import OVERLAYS, MapText, Reader, stem
from gateway.mapping.yamlfile import load

# Overlays count in the order of their names: an analyst's comes after whatever ships.
OWN: Final = f"{OVERLAYS}~own/"
GOLDEN: Final = "golden/"
SOURCE: Final = ".source"
EXPECTED: Final = ".expected.json"
# What families may see is decided elsewhere, and by others.
NOT_THEIRS: Final = {"class_map.csv": "the class map decides who sees what; it is no part of an overlay"}
WANTED: Final = "give an overlay (.yaml), tables (.csv), or golden pairs (.source and .expected.json)"


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A row that an overlay adds or replaces, in one map."""

    file: str
    line: int
    label: str
    map: str
    id: str

    def fault(self, text: str) -> Finding:
        """Return a finding about this row."""
        return Finding(self.file, self.line, f"row {self.id}: {text}")


def placed(given: Mapping[str, bytes], shipped: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the files under their names in the set, and for each of those names how it was given.

    Raises:
        MappingError: a file isn't of a kind that an overlay has, two would have one name, or one has the name of a shipped file.
    """
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    findings = []
    for path, data in given.items():
        name = _place(path)
        problem = _problem(path, name, files, shipped)
        if name is None or problem:
            findings.append(Finding(path, 1, problem))
            continue
        files[name], names[name] = data, path
    if not findings and not any(name.startswith(OWN) for name in files):
        findings.append(Finding(next(iter(given), ""), 1, f"there is no overlay among these files; {WANTED}"))
    if findings:
        raise MappingError(findings)
    return files, names


def _place(path: str) -> str | None:
    """Return the name in the set of a file as it was given, ``None`` for one that doesn't belong in an overlay."""
    pure = PurePosixPath(path)
    if pure.name.endswith(EXPECTED) or SOURCE in pure.suffixes:
        parts = pure.parts
        below = parts[parts.index("golden") + 1 :] if "golden" in parts else parts[-1:]
        return GOLDEN + "/".join(below)
    if pure.suffix in (".yaml", ".yml"):
        return f"{OWN}{pure.stem}.yaml"
    return OVERLAYS + pure.name if pure.suffix == ".csv" else None


def _problem(path: str, name: str | None, files: Mapping[str, bytes], shipped: Mapping[str, bytes]) -> str:
    if name is None:
        return f"no file of an overlay; {WANTED}"
    if PurePosixPath(path).name in NOT_THEIRS:
        return NOT_THEIRS[PurePosixPath(path).name]
    if name in files:
        return "another of these files has this name too"
    if name in shipped:
        return "a file that ships has this name; give it another"
    return ""


def own_files(files: Mapping[str, bytes], shipped: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what an analyst added to a shipped set."""
    return {name: data for name, data in files.items() if name not in shipped}


def own_rows(files: Mapping[str, bytes]) -> list[OwnRow]:
    """Return each row that the overlays of an analyst add to or replace in a map. The files are free of static faults."""
    texts = Reader({name: data for name, data in files.items() if name.endswith((".yaml", ".yml"))}).maps()
    return [row for name in sorted(files) if name.startswith(OWN) for row in _rows(name, files[name], texts)]


def _rows(name: str, data: bytes, texts: list[MapText]) -> Iterator[OwnRow]:
    document = load(name, data)
    added: list[dict[str, Any]] = document.content.get("add", [])
    for number, row in enumerate(added):
        for text in texts:
            if row.get("into") in (text.name, f"@{text.at}"):
                line = document.line("add", number)
                yield OwnRow(name, line, f"{stem(name)}/{row['id']}", text.name, str(row["id"]))


def as_given(findings: tuple[Finding, ...] | list[Finding], names: Mapping[str, str]) -> list[Finding]:
    """Return findings with the names of the files as they were given; those in the set without them."""
    return [Finding(names.get(one.file, one.file.removeprefix(OWN)), one.line, one.text) for one in findings]
