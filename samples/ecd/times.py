"""Dates and times as the ECD prints them: Dutch wall time with its offset, to the millisecond."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")

#: When the generated day stands still: half an hour before the first delivery of the day.
MORNING = time(6, 30)


def at(day: date, minutes: int) -> datetime:
    """Return the aware time that many minutes of wall time after midnight of that day."""
    return datetime.combine(day, time(), tzinfo=AMSTERDAM) + timedelta(minutes=minutes)


def stamp(moment: datetime) -> str:
    """Print an aware time: ``2026-11-21T06:30:00.000+01:00``."""
    return moment.astimezone(AMSTERDAM).isoformat(timespec="milliseconds")


def parse(text: str) -> datetime:
    """Read what ``stamp`` printed."""
    return datetime.fromisoformat(text)


def from_wall(text: str) -> datetime:
    """Read a zone-less time as Dutch wall time; in the repeated hour of October the first is meant.

    Raises:
        ValueError: not a time, or one that carries a zone.
    """
    wall = datetime.fromisoformat(text)
    if wall.tzinfo is not None:
        raise ValueError("since is a time without a zone")
    return wall.replace(tzinfo=AMSTERDAM)
