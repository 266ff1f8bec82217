"""What the maps make of the golden pairs: the odd records that a generated organisation may not hold."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from gateway.disclosure.classes import _read
from gateway.mapping.versions import compile_shipped, shipped_files
from gateway.store.patch import merged
from tests.conformance.produced import Produced, forms
from tests.golden.cases import cases


def golden_resources() -> Iterator[Produced]:
    """Yield every resource of every case, whole and in each projection."""
    for case in cases():
        rules = _read(shipped_files(case.system)["class_map.csv"])
        record = case.record()
        for mapped in case.result(compile_shipped(case.system)).mapped:
            # What a patch takes away isn't stored.
            stored = replace(mapped, body=merged({}, mapped.body))
            yield from forms(stored, rules.get(mapped.class_), (record.system, record.stream, record.key))
