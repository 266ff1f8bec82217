"""The invariants that the database alone can answer: each is a query that yields the keys that break it.

All of them run in one snapshot, so that work that goes on meanwhile breaks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from gateway.freeze import FROZEN
from gateway.outbox.lanes import LEASE
from gateway.reading.pull import LEASE as SLICE_LEASE
from gateway.retractions import URGENT
from gateway.runtime import Gateway
from gateway.verify.violation import Violation, violations

IDLE: Final = timedelta(minutes=2)
# schedules.firing has it too: the gateway can't import the schedules, which stand on it.
SLOT_LEASE: Final = timedelta(seconds=120)
SLOT_GRACE: Final = timedelta(minutes=15)

VALUES: Final[dict[str, Any]] = {
    "idle": IDLE,
    "lane_lease": LEASE,
    "slice_lease": SLICE_LEASE,
    "slot_lease": SLOT_LEASE,
    "slot_grace": SLOT_GRACE,
    "urgent": URGENT,
}

NAMED: Final = "resource.rtype || '/' || resource.rid || ' for ' || link.member"
LEDGER: Final = """
from disclosure_ledger ledger join resource on resource.rkey = ledger.rkey join link on link.id = ledger.link_id
join client on client.id = ledger.client_id join organisation on organisation.id = ledger.org
left join outbox on outbox.ledger_id = ledger.id
where ledger.org = app_org()"""
# A client that is due is about to be decided again: ledger and view may differ until then.
SETTLED: Final = """not exists (select from disclose_due due where due.client_id = client.id)
  and (client.next_change_at is null or client.next_change_at > app_now())"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One query that yields a ``key`` for each thing that breaks the invariant."""

    invariant: str
    what: str
    remedy: str
    query: str


