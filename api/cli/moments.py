"""Moments as they are typed: a day in the Netherlands, or a day and a time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        help="As it was then: 2026-03-02 (the end of that day), or 2026-03-02T14:30; Dutch time unless it has an offset.",
        metavar="WHEN",
    ),
]


def moment(typed: str | None) -> datetime | None:
    """Return the moment in UTC; a day alone means its last moment.

    Raises:
        typer.BadParameter: it is no date.
    """
    if typed is None:
        return None
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        raise typer.BadParameter("not a moment; give 2026-03-02 or 2026-03-02T14:30", param_hint="--at") from None
    if "T" not in typed and " " not in typed:
        at = datetime.combine(at.date() + timedelta(days=1), time(0)) - timedelta(microseconds=1)
    return (at if at.tzinfo else at.replace(tzinfo=AMSTERDAM)).astimezone(UTC)
