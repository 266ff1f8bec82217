"""The entries of a report: ``{"name": "weight", "value": "72,4", "unit": "kg", "displayName": "Gewicht"}``, values always text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Entry = Mapping[str, Any]


def filled(record: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield the entries that hold a value."""
    for entry in record.get("reportEntries") or ():
        if written(entry):
            yield entry


def written(entry: Entry) -> str:
    """Return the value as it was written, without the space around it."""
    value = entry.get("value")
    return "" if value is None else str(value).strip()


def line(entry: Entry) -> str:
    """Return an entry as people say it: ``Gewicht: 72,4 kg``."""
    unit = str(entry.get("unit") or "").strip()
    value = f"{written(entry)} {unit}".strip()
    name = entry.get("displayName") or entry.get("name")
    return f"{name}: {value}" if name else value
