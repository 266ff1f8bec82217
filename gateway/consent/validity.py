"""When a right, a mandate or an exclusion holds, and which data it is about: a period that never comes, or is over already, is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from gateway.errors import Rejected

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")


def refuse_never(now: datetime, begins: datetime | None, ends: datetime | None, *, instead: str) -> None:
    """Refuse what would hold at no moment from now on; without a beginning it begins now. ``instead`` is what to do.

    Raises:
        Rejected: it ends before it begins, or it has ended.
    """
    if ends is None:
        return
    if begins is not None and ends <= begins:
        raise Rejected(
            f"it would end ({told(ends)}) before it begins ({told(begins)}); give it a later end, or an earlier beginning"
        )
    if ends <= now:
        raise Rejected(f"it would have ended already ({told(ends)}): it would never hold; {instead}")


def refuse_no_data(since: datetime | None, until: datetime | None) -> None:
    """Refuse a period of the data that ends before it begins: nothing lies in it.

    Raises:
        Rejected: it does.
    """
    if since is not None and until is not None and until <= since:
        raise Rejected(
            f"the period of the data would end ({told(until)}) before it begins ({told(since)}): nothing lies in it; "
            "give it a later end, or an earlier beginning"
        )


def told(at: datetime) -> str:
    """Return a moment as people in the Netherlands say it."""
    return f"{at.astimezone(AMSTERDAM):%Y-%m-%d %H:%M}"
