"""What becomes of a record, written down for every case that we know of (``update.py`` writes the expected files anew)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from gateway.mapping.compiler import compile_set
from gateway.mapping.engine import MappingSet
from gateway.mapping.language import MapText, Reader
from gateway.mapping.versions import compile_shipped, shipped_converters, shipped_files
from tests.golden.cases import EXPECTED, HERE, Case, cases, written

CASES = list(cases())
SYSTEMS = sorted({case.system for case in CASES})


@cache
def texts(system: str) -> tuple[MapText, ...]:
    """Return the maps of a system as they are written."""
    return tuple(Reader(shipped_files(system)).maps())


def results(system: str, maps: MappingSet) -> Iterator[tuple[Case, bytes]]:
    """Yield what becomes of every case of a system."""
    for case in CASES:
        if case.system == system:
            yield case, written(case.result(maps))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_record_becomes_what_was_agreed(case: Case) -> None:
    assert written(case.result(compile_shipped(case.system))).decode() == case.expected.read_text(encoding="utf-8")


def test_every_expected_file_has_its_source() -> None:
    assert set(HERE.glob(f"*/*{EXPECTED}")) - {case.expected for case in CASES} == set()


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_map_has_a_case(system: str) -> None:
    maps = compile_shipped(system)
    kinds = {case.kind for case in CASES if case.system == system}

    assert {plan.kind for plan in maps.plans} == kinds


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_row_of_every_map_decides_something_in_a_case(system: str) -> None:
    """A row that wrote a leaf did; one that writes none (facts, labels, secrets) must be missed when it is gone."""
    silent = {row.label for text in texts(system) for row in text.rows} - _traced(system)

    assert [label for label in sorted(silent) if not _missed(system, label)] == []


def _traced(system: str) -> set[str]:
    maps = compile_shipped(system)
    found = [case.result(maps) for case in CASES if case.system == system]
    return {line.row for result in found for mapped in result.mapped for line in mapped.lineage}


def _missed(system: str, label: str) -> bool:
    """Whether some case comes out differently when a row is left out of every map that has it."""
    gone = [f"{text.name}/{row.id}" for text in texts(system) for row in text.rows if row.label == label]
    overlay = f"extends: {system}\nremove: [{', '.join(gone)}]\n".encode()
    files = {**shipped_files(system), "overlays/without.yaml": overlay}
    maps = compile_set(files, shipped_converters(system))
    return any(made != case.expected.read_bytes() for case, made in results(system, maps))
