"""FHIR dateTimes as moments: part of a date means its beginning, or, as the end of a period, the moment after it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})")


def moment(text: str, *, end: bool = False) -> datetime:
    """Return the moment in UTC. A date is one of the Netherlands.

    Raises:
        ValueError: it is no FHIR dateTime, or finer than a microsecond.
    """
    if MOMENT.fullmatch(text):
        return datetime.fromisoformat(text).astimezone(UTC)
    found = DATE.fullmatch(text)
    if found is None:
        raise ValueError("no dateTime")
    year, month, day = (int(part) if part else None for part in found.groups())
    if year is None:
        raise ValueError("no dateTime")
    first = date(year, month or 1, day or 1)
    return _midnight(_after(first, month, day) if end else first)


def _after(first: date, month: int | None, day: int | None) -> date:
    if day is not None:
        return first + timedelta(days=1)
    if month is not None and month < 12:
        return first.replace(month=month + 1)
    return first.replace(year=first.year + 1, month=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=AMSTERDAM).astimezone(UTC)
