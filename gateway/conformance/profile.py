"""The Dutch profile: which deviations from the standard's tables are right here, each with its reason (``dutch.yaml``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """``tables`` by name (``HL70399``), ``lengths`` by element (``PL_9``), ``local``: datatypes whose tables are the site's own."""

    tables: dict[str, re.Pattern[str]]
    lengths: frozenset[str]
    local: frozenset[str]

    def accepts(self, table: str, code: str) -> bool:
        """Tell whether a code that a table lacks is right here."""
        pattern = self.tables.get(table)
        return pattern is not None and pattern.fullmatch(code) is not None


@cache
def dutch_profile() -> Profile:
    """Return the profile that ships with the product."""
    raw: dict[str, Any] = yaml.safe_load((files("gateway.conformance") / "dutch.yaml").read_text(encoding="utf-8"))
    for entry in [*raw["tables"], *raw["lengths"]]:
        if not entry["reason"]:
            raise ValueError(f"{entry}: an entry of the profile gives its reason")
    return Profile(
        tables={f"HL7{entry['table']}": re.compile(entry["codes"]) for entry in raw["tables"]},
        lengths=frozenset(entry["element"] for entry in raw["lengths"]),
        local=frozenset(raw["user_defined_datatypes"]),
    )
