"""Whether a version may become active: it compiles, its golden pairs hold, and each of its own rows shows in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.mapping import golden
from gateway.mapping.engine import MappingSet
from gateway.mapping.findings import Finding, MappingError
from gateway.mapping.overlay import OWN, OwnRow, own_rows
from gateway.mapping.versions import compile_files
from gateway.model import MapResult

# Read after every other overlay, so that it takes away what they put there.
WITHOUT = f"{OWN}~without.yaml"


def judge(files: Mapping[str, bytes]) -> list[Finding]:
    """Return every reason why a version may not become active, each with file and line; empty when it may."""
    try:
        maps = compile_files(files)
    except MappingError as error:
        return list(error.findings)
    return [*golden.faults(files, maps), *uncovered(files, maps)]


def uncovered(files: Mapping[str, bytes], maps: MappingSet) -> Iterator[Finding]:
    """Yield each row of the analyst's overlays that decides nothing in any golden pair.

    A row that wrote an element shows in the lineage. One that writes none (facts, labels, secrets), or shares its name with a row in
    another map, must be missed: some pair comes out differently without it.
    """
    rows = own_rows(files)
    pairs = golden.pairs(files)
    results = [pair.result(maps) for pair in pairs]
    traced = {line.row for result in results for mapped in result.mapped for line in mapped.lineage}
    labels = [row.label for row in rows]
    for row in rows:
        if row.label in traced and labels.count(row.label) == 1:
            continue
        if not (results and _missed(files, maps, row, pairs, results)):
            yield row.fault(f"no golden pair shows what this row does in {row.map}")


def _missed(
    files: Mapping[str, bytes], maps: MappingSet, row: OwnRow, pairs: list[golden.Pair], results: list[MapResult]
) -> bool:
    system = maps.version_label.partition("@")[0]
    without = f"extends: {system}\nremove: [{row.map}/{row.id}]\n".encode()
    try:
        other = compile_files({**files, WITHOUT: without}, keep=False)
    except MappingError:
        return False
    return any(golden.written(pair.result(other)) != golden.written(result) for pair, result in zip(pairs, results, strict=True))
