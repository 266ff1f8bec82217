"""The slots to come and the slots that were, for the command line and the sync page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.runtime import Gateway
from schedules.slots import Hours

SCHEDULES: Final = "select code, zone, hours from schedule order by code"
HISTORY: Final = """
select schedule.code as schedule, schedule.zone, run_slot.slot, outcome, reason, started_at, finished_at
from run_slot join schedule on schedule.id = run_slot.schedule_id order by run_slot.slot desc limit %s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule by its code."""

    code: str
    hours: Hours


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSlot:
    """A slot and its one outcome; ``None`` while it is under way. ``zone`` is where its hours are local."""

    schedule: str
    zone: str
    slot: datetime
    outcome: str | None
    reason: str | None
    started_at: datetime | None
    finished_at: datetime | None


def schedules(gateway: Gateway, org: int) -> list[Schedule]:
    """Return the organisation's schedules."""
    with gateway.database.transaction(org) as db:
        rows = db.execute(SCHEDULES).fetchall()
    return [Schedule(code=row.code, hours=Hours(zone=row.zone, hours=row.hours)) for row in rows]


def coming(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the slots after an instant, without end."""
    while True:
        after = schedule.hours.next(after)
        yield after


def past(gateway: Gateway, org: int, count: int) -> list[PastSlot]:
    """Return the newest slots, newest first."""
    with gateway.database.transaction(org) as db:
        return [PastSlot(**row._asdict()) for row in db.execute(HISTORY, (count,))]
