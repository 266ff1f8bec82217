"""Moments as Dutch readers write them. A date without time stays a date without time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
SECOND: Final = timedelta(seconds=1)
NOON: Final = time(12)
DAYS: Final = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")
MONTHS: Final = (
    *("januari", "februari", "maart", "april", "mei", "juni"),
    *("juli", "augustus", "september", "oktober", "november", "december"),
)
RELATIVE: Final = {0: "vandaag", -1: "gisteren", 1: "morgen"}
Precision = Literal["year", "month", "day", "minute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A FHIR ``dateTime`` on the Dutch clock, with how precise it is; ``at`` is its first instant."""

    at: datetime
    precision: Precision

    @property
    def day(self) -> date:
        """Return the calendar day."""
        return self.at.date()

    @property
    def clock(self) -> str:
        """Return ``08:05``; empty without a time."""
        return f"{self.at:%H:%M}" if self.precision == "minute" else ""

    @property
    def machine(self) -> str:
        """Return the value for ``<time datetime>``."""
        return self.at.isoformat(timespec="minutes") if self.precision == "minute" else self.on_paper[:10]

    @property
    def on_paper(self) -> str:
        """Return the ISO date as precise as it is known."""
        return self.day.isoformat()[: {"year": 4, "month": 7}.get(self.precision, 10)]

    @property
    def order(self) -> tuple[date, bool, datetime]:
        """Return a sort key; within a day the moments without time come first, thus last when newest is first."""
        return self.day, self.precision == "minute", self.at

    @property
    def chart_seconds(self) -> int:
        """Return where it stands on a time axis, in seconds since 1970; a day without time stands at its noon."""
        timed = self.precision == "minute"
        return int((self.at if timed else datetime.combine(self.day, NOON, AMSTERDAM)).timestamp())

    def __str__(self) -> str:
        """Return ``2 maart 2026, 08:05``, as precise as it is known."""
        if self.precision == "year":
            return str(self.day.year)
        month = f"{MONTHS[self.day.month - 1]} {self.day.year}"
        if self.precision == "month":
            return month
        return ", ".join(filter(None, (f"{self.day.day} {month}", self.clock)))


def moment(value: str) -> Moment | None:
    """Return the moment of a FHIR date, dateTime or instant; ``None`` when it isn't one."""
    precision: Precision = {4: "year", 7: "month", 10: "day"}.get(len(value), "minute")  # type: ignore[assignment]
    padded = value + {4: "-01-01", 7: "-01"}.get(len(value), "")
    try:
        at = datetime.fromisoformat(padded)
    except ValueError:
        return None
    return Moment(at=at.astimezone(AMSTERDAM) if at.tzinfo else at.replace(tzinfo=AMSTERDAM), precision=precision)


def covers(start: str, end: str, today: date) -> bool:
    """Return whether a FHIR period holds on a Dutch day; what ends at midnight ends with the day before. Empty: without bound."""
    first, last = moment(start), moment(end)
    until = last and (Moment(at=last.at - SECOND, precision="minute") if last.precision == "minute" else last)
    begun = first is None or today.isoformat() >= first.on_paper
    return begun and (until is None or today.isoformat()[: len(until.on_paper)] <= until.on_paper)


def long_day(day: date) -> str:
    """Return ``maandag 2 maart 2026``."""
    return f"{week_day(day)} {day.year}"


def week_day(day: date) -> str:
    """Return ``maandag 2 maart``."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def near_day(day: date, today: date) -> str:
    """Return ``vandaag``, ``gisteren``, ``morgen``, or the day and month, with the year when it is another one."""
    relative = RELATIVE.get((day - today).days)
    year = "" if day.year == today.year else f" {day.year}"
    return relative or f"{day.day} {MONTHS[day.month - 1]}{year}"


def near_moment(value: Moment, today: date) -> str:
    """Return ``vandaag 15:00`` or ``2 maart 08:05``."""
    return " ".join(filter(None, (near_day(value.day, today), value.clock)))


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())
