"""A failure at a portal, by its class: what happens to the rows that were on their way, to the lane, and to the portal's breaker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from gateway import breaker
from gateway.backoff import backoff
from gateway.database import Connection
from gateway.errors import AmbiguousError, GatewayError, Misconfigured, Throttled
from gateway.outbox.lanes import Lane, hold, postpone
from gateway.outbox.work import Sending

UNMARK: Final = "update outbox set sent_at = null where id = any(%(ids)s)"
# A portal without failures since it last took something is well: then it's the row.
TRIED: Final = """
update outbox set attempt = attempt + 1, error_code = %(code)s, error_detail = null,
  alone = alone + (cardinality(%(ids)s::bigint[]) = 1 and exists (
    select from lane join portal on portal.id = lane.portal_id
    where lane.id = outbox.lane_id and portal.failures = 0 and portal.breaker_reason is null))::int
where id = any(%(ids)s)"""
LATER: Final = "update outbox set not_before = app_now() + %(wait)s where id = any(%(ids)s)"

log = structlog.get_logger()


def note(lane: Lane, sent: Sequence[Sending], error: GatewayError) -> None:
    """Write what a failed request means for its rows: in doubt only if the portal may have taken them.

    Refused credentials and a plea for patience say nothing about the rows and cost them no attempt.
    """
    with hold(lane) as db:
        if not isinstance(error, AmbiguousError):
            unmark(db, sent)
        if not isinstance(error, Misconfigured | Throttled):
            tried(db, sent, error.code)


def stop(lane: Lane, error: GatewayError) -> None:
    """Give the lane back until a new try makes sense, and let the portal's breaker count the failure."""
    counts = not isinstance(error, Misconfigured | Throttled)
    wait = backoff(lane.attempt + 1, error.retry_after) if counts else timedelta(0)
    with hold(lane) as db:
        breaker.failed(db, lane.portal_id, error)
        postpone(db, lane, wait, counts=counts)
    log.info("delivery.postponed", portal=lane.portal, lane=lane.id, code=error.code, status=error.status)


def unmark(db: Connection, sent: Sequence[Sending]) -> None:
    """Say of rows that their bytes certainly didn't arrive."""
    db.execute(UNMARK, {"ids": [row.id for row in sent]})


def tried(db: Connection, sent: Sequence[Sending], code: str) -> None:
    """Count an attempt, with its reason."""
    db.execute(TRIED, {"ids": [row.id for row in sent], "code": code})


def later(db: Connection, sent: Sequence[Sending]) -> None:
    """Let rows wait by their own number of attempts, while the rest of the lane goes on."""
    wait = backoff(max(row.attempt for row in sent) + 1)
    db.execute(LATER, {"ids": [row.id for row in sent], "wait": wait})
