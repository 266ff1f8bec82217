"""Lanes: which are due, who holds one, and the fence that keeps a holder that lost its lease from writing.

Locks are taken in one order everywhere (client, lane, link, ledger, outbox): the disclosure of a client and the delivery of its lane
wait for each other and never deadlock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.breaker import admits
from gateway.connector import Context, RetractionMethod, SinkConnector
from gateway.crash import crash_point
from gateway.database import Connection
from gateway.errors import Conflict
from gateway.runtime import Gateway

# Longer than any one request may take (``wire.TIMEOUT``); a shorter lease is for tests of the takeover.
LEASE: Final = timedelta(seconds=float(os.environ.get("ZORGSLUIS_LEASE_S", "60")))
# A holder sends nothing in the last part of its lease: another may take over at its end.
MARGIN: Final = LEASE / 10

# What the portal contract allows, for a portal whose manifest says nothing else.
MAX_ENTRIES: Final = 100

WAITS: Final = "waits-for"
# What waits for something that isn't in its way any more (nobody is to have it now): the lane has to sort that out.
WAITS_IN_VAIN: Final = f"""
select from outbox waiting
where waiting.lane_id = lane.id and waiting.state = 'parked' and waiting.error_code = '{WAITS}' and not exists (
  select from outbox obstacle join disclosure_ledger ledger on ledger.id = obstacle.ledger_id
  join resource on resource.rkey = ledger.rkey
  where obstacle.lane_id = waiting.lane_id and obstacle.state = 'parked' and obstacle.link_id = waiting.link_id and obstacle.op = 'put'
    and obstacle.error_code is distinct from '{WAITS}' and ledger.held_hash is null
    and resource.rtype || '/' || resource.rid = waiting.error_detail)"""
# An expired lease is due also without work: its holder died after the last receipt.
DUE: Final = f"""
select lane.id from lane join portal on portal.id = lane.portal_id
where (lane.lease_until is null or lane.lease_until < app_now())
  and (lane.not_before is null or lane.not_before <= app_now())
  and (portal.breaker_reason is null or portal.breaker_until is null or portal.breaker_until <= app_now())
  and (lane.lease_until is not null or exists (
    select from outbox where lane_id = lane.id and state = 'ready' and (not_before is null or not_before <= app_now()))
    or exists ({WAITS_IN_VAIN}))
order by exists (select from outbox where lane_id = lane.id and op = 'delete') desc, lane.not_before nulls first, lane.id
limit %s"""
NEXT_DUE: Final = """
select extract(epoch from min(greatest(
  lane.lease_until, lane.not_before, outbox.not_before,
  case when portal.breaker_reason is not null then portal.breaker_until end, app_now())) - app_now())::float as seconds
from outbox join lane on lane.id = outbox.lane_id join portal on portal.id = lane.portal_id
where outbox.state = 'ready'"""
CLAIM: Final = """
select lane.portal_id, portal.code as portal, portal.retraction, portal.max_entries, lane.client_id, lane.attempt,
  lane.lease_until is not null as taken_over
from lane join portal on portal.id = lane.portal_id
where lane.id = %s and (lane.lease_until is null or lane.lease_until < app_now())
  and (lane.not_before is null or lane.not_before <= app_now())
