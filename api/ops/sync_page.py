"""The sync page's facts: per source and portal the last slot, the next one, both ledgers, what waits or is parked and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.runs import FAILED_RUNS, FAILED_SLICES, PORTAL_TROUBLE
from gateway.accounting import Ledgers, ledgers
from gateway.runtime import Gateway
from schedules.listing import PastSlot, past, schedules

SHOWN: Final = 200

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
PARKED: Final = f"""
select portal.code as portal, resource.rtype || '/' || resource.rid as resource, link.member::text as member,
  outbox.error_code, outbox.error_detail, outbox.attempt, outbox.queued_at
from outbox join disclosure_ledger ledger on ledger.id = outbox.ledger_id join resource on resource.rkey = ledger.rkey
join link on link.id = outbox.link_id join portal on portal.id = ledger.portal_id
where outbox.state = 'parked' order by outbox.error_code = 'waits-for', outbox.queued_at, outbox.id limit {SHOWN}"""
# With the field that was the cause; its value only masked.
QUARANTINED: Final = f"""
select source.code as source, source.system, journal.stream, journal.record_key, journal.reason, journal.received_at,
  issue.source_path as place, nullif(issue.masked, '') as masked,
  coalesce(newest.journal_id, journal.id) <> journal.id as replaced
from journal join source on source.id = journal.source_id
left join source_record newest
  on newest.source_id = journal.source_id and newest.stream = journal.stream and newest.record_key = journal.record_key
left join lateral (
  select source_path, masked from mapping_issue
  where journal_id = journal.id and severity = 'error' order by masked = '', id limit 1) issue on true
where journal.state = 'quarantined' order by replaced, journal.id desc limit {SHOWN}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """Everything on the page, read in one go."""

    at: datetime
    neighbours: list[Any]
    slots: list[PastSlot]
    next_slot: datetime | None
    ledgers: Ledgers
    parked: list[Any]
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
            "parked": db.execute(PARKED).fetchall(),
            "quarantined": db.execute(QUARANTINED).fetchall(),
            "failed_slices": db.execute(FAILED_SLICES, (runs,)).fetchall(),
            "failed_runs": db.execute(FAILED_RUNS, (runs,)).fetchall(),
            "portal_trouble": db.execute(PORTAL_TROUBLE, (None,)).fetchall(),
        }
    now = gateway.clock()
    return SyncState(
        at=now,
        slots=past(gateway, org, 10),
        next_slot=min((one.hours.next(now) for one in schedules(gateway, org)), default=None),
        ledgers=ledgers(gateway, org),
        **rows,
    )
