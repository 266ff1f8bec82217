"""Instants as the portal writes them: UTC text with milliseconds, so that their order is their meaning."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the present moment, aware."""
    return datetime.now(UTC)


def instant(moment: datetime) -> str:
    """Return ``2026-03-02T08:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed(text: str) -> datetime:
    """Return the aware datetime that a FHIR ``instant`` names.

    Raises:
        ValueError: not a date with time and offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text:
        raise ValueError("an instant has a time and an offset")
    return moment
