"""What was noted with a need and its goal."""

from __future__ import annotations

from typing import Any

from gateway.mapping import ConvertContext, converter
from gateway.mapping.converters import clean


@converter("goal_note", to=("string", "markdown"), options=(), private=True)
def goal_note(entry: Any, _context: ConvertContext) -> str | None:
    """Read an entry of a care plan and return its remarks as one note (the profile allows one): of the need, then of the goal."""
    remarks = [(entry.get(part) or {}).get("comment") for part in ("demandEntry", "goalEntry")]
    return "\n".join(text for remark in remarks if remark and (text := clean(remark))) or None
