"""What a conformance report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One deviation from the standard. ``location`` as lineage writes it (``OBX(3)-5[1].2``); no value is shown but its first two characters.

    ``code`` is one of ``structure, required-missing, cardinality, components, table, length, datatype, segment-unknown, segment-local,
    version, charset, too-large, fault``. An error breaks the standard, a warning steps outside its tables, information is for a reader's peace.
    """

    severity: Severity
    location: str
    code: str
    text: str
