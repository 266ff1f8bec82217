"""What went wrong at the neighbours and what was set aside, in words an operator can act on: what, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.accounting import Ledgers
from gateway.outbox import Parked, parked
from gateway.runtime import Gateway

REMEDIES: Final = {
    "auth": "the source refuses our certificate; check it and its expiry, then sync again",
    "config": "check the source's settings (base_url, certificate, customer code), then sync again",
    "throttled": "the source asks for fewer requests; the next run goes on from here",
    "transient": "see that the source is up and can be reached from here; the next run goes on from here",
    "maintenance": "the source is under maintenance; the next run goes on from here",
    "permanent": "this part can't be read, everything else was; give its supplier this line",
    "held-deletions": "nothing was deleted; see whether the source is complete, then zorgsluis quarantine deletions list",
    "deletions-refused": "nothing; what was missing stays, the next run judges again",
}
PORTAL_REMEDIES: Final = {
    "auth": "the portal refuses our key; check settings.secrets.key and what the portal was given, then sync again",
    "config": "check the portal's settings (base_url, key), then sync again",
    "throttled": "the portal asks for patience; serve sends the rest by itself when it may, so does the next sync",
    "transient": "see that the portal is up and can be reached from here; serve sends it by itself, so does the next sync",
    "ambiguous": "no answer came; the portal is read back before anything is sent again, by serve or the next sync",
    "member-unknown": "the portal doesn't know these members yet; ask it to open them, serve tries again",
    "still-there": "the portal still shows what it was told to remove; ask why, serve tries again",
}
READ_LOG: Final = "look for this code in the log"
CORRECT_RECORD: Final = "correct it in the record system, the next sync reads it again; what it yielded before stays as it was"
NO_RECORD: Final = "the source sent something that isn't a record; give its supplier this line"
REFUSED: Final = "zorgsluis trace {resource} shows where it came from; when the portal takes it: zorgsluis sync --retry-parked"
WAITING: Final = "nothing; it goes once that is taken"

FAILED_SLICES: Final = """
select source.code as source, slice.error_code as code, slice.error_detail as detail,
  string_agg(distinct slice.stream, ', ' order by slice.stream) as streams, count(*)::int as failed,
  (select count(*) from slice other where other.run_id = slice.run_id)::int as slices,
  not exists (select from slice other where other.run_id = slice.run_id and other.state <> 'failed') as whole
from slice join source on source.id = slice.source_id
where slice.run_id = any(%s) and slice.state = 'failed'
group by source.code, slice.run_id, slice.error_code, slice.error_detail order by source.code, min(slice.id)"""
# A source that could not even be asked what it has: its run ended without a slice.
FAILED_RUNS: Final = """
select source.code as source, run.error_code as code, run.error_detail as detail
from run join source on source.id = run.source_id
where run.id = any(%s) and run.error_code is not null and not exists (select from slice where slice.run_id = run.id)
order by source.code"""
# Of a bundle that failed only its own rows carry the reason; what stands behind them in the lane waits for the same one.
PORTAL_TROUBLE: Final = """
with waiting as (
  select lane.portal_id, coalesce(outbox.error_code, max(outbox.error_code) over (partition by lane.id)) as code
  from outbox join lane on lane.id = outbox.lane_id where outbox.state = 'ready')
select portal.code as portal, coalesce(portal.breaker_reason, waiting.code) as reason, count(*)::int as items,
  not exists (select from disclosure_ledger ledger where ledger.portal_id = portal.id
    and greatest(ledger.delivered_at, ledger.retracted_at) >= %s) as whole
from waiting join portal on portal.id = waiting.portal_id
where coalesce(portal.breaker_reason, waiting.code) is not null
group by portal.id, portal.code, portal.breaker_reason, waiting.code order by 1, 2"""
STARTED: Final = "select min(started_at) as at from run where id = any(%s)"
# With the newest first; ``replaced`` when we have something newer of the record by now. Where a value is the cause it is named, masked.
QUARANTINED: Final = """
select source.code as source, source.system, journal.stream, journal.record_key as key, journal.received_at,
  coalesce(journal.reason, 'unknown') as reason, issue.source_path as place, nullif(issue.masked, '') as masked, issue.reason as why,
  coalesce(newest.journal_id, journal.id) <> journal.id as replaced
from journal join source on source.id = journal.source_id
left join source_record newest
  on newest.source_id = journal.source_id and newest.stream = journal.stream and newest.record_key = journal.record_key
