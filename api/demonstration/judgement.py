"""The demonstration's verdict: the portal's own store against the generator's truth first, the gateway's ledgers second."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.accounting import Ledgers
from samples.comparison import Difference, compare, held_by_kind, portal_writes


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def judge(truth: list[dict[str, Any]], store: Path, members: Mapping[str, str], ledgers: Ledgers) -> list[Difference]:
    """Return everything that is not as it should be; nothing when all is well."""
    writes = list(portal_writes(store))
    return [*compare(truth, writes, members), *_miscounted(held_by_kind(writes), ledgers), *_unbalanced(ledgers)]


def _miscounted(held: Counter[str], ledgers: Ledgers) -> Iterator[Difference]:
    counted = Counter[str]()
    for line in (*ledgers.disclosure, *ledgers.directory):
        counted[line.kind] += line.fates.get("delivered", 0)
    for kind in sorted(held.keys() | counted.keys()):
        if held[kind] != counted[kind]:
            detail = f"the portal holds {held[kind]}, the ledger says {counted[kind]}"
            yield Difference(lie="miscounted", key=kind, detail=detail)


def _unbalanced(ledgers: Ledgers) -> Iterator[Difference]:
    for record in ledgers.records:
        if not record.balanced:
            detail = (
                f"received {record.received}, duplicates {record.duplicates}, journalled {record.journalled}, rows {record.rows}"
            )
            yield Difference(lie="miscounted", key=f"{record.source} {record.stream}", detail=detail)
    for pair in ledgers.disclosure:
        if not pair.balanced:
            yield Difference(lie="miscounted", key=f"{pair.portal} {pair.kind}", detail=f"{pair.pairs} pairs, fates {pair.fates}")
