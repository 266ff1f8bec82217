"""Dates and times as Dutch sources write them, with the precision that they have."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.mapping.convert import Converted, Note, Unmappable

_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_DUTCH = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4})", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?:(:\d{2})(\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?", re.ASCII)

TWICE = Note("value-invalid", "this hour occurs twice when the clock goes back", "first occurrence taken")
NEVER = Note("value-invalid", "this hour doesn't exist when the clock goes forward", "shifted by an hour")


def day(text: str) -> str:
    """Return a FHIR date with the precision of the text: ``2026-04-05``, ``05-04-2026``, ``2026-04`` or ``2026``.

    Raises:
        Unmappable: no such form, or no such day.
    """
    dutch = _DUTCH.fullmatch(text)
    if dutch:
        parts = [dutch[3], dutch[2], dutch[1]]
    else:
        found = _DATE.fullmatch(text)
        if found is None:
            raise Unmappable("not a date")
        parts = [part for part in found.groups() if part]
    year, month, number = (int(part) for part in (*parts, "1", "1")[:3])
    try:
        date(year, month, number)
    except ValueError:
        raise Unmappable("no such day") from None
    return "-".join([f"{year:04}", f"{month:02}", f"{number:02}"][: len(parts)])


def stamp(text: str, zone: ZoneInfo | None) -> str | Converted:
    """Return a FHIR dateTime with a time and an offset; without offset the text is wall time in the zone.

    Raises:
        Unmappable: no such form, no such moment, or neither offset nor zone.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise Unmappable("not a date and time")
    seconds, fraction, offset = found.groups()
    wall = _wall(f"{text[:10]}T{text[11:16]}{seconds or ':00'}")
    if offset is None:
        return _local(datetime.fromisoformat(wall), fraction or "", zone)
    if offset != "Z":
        offset = offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"
        if offset[1:] > "14:00" or offset[4:] > "59":
            raise Unmappable("no such offset from UTC")
    return f"{wall}{fraction or ''}{offset}"


def local_day(text: str, zone: ZoneInfo | None) -> str:
    """Return the date on which a moment fell in the zone; without zone, where it was written down.

    Raises:
        Unmappable: as ``stamp``.
    """
    made = stamp(text, zone)
    written = made.value if isinstance(made, Converted) else made
    if zone is None or int(written[:4]) not in YEARS:
        return str(written[:10])
    return datetime.fromisoformat(written).astimezone(zone).date().isoformat()


def _wall(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise Unmappable("no such moment") from None
    return text


def _local(wall: datetime, fraction: str, zone: ZoneInfo | None) -> str | Converted:
    if zone is None:
        raise Unmappable("a time without offset, and no zone is set")
    if wall.year in (1, 9999):
        raise Unmappable("no such moment")
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return _written(first, fraction)
    # Gap and overlap differ in the sign: in a gap the first reading has the smaller offset.
    if (first.utcoffset() or timedelta()) > (second.utcoffset() or timedelta()):
        return Converted(_written(first, fraction), (TWICE,))
    return Converted(_written(first.astimezone(UTC).astimezone(zone), fraction), (NEVER,))


def _written(at: datetime, fraction: str) -> str:
    text = at.isoformat()
    return f"{text[:19]}{fraction}{text[19:25]}"


# Beyond these years it is a slip or a stand-in for "unknown", and databases and calendars disagree.
YEARS: Final = range(1800, 2201)


# Moments with their offset, as one record says them again and again.
_moments: dict[str, datetime] = {}
MEMO: Final = 4096


def _learned(text: str) -> datetime:
    if len(_moments) >= MEMO:
        _moments.clear()
    made = _moments[text] = datetime.fromisoformat(text)
    return made


def moment(text: str, zone: ZoneInfo | None) -> datetime | None:
    """Return the moment of a FHIR date or dateTime: the start of a day, month or year in the zone; ``None`` without one."""
    known = _moments.get(text)
    if known is not None:
        return known
    if int(text[:4]) not in YEARS:
        return None
    if "T" in text:
        return _learned(text)
    if zone is None:
        return None
    parts = [int(part) for part in text.split("-")]
    year, month, number = (*parts, 1, 1)[:3]
    return datetime(year, month, number, tzinfo=zone)
