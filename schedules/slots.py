"""The hours at which portals are brought up to date, computed in local time and kept in UTC.

The hours are local on purpose: a family expects 07:00 on the clock, also on the day that the clock changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A daily pattern: local hours in a zone."""

    zone: str
    hours: Sequence[int]

    def on(self, day: date) -> Iterator[datetime]:
        """Yield the slots of one local day in UTC. An hour that a clock change repeats counts once, its first time."""
        zone = ZoneInfo(self.zone)
        for hour in sorted(set(self.hours)):
            yield datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the slots in ``(after, until]``, oldest first, in UTC."""
        zone = ZoneInfo(self.zone)
        day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
        while day <= last:
            yield from (slot for slot in self.on(day) if after < slot <= until)
            day += timedelta(days=1)

    def next(self, after: datetime) -> datetime:
        """Return the first slot after this instant, in UTC."""
        return next(self.between(after, after + timedelta(days=2)))
