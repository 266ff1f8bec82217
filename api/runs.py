"""What went wrong at the neighbours, in words an operator can act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.runtime import Gateway

REMEDIES: Final = {
    "auth": "the source refuses our certificate; check it and its expiry, then sync again",
    "config": "the source refuses the request as such; check base_url and customer code",
    "throttled": "the source asks for fewer requests; the next run goes on from here",
    "transient": "the source did not answer; the next run goes on from here",
    "maintenance": "the source is under maintenance; the next run goes on from here",
    "permanent": "this part of the source can't be read; the others were",
    "held-deletions": "too many records vanished at once: nothing was deleted; check the source, then release",
}

FAILED_SLICES: Final = """
select source.code as source, slice.stream, slice.error_code, slice.error_detail, count(*)::int as n,
  (select count(*) from slice other where other.run_id = slice.run_id)::int as total
from slice join source on source.id = slice.source_id
where slice.run_id = any(%s) and slice.state = 'failed'
group by 1, 2, 3, 4, slice.run_id order by 1, 2"""
FAILED_RUNS: Final = """
select source.code as source, run.error_code, run.error_detail from run join source on source.id = run.source_id
where run.id = any(%s) and run.error_code is not null"""
PORTAL_TROUBLE: Final = """
select portal.code as portal, coalesce(outbox.error_code, portal.breaker_reason) as error_code,
  count(*)::int as n, count(*) filter (where outbox.state = 'parked')::int as parked
from outbox join lane on lane.id = outbox.lane_id join portal on portal.id = lane.portal_id
where outbox.error_code is not null or portal.breaker_reason is not null
group by 1, 2 order by 1, 2"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One line about one neighbour; ``whole`` when nothing at all could be read."""

    text: str
    whole: bool


def failures(gateway: Gateway, org: int, runs: Sequence[int]) -> list[Failure]:
    """Return what failed in these runs, grouped by cause: one line each, however many slices it hit."""
    with gateway.database.transaction(org) as db:
        slices = db.execute(FAILED_SLICES, (list(runs),)).fetchall()
        whole_runs = db.execute(FAILED_RUNS, (list(runs),)).fetchall()
    lines = [_slice_failure(row) for row in slices]
    return lines + [
        Failure(text=f"{row.source}: {row.error_code}: {_remedy(row.error_code)}", whole=False)
        for row in whole_runs
        if not any(line.text.startswith(f"{row.source} ") for line in lines)
    ]


def portal_trouble(gateway: Gateway, org: int) -> list[str]:
    """Return one line per portal and cause for what waits or is parked there."""
    with gateway.database.transaction(org) as db:
        rows: list[Any] = db.execute(PORTAL_TROUBLE).fetchall()
    return [f"portal {row.portal}: {row.error_code}: {row.n} items wait, {row.parked} of them parked" for row in rows]


def _slice_failure(row: Any) -> Failure:
    detail = f" ({row.error_detail})" if row.error_detail else ""
    text = f"{row.source} {row.stream}: {row.error_code}{detail}, {row.n} of {row.total} slices: {_remedy(row.error_code)}"
    return Failure(text=text, whole=row.n == row.total)


def _remedy(code: str) -> str:
    return REMEDIES.get(code, "see zorgsluis trace and the log")
