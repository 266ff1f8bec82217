"""The sync page's facts: per source and portal the last slot, the next one, both ledgers, what waits or is parked and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.runs import failures, portal_trouble
from gateway.accounting import Ledgers, ledgers
from gateway.runtime import Gateway
from schedules.listing import PastSlot, past, schedules

NEIGHBOURS: Final = """
select 'source' as what, code, breaker_reason, breaker_until from source
union all select 'portal', code, breaker_reason, breaker_until from portal order by what desc, code"""
LAST_RUNS: Final = """
select distinct on (source_id) run.id, source.code as source, run.number, run.started_at, run.finished_at, run.outcome,
  run.error_code
from run join source on source.id = run.source_id order by source_id, run.id desc"""
PARKED: Final = """
select portal.code as portal, resource.rtype || '/' || resource.rid as resource, link.member,
  outbox.error_code, outbox.error_detail, outbox.attempt, outbox.queued_at
from outbox join disclosure_ledger ledger on ledger.id = outbox.ledger_id join resource on resource.rkey = ledger.rkey
join link on link.id = outbox.link_id join portal on portal.id = ledger.portal_id
where outbox.state = 'parked' order by outbox.queued_at limit 200"""
QUARANTINED: Final = """
select source.code as source, stream, record_key, reason, received_at
from journal join source on source.id = journal.source_id
where journal.state = 'quarantined' order by journal.id desc limit 200"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """Everything on the page, read in one go."""

    at: datetime
    neighbours: list[Any]
    runs: list[Any]
    slots: list[PastSlot]
    next_slots: dict[str, datetime]
    ledgers: Ledgers
    parked: list[Any]
    quarantined: list[Any]
    trouble: list[str]


def sync_state(gateway: Gateway, org: int) -> SyncState:
    """Read the state of one organisation."""
    with gateway.database.transaction(org) as db:
        neighbours = db.execute(NEIGHBOURS).fetchall()
        runs = db.execute(LAST_RUNS).fetchall()
        parked = db.execute(PARKED).fetchall()
        quarantined = db.execute(QUARANTINED).fetchall()
    now = gateway.clock()
    failed = [failure.text for failure in failures(gateway, org, [run.id for run in runs])]
    return SyncState(
        at=now,
        neighbours=neighbours,
        runs=runs,
        slots=past(gateway, org, 10),
        next_slots={one.code: one.hours.next(now) for one in schedules(gateway, org)},
        ledgers=ledgers(gateway, org),
        parked=parked,
        quarantined=quarantined,
        trouble=[*failed, *portal_trouble(gateway, org)],
    )
