"""The sync page's facts: per source and portal the last slot, the next one, both ledgers, what waits or is parked and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from api.runs import FAILED_RUNS, FAILED_SLICES, PORTAL_TROUBLE, QUARANTINED
from gateway.accounting import Ledgers, ledgers
from gateway.clock import system_clock
from gateway.outbox import Parked, parked
from gateway.runtime import Gateway
from schedules.listing import PastSlot, past, schedules

SHOWN: Final = 200
SAME_CLOCK: Final = timedelta(minutes=1)

NEIGHBOURS: Final = """
select 'source' as what, source.code, breaker_reason, breaker_until, last.number, last.started_at, last.finished_at, last.outcome
from source left join lateral (
  select number, started_at, finished_at, outcome from run where run.source_id = source.id order by id desc limit 1) last on true
union all
select 'portal', portal.code, breaker_reason, breaker_until, null, null, last.at, null
from portal left join lateral (
  select max(greatest(delivered_at, retracted_at)) as at from disclosure_ledger where portal_id = portal.id) last on true
order by what desc, code"""
LAST_RUNS: Final = "select distinct on (source_id) id from run order by source_id, id desc"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """Everything on the page, read in one go. ``own_clock``: its time isn't this machine's, a demonstration moves it."""

    at: datetime
    own_clock: bool
    neighbours: list[Any]
    slots: list[PastSlot]
    next_slot: datetime | None
    ledgers: Ledgers
    parked: list[Parked]
    quarantined: list[Any]
    failed_slices: list[Any]
    failed_runs: list[Any]
    portal_trouble: list[Any]

    @property
    def parked_count(self) -> int:
        """Count all that is parked, also what isn't listed."""
        return sum(line.fates.get("parked", 0) for line in (*self.ledgers.disclosure, *self.ledgers.directory))

    @property
    def quarantined_count(self) -> int:
        """Count what is quarantined and was not replaced by something newer, as far as it is listed."""
        return sum(not row.replaced for row in self.quarantined)

    @property
    def on_its_way(self) -> int:
        """Count what is still to be sent or taken back."""
        lines = (*self.ledgers.disclosure, *self.ledgers.directory)
        return sum(line.fates.get(fate, 0) for line in lines for fate in ("queued", "retracting"))

    @property
    def trouble(self) -> bool:
        """Tell whether somebody has to look."""
        failed = self.failed_slices or self.failed_runs or self.portal_trouble
        return bool(failed or self.parked_count or self.quarantined_count or not self.ledgers.balanced)

    @property
    def last_slot(self) -> PastSlot | None:
        """The newest slot that ran or runs; coalesced ones did nothing themselves."""
        return next((slot for slot in self.slots if slot.outcome != "coalesced"), None)


def sync_state(gateway: Gateway, org: int) -> SyncState:
    """Read the state of one organisation."""
    with gateway.database.transaction(org) as db:
        runs = [row.id for row in db.execute(LAST_RUNS)]
        rows = {
            "neighbours": db.execute(NEIGHBOURS).fetchall(),
            "quarantined": db.execute(QUARANTINED, {"replaced": True, "limit": SHOWN}).fetchall(),
            "failed_slices": db.execute(FAILED_SLICES, (runs,)).fetchall(),
            "failed_runs": db.execute(FAILED_RUNS, (runs,)).fetchall(),
            "portal_trouble": db.execute(PORTAL_TROUBLE, (None,)).fetchall(),
        }
    now = gateway.clock()
    return SyncState(
        at=now,
        own_clock=abs(now - system_clock()) > SAME_CLOCK,
        parked=parked(gateway, org, SHOWN),
        slots=past(gateway, org, 10),
        next_slot=min((one.hours.next(now) for one in schedules(gateway, org)), default=None),
        ledgers=ledgers(gateway, org),
        **rows,
    )
