"""Which slot is to run now, and who runs it.

A row per slot, unique in the database, is the whole truth: whichever process inserts it or takes over its lease runs it. Slots
that were missed coalesce into the newest one: a family wants today's state once, not yesterday's five times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.database import Connection
from gateway.errors import Conflict
from gateway.runtime import Gateway
from schedules.slots import Hours

LEASE = timedelta(seconds=120)

SCHEDULES: Final = "select id, code, zone, hours, since from schedule order by id for update"
LAST_SLOT: Final = "select max(slot) as slot from run_slot where schedule_id = %s"
INSERT_SLOT: Final = """
insert into run_slot (org, schedule_id, slot, outcome, reason) values (%s, %s, %s, %s, %s)
on conflict (schedule_id, slot) do nothing"""
COALESCE_OPEN: Final = """
update run_slot set outcome = 'coalesced', reason = 'cut-off', finished_at = app_now()
where schedule_id = %(schedule)s and outcome is null and (lease_until is null or lease_until < app_now())
and slot < (select max(slot) from run_slot where schedule_id = %(schedule)s)"""
CLAIM: Final = """
update run_slot set fence = fence + 1, lease_until = app_now() + %(lease)s, started_at = coalesce(started_at, app_now())
where id = (
  select id from run_slot
  where schedule_id = %(schedule)s and outcome is null and (lease_until is null or lease_until < app_now())
  order by slot desc limit 1 for update skip locked)
returning id, slot, fence"""
RENEW: Final = "update run_slot set lease_until = app_now() + %s where id = %s and fence = %s and outcome is null"
FINISH: Final = """
update run_slot set outcome = %s, reason = %s, finished_at = app_now(), lease_until = null
where id = %s and fence = %s and outcome is null"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedSlot:
    """A slot that this process runs; ``fence`` proves it in every later write."""

    id: int
    org: int
    schedule: str
    slot: datetime
    fence: int
    hours: Hours


def claim_due(gateway: Gateway, org: int) -> ClaimedSlot | None:
    """Write down the slots that have come due, and claim the newest one that nobody runs."""
    with gateway.database.transaction(org) as db:
        for schedule in db.execute(SCHEDULES).fetchall():
            _write_due(db, org, schedule, gateway.clock())
            db.execute(COALESCE_OPEN, {"schedule": schedule.id})
            row = db.execute(CLAIM, {"schedule": schedule.id, "lease": LEASE}).fetchone()
            if row:
                hours = Hours(zone=schedule.zone, hours=schedule.hours)
                return ClaimedSlot(id=row.id, org=org, schedule=schedule.code, slot=row.slot, fence=row.fence, hours=hours)
    return None


def _write_due(db: Connection, org: int, schedule: Any, now: datetime) -> None:
    last = db.execute(LAST_SLOT, (schedule.id,)).fetchone()
    since = (last.slot if last else None) or schedule.since
    due = list(Hours(zone=schedule.zone, hours=schedule.hours).between(since, now))
    for slot in due[:-1]:
        db.execute(INSERT_SLOT, (org, schedule.id, slot, "coalesced", "missed"))
    for slot in due[-1:]:
        db.execute(INSERT_SLOT, (org, schedule.id, slot, None, None))


def renew(gateway: Gateway, slot: ClaimedSlot) -> None:
    """Stay the owner of a slot.

    Raises:
        Conflict: another process took it over; whoever notices stops.
    """
    with gateway.database.transaction(slot.org) as db:
        if db.execute(RENEW, (LEASE, slot.id, slot.fence)).rowcount != 1:
            raise Conflict(f"slot {slot.id}: taken over by another process")


def finish(gateway: Gateway, slot: ClaimedSlot, outcome: str, reason: str | None = None) -> None:
    """Give a slot its one outcome.

    Raises:
        Conflict: another process took it over.
    """
    with gateway.database.transaction(slot.org) as db:
        if db.execute(FINISH, (outcome, reason, slot.id, slot.fence)).rowcount != 1:
            raise Conflict(f"slot {slot.id}: taken over by another process")