left join lateral (
  select source_path, masked, reason from mapping_issue
  where journal_id = journal.id and source_path in (
    select source_path from mapping_issue where journal_id = journal.id and severity = 'error')
  order by masked = '', id limit 1) issue on true
where journal.state = 'quarantined' and (%(replaced)s or coalesce(newest.journal_id, journal.id) = journal.id)
order by replaced, journal.id desc limit %(limit)s"""

EXIT_DONE, EXIT_ASIDE, EXIT_COULD_NOT_RUN, EXIT_LOSS = 0, 1, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One line about one neighbour; ``whole`` when nothing at all went between us."""

    text: str
    whole: bool


def failures(gateway: Gateway, org: int, runs: Sequence[int]) -> list[Failure]:
    """Return what failed at the sources in these runs: one line each cause, however many slices it hit."""
    with gateway.database.transaction(org) as db:
        slices = db.execute(FAILED_SLICES, (list(runs),)).fetchall()
        whole_runs = db.execute(FAILED_RUNS, (list(runs),)).fetchall()
    return [
        *(Failure(text=f"source {row.source}: nothing was read: {_cause(row)}", whole=True) for row in whole_runs),
        *(_slice_failure(row) for row in slices),
    ]


def portal_failures(gateway: Gateway, org: int, runs: Sequence[int]) -> list[Failure]:
    """Return what waits for a portal and why; ``whole`` when it took nothing since these runs began."""
    with gateway.database.transaction(org) as db:
        began = db.execute(STARTED, (list(runs),)).fetchone()
    return _portal_failures(gateway, org, began.at if began else None)


def portal_trouble(gateway: Gateway, org: int) -> list[str]:
    """Return one line per portal and cause for what waits there."""
    return [failure.text for failure in _portal_failures(gateway, org, None)]


def aside(gateway: Gateway, org: int) -> list[str]:
    """Return one line for each record that is quarantined now and each item that is parked now."""
    with gateway.database.transaction(org) as db:
        quarantined = reversed(db.execute(QUARANTINED, {"replaced": False, "limit": None}).fetchall())
    return [*(_quarantined(row) for row in quarantined), *(_parked(one) for one in parked(gateway, org))]


def exit_code(found: Ledgers, failed: Iterable[Failure], set_aside: Sequence[str]) -> int:
    """Return 4 when a ledger doesn't balance, 3 when nothing could be done, 1 when something is left, else 0."""
    wholes = [failure.whole for failure in failed]
    if not found.balanced:
        return EXIT_LOSS
    if wholes and all(wholes):
        return EXIT_COULD_NOT_RUN
    return EXIT_ASIDE if wholes or set_aside else EXIT_DONE


def _slice_failure(row: Any) -> Failure:
    text = f"source {row.source}: not read: {row.streams} ({row.failed} of {row.slices} slices): {_cause(row)}"
    return Failure(text=text, whole=row.whole)


def _cause(row: Any) -> str:
    detail = f": {row.detail}" if row.detail else ""
    return f"{row.code}{detail}; what to do: {REMEDIES.get(row.code, READ_LOG)}"


def _portal_failures(gateway: Gateway, org: int, since: datetime | None) -> list[Failure]:
    with gateway.database.transaction(org) as db:
        rows = db.execute(PORTAL_TROUBLE, (since,)).fetchall()
    return [_portal_failure(row) for row in rows]


def _portal_failure(row: Any) -> Failure:
    remedy = PORTAL_REMEDIES.get(row.reason.partition(" ")[0], READ_LOG)
    return Failure(text=f"portal {row.portal}: {row.items} items wait: {row.reason}; what to do: {remedy}", whole=row.whole)


def _quarantined(row: Any) -> str:
    place = f" at {row.place}{f' ({row.masked})' if row.masked else ''}: {row.why}" if row.place else ""
    remedy = CORRECT_RECORD if row.place else NO_RECORD
    return (
        f"source {row.source}: record {row.system}/{row.stream}#{row.key} quarantined: {row.reason}{place}; what to do: {remedy}"
    )


def _parked(one: Parked) -> str:
    detail = f" {one.error_detail}" if one.error_detail else ""
    remedy = WAITING if one.error_code == "waits-for" else REFUSED.format(resource=one.resource)
    return f"portal {one.portal}: {one.resource} for member {one.member} parked: {one.error_code}{detail}; what to do: {remedy}"
