"""One circuit breaker a source, on the source's row, so that all workers share it.

``failures`` counts failures in a row. While ``breaker_reason`` is set one slice at a time is tried; a run whose source keeps failing is given
up: what is left of it fails at once, and the next run goes on from the old bookmarks. The sources beside it notice nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from gateway.database import Connection
from gateway.errors import AuthError, GatewayError, Misconfigured, Retryable
from gateway.limits import NoPermit

OPENS_AT: Final = 10
GIVES_UP_AT: Final = 14
# Credentials that are refused get an account locked: a few refusals tell enough.
AUTH_GIVES_UP_AT: Final = 5
PROBE_EVERY: Final = timedelta(seconds=10)

STANDING: Final = "select breaker_reason from source where id = %s"
ADMIT: Final = """
update source set breaker_until = app_now() + %s
where id = %s and breaker_reason is not null and (breaker_until is null or breaker_until <= app_now()) returning id"""
SUCCEEDED: Final = """
update source set failures = 0, breaker_reason = null, breaker_until = null
where id = %s and (failures > 0 or breaker_reason is not null) returning code, breaker_reason"""
FAILED: Final = """
update source set failures = failures + 1,
  breaker_reason = case when breaker_reason is not null or failures + 1 >= %(opens)s then %(reason)s end,
  breaker_until = case when breaker_reason is not null or failures + 1 >= %(opens)s then app_now() + %(every)s end
where id = %(source)s returning code, failures"""
# A new run tries anew: one request, and a few more if it is worth it.
HALF_OPEN: Final = "update source set breaker_until = null, failures = least(failures, %s) where id = %s and failures > 0"

log = structlog.get_logger()


def admits(db: Connection, source_id: int) -> bool:
    """Tell whether a slice of this source may be tried now: always while closed, one per interval while open."""
    row = db.execute(STANDING, (source_id,)).fetchone()
    if row is None or row.breaker_reason is None:
        return row is not None
    return db.execute(ADMIT, (PROBE_EVERY, source_id)).fetchone() is not None


def succeeded(db: Connection, source_id: int) -> None:
    """Close the breaker; costs no write while it is closed."""
    row = db.execute(SUCCEEDED, (source_id,)).fetchone()
    if row is not None:
        log.info("source.answers", source=row.code)


def failed(db: Connection, source_id: int, error: GatewayError) -> bool:
    """Count a failure; return whether what is left of the run is to be given up."""
    if isinstance(error, NoPermit) or not isinstance(error, Retryable | Misconfigured):
        return False
    opens = AUTH_GIVES_UP_AT if isinstance(error, AuthError) else OPENS_AT
    row = db.execute(FAILED, {"source": source_id, "opens": opens, "reason": error.code, "every": PROBE_EVERY}).fetchone()
    if row is None:
        return False
    if isinstance(error, AuthError):
        given_up = bool(row.failures >= AUTH_GIVES_UP_AT)
    else:
        # Nothing on a misconfigured channel can pass.
        given_up = isinstance(error, Misconfigured) or bool(row.failures >= GIVES_UP_AT)
    if given_up:
        log.error("source.given_up", source=row.code, code=error.code, status=error.status)
    return given_up


def half_open(db: Connection, source_id: int) -> None:
    """Let the next slice be tried, whatever was before."""
    db.execute(HALF_OPEN, (OPENS_AT, source_id))
