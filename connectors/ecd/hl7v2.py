"""A source that pushes HL7 v2 to us, by MLLP, HTTP or a drop folder (docs/inbound.md). There is nothing to read: its listener receives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.connector import CONTRACT_VERSION

CONFIG_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "senders": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[^|]*[|][^|]*$"},
            "description": "MSH-3|MSH-4 of this source, of each the whole field or its first component; none: whoever its listener lets in",
        },
        "daily_control_ids": {"type": "boolean", "description": "its numbers in MSH-10 start anew each day"},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hl7v2:
    """Says that a source pushes, and what may be set of it."""

    contract_version: int = CONTRACT_VERSION
    name: str = "hl7v2"
    vendor: str = "any"
    version: str = "1"
    config_schema: Mapping[str, Any] = field(default_factory=lambda: CONFIG_SCHEMA)
    comes_in_by: Sequence[str] = ("mllp", "http", "folder")


CONNECTOR: Final = Hl7v2()
