"""One circuit breaker a portal, on the portal's row, so that all workers share it.

``failures`` counts failures in a row, ``recent`` holds how the last twenty calls ended. ``breaker_reason`` is null while the portal is in
use; with a reason, work for it stays queued and one worker per interval may try. ``breaker_until`` is the moment from which the next one may.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from gateway.backoff import CAP_S, backoff
from gateway.database import Connection, Database
from gateway.errors import GatewayError, Misconfigured, NotFound, Throttled

OPENS_AT: Final = 5
# Of the last twenty: more than half. Calls that weren't made yet count as successes.
MOST_OF_RECENT: Final = 10
PROBE_EVERY: Final = timedelta(seconds=30)
# Credentials that are refused twice a minute get an account locked.
STOPPED_PROBE_EVERY: Final = timedelta(seconds=CAP_S)

# Where a portal only asked for patience, and has had it, nothing needs a probe.
ADMIT: Final = """
update portal set breaker_reason = case when not starts_with(breaker_reason, 'throttled') then breaker_reason end,
  breaker_until = case when not starts_with(breaker_reason, 'throttled') then app_now() + %(every)s end
where id = %(portal)s and breaker_reason is not null and (breaker_until is null or breaker_until <= app_now())
returning id"""
BY_CODE: Final = "select id from portal where org = app_org() and code = %s"
STANDING: Final = "select breaker_reason from portal where id = %s"
# An answer to what was sent before the portal asked for patience doesn't cut that short.
# Who closes the breaker begins anew: what it was opened for doesn't open it again at the next failure.
SUCCEEDED: Final = """
update portal set failures = 0, breaker_reason = null, breaker_until = null,
  recent = case when known.breaker_reason is null then portal.recent << 1 else 0::bit(20) end
from (select id, failures, breaker_reason from portal
  where id = %s and (failures > 0 or breaker_reason is not null or recent <> 0::bit(20))
    and not (starts_with(coalesce(breaker_reason, ''), 'throttled') and breaker_until > app_now()) for update) known
where portal.id = known.id
returning code, known.failures > 0 or known.breaker_reason is not null as failed_before"""
FAILED: Final = """
update portal set failures = failures + 1, recent = recent << 1 | 1::bit(20),
  breaker_reason = case when known.opens then %(reason)s end,
  breaker_until = case when known.opens then app_now() + %(every)s end
from (select id, breaker_reason as before, breaker_reason is not null or failures + 1 >= %(opens_at)s
    or bit_count(recent << 1 | 1::bit(20)) > %(most)s as opens
  from portal where id = %(portal)s for update) known
where portal.id = known.id
returning code, breaker_reason, known.before"""
PAUSED: Final = """
update portal set breaker_reason = %(reason)s, breaker_until = app_now() + %(pause)s
where id = %(portal)s and (breaker_until is null or breaker_until < app_now() + %(pause)s)"""
STOPPED: Final = """
update portal set breaker_reason = %(reason)s, breaker_until = app_now() + %(every)s
from (select id, breaker_reason as before from portal where id = %(portal)s for update) known
where portal.id = known.id
returning code, known.before"""

log = structlog.get_logger()


def admits(db: Connection, portal_id: int) -> bool:
    """Tell whether this worker may speak to the portal now: always when closed, one worker per interval when open."""
    row = db.execute(STANDING, (portal_id,)).fetchone()
    if row is None or row.breaker_reason is None:
        return row is not None
    return db.execute(ADMIT, {"portal": portal_id, "every": PROBE_EVERY}).fetchone() is not None


def succeeded(db: Connection, portal_id: int) -> None:
    """Close the breaker. Costs no write while none of the last calls failed: the row would be the hottest of all."""
    row = db.execute(SUCCEEDED, (portal_id,)).fetchone()
    if row is not None and row.failed_before:
        log.info("portal.closed", portal=row.code)


def failed(db: Connection, portal_id: int, error: GatewayError) -> None:
    """Count a failure by its class: stop the portal, pause it as it asked, or open the breaker at the fifth in a row or
    the eleventh of the last twenty."""
    reason = reason_of(error)
    if isinstance(error, Misconfigured):
        _stop(db, portal_id, reason)
    elif isinstance(error, Throttled):
        db.execute(PAUSED, {"portal": portal_id, "reason": reason, "pause": backoff(1, error.retry_after)})
    else:
        _count(db, portal_id, reason)


def reason_of(error: GatewayError) -> str:
    """Return what operators see: the stable code of the class and the status, never the neighbour's text."""
    return error.code if error.status is None else f"{error.code} {error.status}"


def _count(db: Connection, portal_id: int, reason: str) -> None:
    values = {"portal": portal_id, "reason": reason, "every": PROBE_EVERY, "opens_at": OPENS_AT, "most": MOST_OF_RECENT}
    row = db.execute(FAILED, values).fetchone()
    if row is not None and row.breaker_reason is not None and row.before is None:
        log.warning("portal.opened", portal=row.code, reason=reason)


def _stop(db: Connection, portal_id: int, reason: str) -> None:
    """Stop the portal. The first time is an alert for a human; the probes that find it unchanged are not."""
    row = db.execute(STOPPED, {"portal": portal_id, "reason": reason, "every": STOPPED_PROBE_EVERY}).fetchone()
    if row is not None and row.before != reason:
        log.error("portal.stopped", portal=row.code, reason=reason)


def close(database: Database, org: int, portal: str) -> None:
    """Use a portal again from now on: an operator has seen to the reason.

    Raises:
        NotFound: there is no such portal.
    """
    with database.transaction(org) as db:
        row = db.execute(BY_CODE, (portal,)).fetchone()
        if row is None:
            raise NotFound(f"no portal is called {portal}")
        succeeded(db, row.id)
