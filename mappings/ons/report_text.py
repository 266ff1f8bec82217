"""The text of a report: what was written, and the entries that have no element of their own."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from gateway.mapping import ConvertContext, converter
from mappings.ons.entries import filled, line


@converter("report_text", to="string", private=True)
def report_text(record: Any, _context: ConvertContext) -> str | None:
    """Read a whole report and return what it says, as plain text.

    That is ``comment`` and a line for each filled entry (``Inname: 250 mL``), so that a kind of report without a profile of its own
    loses nothing. ``None`` when nothing was written.
    """
    lines = [comment(record), *(line(entry) for entry in filled(record))]
    return "\n".join(text for text in lines if text) or None


def comment(record: Mapping[str, Any]) -> str:
    """Return the written part of a report. HTML escapes are resolved exactly once: Ons escapes in one of its two variants."""
    return html.unescape(str(record.get("comment") or "")).strip()
