"""What becomes of a record, written down for every case that we know of (``update.py`` writes the expected files anew)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

import pytest

from gateway.mapping.compiler import compile_set
from gateway.mapping.engine import MappingSet
from gateway.mapping.golden import written
from gateway.mapping.language import MapText, Reader
from gateway.mapping.versions import compile_shipped, shipped_converters, shipped_files
from gateway.model import Mapped, MapResult
from tests.golden.cases import EXPECTED, HERE, Case, cases

CASES = list(cases())
SYSTEMS = sorted({case.system for case in CASES})


@cache
def texts(system: str) -> tuple[MapText, ...]:
    """Return the maps of a system as they are written."""
    return tuple(Reader(shipped_files(system)).maps())


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
    homes: dict[str, set[str]] = defaultdict(set)
    for text in texts(system):
        for row in text.rows:
            homes[row.label].add(text.name)
    silent = sorted(homes.keys() - _traced(system))
    missed = {label for part in _rounds(silent, homes) for label in _missed(system, part, homes)}

    # One by one what a whole record was lost with, and what its map alone doesn't show.
    assert [label for label in silent if label not in missed and not _missed_at_all(system, label, homes)] == []


def _traced(system: str) -> set[str]:
    maps = compile_shipped(system)
    found = [case.result(maps) for case in CASES if case.system == system]
    return {line.row for result in found for mapped in result.mapped for line in mapped.lineage}


def _rounds(labels: list[str], homes: Mapping[str, set[str]]) -> list[list[str]]:
    """Share rows out so that no map misses two of them at once: compiling a set takes seconds, and rows are many."""
    rounds: list[list[str]] = []
    for label in labels:
        free = (one for one in rounds if all(homes[label].isdisjoint(homes[other]) for other in one))
        found = next(free, None)
        if found is None:
            rounds.append([label])
        else:
            found.append(label)
    return rounds


def _without(system: str, labels: list[str], homes: Mapping[str, set[str]]) -> MappingSet:
    """Return the set with some rows left out of every map that has them."""
    gone = [f"{name}/{label.partition('/')[2]}" for label in labels for name in sorted(homes[label])]
    overlay = f"extends: {system}\nremove: [{', '.join(gone)}]\n".encode()
    return compile_set({**shipped_files(system), "overlays/without.yaml": overlay}, shipped_converters(system))


def _missed(system: str, labels: list[str], homes: Mapping[str, set[str]]) -> set[str]:
    """Return the rows without which the resources of their own map come out differently in some case."""
    whole, less = compile_shipped(system), _without(system, labels, homes)
    changed: set[str] = set()
    for case in CASES:
        if case.system == system:
            before, after = _by_map(case.result(whole)), _by_map(case.result(less))
            changed |= {name for name in before.keys() & after.keys() if before[name] != after[name]}
    return {label for label in labels if not homes[label].isdisjoint(changed)}


def _by_map(result: MapResult) -> dict[str, bytes]:
    """Return what each map made of a record."""
    found: dict[str, list[Mapped]] = defaultdict(list)
    for mapped in result.mapped:
        found[mapped.lineage[0].row.partition("/")[0]].append(mapped)
    return {name: written(MapResult(outcome="ok", mapped=tuple(some))) for name, some in found.items()}


def _missed_at_all(system: str, label: str, homes: Mapping[str, set[str]]) -> bool:
    """Whether some case comes out differently without a row."""
    whole, less = compile_shipped(system), _without(system, [label], homes)
    return any(written(case.result(whole)) != written(case.result(less)) for case in CASES if case.system == system)