CHECKS: Final = (
    Check(
        invariant="I1",
        what="due to a member and in no queue",
        remedy="disclose the client again: zorgsluis sync",
        query=f"""
select {NAMED} as key {LEDGER} and outbox.id is null and ledger.content_hash is not null
  and ledger.held_hash is distinct from ledger.content_hash order by 1""",
    ),
    Check(
        invariant="I1",
        what="no longer due, still held, and in no queue",
        remedy="disclose the client again: zorgsluis sync; until then the member may see it",
        query=f"""
select {NAMED} as key {LEDGER} and outbox.id is null and ledger.content_hash is null and ledger.held_hash is not null
  and ledger.state not in ('cannot_retract') and not {FROZEN} order by 1""",
    ),
    Check(
        invariant="I1",
        what="in the view and not in the ledger",
        remedy="disclose the client again: zorgsluis sync",
        query=f"""
select {NAMED} as key from disclosure_verdict verdict
join resource on resource.rkey = verdict.rkey join link on link.id = verdict.link_id join client on client.id = verdict.client_id
left join disclosure_ledger ledger on ledger.link_id = verdict.link_id and ledger.rkey = verdict.rkey
where verdict.org = app_org() and verdict.code = 'grant' and verdict.content_hash is not null
  and ledger.content_hash is distinct from verdict.content_hash and not (client.stop_reason is not null and client.frozen)
  and {SETTLED} order by 1""",
    ),
    Check(
        invariant="I1",
        what="due by the ledger and not in the view",
        remedy="disclose the client again: zorgsluis sync; until then the member may see or get what isn't theirs",
        query=f"""
with permitted as materialized (
  select link_id, rkey from disclosure_verdict verdict where verdict.org = app_org() and verdict.code = 'grant')
select {NAMED} as key {LEDGER} and ledger.content_hash is not null and {SETTLED}
  and not exists (select from permitted where permitted.link_id = ledger.link_id and permitted.rkey = ledger.rkey) order by 1""",
    ),
    Check(
        invariant="I1",
        what="due to be decided anew for over a quarter of an hour, and nobody could",
        remedy="see why in the log of zorgsluis serve; until then members may see what isn't theirs any more",
        query="""
select distinct 'client Patient/' || client.patient_rid as key from disclose_due due join client on client.id = due.client_id
where due.org = app_org() and due.cause not in ('store', 'facts') and due.since <= app_now() - %(urgent)s order by 1""",
    ),
    Check(
        invariant="I1",
        what="journalled as mapped, and nothing was stored of it",
        remedy="see what became of it: zorgsluis trace",
        query="""
select source.system || '/' || record.stream || '#' || record.record_key as key
from source_record record join source on source.id = record.source_id join journal on journal.id = record.journal_id
where record.org = app_org() and journal.state = 'mapped' and not exists (
  select from origin where origin.org = record.org and origin.system = source.system and origin.stream = record.stream
    and origin.record_key = record.record_key)
order by 1""",
    ),
    Check(
        invariant="I3",
        what="held at a version that was never stored",
        remedy="stop delivery and look into the ledger's row: it was written by something else",
        query=f"""
select {NAMED} || ' version ' || greatest(ledger.held_version, ledger.version) as key {LEDGER}
  and greatest(ledger.held_version, ledger.version) > resource.version order by 1""",
    ),
    # In the order of writing, which a clock that is set back leaves alone: a receipt is written while its lane is held.
    Check(
        invariant="I3",
        what="an older version was delivered after a newer one",
        remedy="deliver the newest again: zorgsluis sync; and look for a worker that writes without its fence",
        query=f"""
select distinct {NAMED} as key from (
  select link_id, rkey, (detail ->> 'version')::int as version, max((detail ->> 'version')::int) over (
    partition by link_id, rkey order by written nulls first, case when written is null then at end
    groups between unbounded preceding and 1 preceding) as before
  from audit_event where org = app_org() and event = 'delivery') told
join resource on resource.rkey = told.rkey join link on link.id = told.link_id
where told.version < told.before order by 1""",
    ),
    Check(
        invariant="I3",
        what="history has a gap or goes back",
        remedy="restore the missing versions from the backup: what was delivered can't be explained without them",
        query="""
select resource.rtype || '/' || resource.rid as key
from resource join resource_history history on history.rkey = resource.rkey
where resource.org = app_org() group by resource.rkey, resource.rtype, resource.rid, resource.version
having count(*) <> max(history.version) - min(history.version) + 1 or max(history.version) <> resource.version order by 1""",
    ),
    Check(
        invariant="I5",
        what="a lane has ready work and nobody takes it, while its portal is in use",
        remedy="see that zorgsluis serve runs; its sweeper takes every due lane within 15 seconds",
        query="""
select distinct 'lane ' || lane.id as key
from lane join portal on portal.id = lane.portal_id join outbox on outbox.lane_id = lane.id
where lane.org = app_org() and outbox.state = 'ready' and portal.breaker_reason is null
  and greatest(outbox.queued_at, outbox.not_before, lane.not_before, lane.lease_until) < app_now() - %(idle)s order by 1""",
    ),
    Check(
        invariant="I6",
        what="a lease is older than twice its time",
        remedy="see that zorgsluis serve runs; a lease that ran out is taken over by the sweeper",
        query="""
select 'lane ' || id as key from lane where org = app_org() and lease_until < app_now() - %(lane_lease)s
union all
select 'slice ' || id from slice where org = app_org() and state = 'ready' and lease_until < app_now() - %(slice_lease)s
union all
select 'slot ' || id from run_slot where org = app_org() and outcome is null and lease_until < app_now() - %(slot_lease)s
order by 1""",
    ),
    Check(
        invariant="I7",
        what="a slice counted other than it journalled",
        remedy="compare journal and slice of that run: a page was written without its counters, or the other way round",
        query="""
with counted as (
  select run_id, stream, sum(journalled) as n from slice where org = app_org() group by run_id, stream),
written as (
  select run_id, stream, count(*) as n from journal where org = app_org() and run_id is not null group by run_id, stream)
select 'run ' || run_id || ' ' || stream as key from counted full join written using (run_id, stream)
where coalesce(counted.n, 0) <> coalesce(written.n, 0)
union all
select 'slice ' || id from slice where org = app_org() and received <> duplicates + journalled
union all
select 'source ' || source_id || ' ' || stream from inbound_tally where org = app_org() and received <> duplicates + journalled
order by 1""",
    ),
    Check(
        invariant="I8",
        what="a slot has no outcome and nobody works on it",
        remedy="see that zorgsluis serve runs: it finishes or coalesces the slot",
        query="""
select 'slot ' || to_char(slot at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"') as key from run_slot
where org = app_org() and outcome is null and slot < app_now() - %(slot_grace)s
  and coalesce(lease_until, started_at, slot) < app_now() - %(slot_grace)s order by 1""",
    ),
    Check(
        invariant="I8",
        what="a slot between two others was never written down",
        remedy="look into the schedule's rows: a missed slot is coalesced, not left out",
        query="""
with known as (
  select schedule_id, min(slot) as first, max(slot) as last
  from run_slot join schedule on schedule.id = run_slot.schedule_id
  where run_slot.org = app_org() and slot > schedule.since group by schedule_id)
select distinct 'slot ' || to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"') as key
from known join schedule on schedule.id = known.schedule_id
cross join lateral generate_series(
  (first at time zone zone)::date::timestamp, (last at time zone zone)::date::timestamp, interval '1 day') as day
cross join lateral unnest(schedule.hours) as hour
cross join lateral (select (day + make_interval(hours => hour)) at time zone zone as moment) as due
where moment > first and moment < last and not exists (
  select from run_slot where run_slot.schedule_id = schedule.id and run_slot.slot = due.moment) order by 1""",
    ),
    Check(
        invariant="I9",
        what="a deleted resource kept its body",
        remedy="look for what wrote that row: the store empties the body of what it deletes",
        query="""
select rtype || '/' || rid as key from resource where org = app_org() and deleted and octet_length(body) > 0 order by 1""",
    ),
)


def on_database(gateway: Gateway, org: int) -> list[Violation]:
    """Run every check on one organisation."""
    found: list[Violation] = []
    with gateway.database.snapshot(org) as db:
        for check in CHECKS:
            keys = [str(row.key) for row in db.execute(check.query, VALUES)]
            found += violations(check.invariant, check.what, check.remedy, keys)
    return found
