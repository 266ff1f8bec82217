"""Periods as they are typed: a first and a last day in the Netherlands, or moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from api.cli.moments import AMSTERDAM

Since = Annotated[
    str | None, typer.Option("--from", help="First day (2026-05-01), or a moment, on which it holds.", metavar="DAY")
]
Until = Annotated[str | None, typer.Option("--until", help="Last day, or the moment that ends it.", metavar="DAY")]
DataSince = Annotated[str | None, typer.Option("--data-from", help="Only data from this day on.", metavar="DAY")]
DataUntil = Annotated[str | None, typer.Option("--data-until", help="Only data until the end of this day.", metavar="DAY")]


def start(typed: str | None, option: str) -> datetime | None:
    """Return when a period begins: of a day alone, its midnight.

    Raises:
        typer.BadParameter: it is no date.
    """
    return _instant(typed, option, timedelta(0))


def end(typed: str | None, option: str) -> datetime | None:
    """Return when a period has ended: of a day alone, the midnight after it.

    Raises:
        typer.BadParameter: it is no date.
    """
    return _instant(typed, option, timedelta(days=1))


def last_day(ends: datetime | None) -> str:
    """Return the day on which something still holds, in the Netherlands; with the time when it doesn't end at midnight."""
    if ends is None:
        return ""
    at = ends.astimezone(AMSTERDAM)
    return f"{at:%Y-%m-%d %H:%M}" if at.time() != time(0) else str(at.date() - timedelta(days=1))


def _instant(typed: str | None, option: str, later: timedelta) -> datetime | None:
    if typed is None:
        return None
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        raise typer.BadParameter(
            f"{typed!r} is no day and no moment; give 2026-05-01 or 2026-05-01T14:30", param_hint=option
        ) from None
    if _is_day(typed):
        at = datetime.combine(at.date() + later, time(0))
    return (at if at.tzinfo else at.replace(tzinfo=AMSTERDAM)).astimezone(UTC)


def _is_day(typed: str) -> bool:
    try:
        date.fromisoformat(typed)
    except ValueError:
        return False
    return True
