"""Merging of partial records: what is empty leaves as is, ``""`` removes."""

from __future__ import annotations

from typing import Any


def merged(stored: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Return the stored resource with a patch over it. Lists are replaced whole: their entries have no names to match by."""
    result = dict(stored)
    for key, value in patch.items():
        if value == "":
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        elif value not in (None, []):
            result[key] = value
    return {key: value for key, value in result.items() if value != {}}