for update of lane skip locked"""
LEASE_LANE: Final = """
update lane set fence = fence + 1, lease_until = app_now() + %s where id = %s returning fence, lease_until"""
PORTAL: Final = """
select portal.id, portal.code, portal.connector, portal.settings
from lane join portal on portal.id = lane.portal_id where lane.id = %s"""

# The fence: the first statement of every later transaction. Its row lock holds until the commit, so no other fence can come between.
LOCK_CLIENT: Final = "select from client where id = %s for share"
HOLD: Final = """
update lane set lease_until = app_now() + %(lease)s where id = %(lane)s and fence = %(fence)s returning lease_until"""
RELEASE: Final = """
update lane set lease_until = null, attempt = 0, not_before = null where id = %(lane)s and fence = %(fence)s"""
POSTPONE: Final = """
update lane set lease_until = null, attempt = attempt + %(count)s, not_before = app_now() + %(wait)s
where id = %(lane)s and fence = %(fence)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """The portal at the end of a lane, as the configuration names it."""

    id: int
    code: str
    connector: str
    settings: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Lane:
    """A lane that this worker holds, with the way to its portal and what it can do. ``deadline`` moves with every ``hold``."""

    gateway: Gateway
    org: int
    id: int
    client_id: int
    portal_id: int
    portal: str
    retraction: RetractionMethod
    max_entries: int
    fence: int
    attempt: int
    deadline: datetime
    sink: SinkConnector
    context: Context

    def expired(self) -> bool:
        """Tell whether another worker may hold this lane by now or shortly: then nothing may be sent."""
        return self.gateway.clock() >= self.deadline - MARGIN


def due_lanes(gateway: Gateway, org: int, limit: int) -> list[int]:
    """Return lanes with something to do now, those with a retraction first."""
    with gateway.database.transaction(org) as db:
        return [row.id for row in db.execute(DUE, (limit,))]


def next_due_s(gateway: Gateway, org: int) -> float | None:
    """Return the seconds until some queued work may be tried (0: now), ``None`` when nothing is queued."""
    with gateway.database.transaction(org) as db:
        row = db.execute(NEXT_DUE).fetchone()
    return None if row is None or row.seconds is None else max(0.0, float(row.seconds))


def neighbour(gateway: Gateway, org: int, lane_id: int) -> Neighbour | None:
    """Return the portal of a lane, ``None`` for a lane that isn't there."""
    with gateway.database.transaction(org) as db:
        row = db.execute(PORTAL, (lane_id,)).fetchone()
    return None if row is None else Neighbour(**row._asdict())


def claim(gateway: Gateway, org: int, lane_id: int, sink: SinkConnector, context: Context) -> Lane | None:
    """Take the lane under a new fence; ``None`` when it is held, not yet due, or its portal's breaker is open."""
    with gateway.database.transaction(org) as db:
        row = db.execute(CLAIM, (lane_id,)).fetchone()
        if row is None or not admits(db, row.portal_id):
            return None
        leased = db.execute(LEASE_LANE, (LEASE, lane_id)).fetchone()
    if leased is None:
        return None
    crash_point("after-claim")
    if row.taken_over:
        crash_point("at-lease-takeover")
    return Lane(
        gateway=gateway,
        org=org,
        id=lane_id,
        client_id=row.client_id,
        portal_id=row.portal_id,
        portal=row.portal,
        retraction=row.retraction,
        max_entries=row.max_entries or MAX_ENTRIES,
        attempt=row.attempt,
        fence=leased.fence,
        deadline=leased.lease_until,
        sink=sink,
        context=context,
    )


@contextmanager
def hold(lane: Lane) -> Iterator[Connection]:
    """Yield a transaction in which the lane is certainly ours, and renew the lease with it.

    Raises:
        Conflict: another worker holds the lane by now; nothing of the transaction is kept.
    """
    with lane.gateway.database.transaction(lane.org) as db:
        db.execute(LOCK_CLIENT, (lane.client_id,))
        row = db.execute(HOLD, {"lane": lane.id, "fence": lane.fence, "lease": LEASE}).fetchone()
        if row is None:
            raise Conflict(f"lane {lane.id}: taken over by another worker")
        yield db
    lane.deadline = row.lease_until


def let_go(lane: Lane) -> None:
    """Give the lane back with nothing against it."""
    with hold(lane) as db:
        db.execute(RELEASE, {"lane": lane.id, "fence": lane.fence})


def postpone(db: Connection, lane: Lane, wait: timedelta, *, counts: bool) -> None:
    """Give the lane back until after ``wait``, in the transaction that says why; ``counts`` makes the next wait longer."""
    db.execute(POSTPONE, {"lane": lane.id, "fence": lane.fence, "wait": wait, "count": int(counts)})
