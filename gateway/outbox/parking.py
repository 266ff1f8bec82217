"""Work that a portal will not take: set aside with its reason, and what refers to it waits; the rest of the lane goes on.

A parked row is tried again when a newer decision replaces it (its revision moves and it is ready again) or when someone releases it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.database import Connection
from gateway.errors import AmbiguousError, GatewayError, NotFound, TransientError
from gateway.outbox.lanes import WAITS, Lane, hold
from gateway.outbox.work import Sending
from gateway.runtime import Gateway

GIVEN_UP: Final = "given-up"
PARK: Final = """
update outbox set state = 'parked', sent_at = null, attempt = attempt + 1, error_code = %(code)s, error_detail = %(detail)s
where id = %(id)s and revision = %(revision)s"""
# Everything that refers, directly or not, to something refused of which the portal holds no version: it would point at nothing.
BLOCKED: Final = f"""
with recursive blocked (link_id, rkey, cause) as (
  select ledger.link_id, ledger.rkey, resource.rtype || '/' || resource.rid
  from outbox join disclosure_ledger ledger on ledger.id = outbox.ledger_id join resource on resource.rkey = ledger.rkey
  where outbox.lane_id = %(lane)s and outbox.state = 'parked' and outbox.op = 'put' and ledger.held_hash is null
    and outbox.error_code is distinct from '{WAITS}'
  union
  select ledger.link_id, ledger.rkey, blocked.cause
  from blocked join resource target on target.rkey = blocked.rkey
  join resource_reference reference
    on reference.org = target.org and reference.target_type = target.rtype and reference.target_id = target.rid
  join disclosure_ledger ledger
    on ledger.link_id = blocked.link_id and ledger.rkey = reference.rkey and ledger.projection = reference.projection),
waiting as (
  select outbox.id, min(blocked.cause) as cause
  from blocked join disclosure_ledger ledger using (link_id, rkey) join outbox on outbox.ledger_id = ledger.id
  where outbox.lane_id = %(lane)s and outbox.op = 'put' group by outbox.id)"""
FREE: Final = f"""{BLOCKED}
update outbox set state = 'ready', error_code = null, error_detail = null
where lane_id = %(lane)s and state = 'parked' and error_code = '{WAITS}' and id not in (select id from waiting)"""
# What is on its way is left alone: it is read back first. Each names what it waits for now.
STOP: Final = f"""{BLOCKED}
update outbox set state = 'parked', error_code = '{WAITS}', error_detail = waiting.cause
from waiting where outbox.id = waiting.id and (outbox.state = 'ready' and outbox.sent_at is null
  or outbox.state = 'parked' and outbox.error_code = '{WAITS}' and outbox.error_detail is distinct from waiting.cause)"""
# A portal that takes other things, and for a day has failed over this one whenever it was sent by itself.
HOPELESS_TRIES: Final = 10
HOPELESS_AFTER: Final = timedelta(days=1)
HOPELESS: Final = f"""
select id from outbox
where lane_id = %(lane)s and state = 'ready' and op = 'put' and sent_at is null and queued_at < app_now() - %(after)s
  and least(attempt, alone) >= {HOPELESS_TRIES} and error_code in ('{TransientError.code}', '{AmbiguousError.code}')
for update"""
GIVE_UP: Final = """
update outbox set state = 'parked',
  error_detail = alone || ' tries since ' || to_char(queued_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"')
where id = any(%(ids)s) and op = 'put' returning id"""
# The member may only see less than they hold: what the portal won't narrow is taken away as a whole.
WITHDRAW: Final = """
update outbox set op = 'delete', sent_at = null, attempt = 0, error_code = %(code)s
from disclosure_ledger ledger
where outbox.id = any(%(ids)s) and ledger.id = outbox.ledger_id and outbox.op = 'put' and ledger.state = 'retract_pending'
  and ledger.held_hash is not null
returning outbox.id"""
ANY_PARKED: Final = "select from outbox where lane_id = %(lane)s and state = 'parked' limit 1"
PARKED: Final = """
select outbox.id, portal.code as portal, link.member::text as member, resource.rtype || '/' || resource.rid as resource,
  outbox.op, outbox.error_code, outbox.error_detail, outbox.attempt, outbox.queued_at
from outbox join link on link.id = outbox.link_id join portal on portal.id = link.portal_id
join disclosure_ledger ledger on ledger.id = outbox.ledger_id join resource on resource.rkey = ledger.rkey
where outbox.state = 'parked' order by outbox.error_code = 'waits-for', outbox.queued_at, outbox.id limit %s"""
RELEASE: Final = """
update outbox set state = 'ready', attempt = 0, alone = 0, not_before = null, error_code = null, error_detail = null
where id = %s and state = 'parked' returning lane_id"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One piece of work that was set aside. ``error_detail`` holds codes and expressions, never content."""

    id: int
    portal: str
    member: str
    resource: str
    op: str
    error_code: str
    error_detail: str | None
    attempt: int
    queued_at: datetime


def park(lane: Lane, sending: Sending, error: GatewayError) -> None:
    """Set one refused row aside, and let what refers to it wait."""
    with hold(lane) as db:
        db.execute(PARK, {"id": sending.id, "revision": sending.revision, "code": error.code, "detail": str(error)})
        sort_out(db, lane)
    log.warning("delivery.parked", portal=lane.portal, lane=lane.id, outbox=sending.id, code=error.code, status=error.status)


def give_up(db: Connection, lane: Lane) -> None:
    """Set aside what the portal has failed over for a day, while it takes the rest.

    Only what certainly isn't there: what is in doubt is read back first. A retraction is never given up, and what the portal won't
    narrow is taken away.
    """
    hopeless = [row.id for row in db.execute(HOPELESS, {"lane": lane.id, "after": HOPELESS_AFTER})]
    if hopeless:
        db.execute(WITHDRAW, {"ids": hopeless, "code": GIVEN_UP})
        for row in db.execute(GIVE_UP, {"ids": hopeless}):
            log.warning("delivery.parked", portal=lane.portal, lane=lane.id, outbox=row.id, code=GIVEN_UP)


def sort_out(db: Connection, lane: Lane) -> None:
    """Bring the waiting rows in line with what is parked: free those whose obstacle went, stop those that have one."""
    values = {"lane": lane.id}
    if db.execute(ANY_PARKED, values).fetchone() is not None:
        db.execute(FREE, values)
        db.execute(STOP, values)


def parked(gateway: Gateway, org: int, limit: int | None = None) -> list[Parked]:
    """List what is parked, the causes before what waits for them; with a limit no more than that."""
    with gateway.database.transaction(org) as db:
        return [Parked(**row._asdict()) for row in db.execute(PARKED, (limit,))]


def release(gateway: Gateway, org: int, outbox_id: int) -> None:
    """Let a parked row be tried again; what waits for it follows.

    Raises:
        NotFound: nothing is parked under that number.
    """
    with gateway.database.transaction(org) as db:
        row = db.execute(RELEASE, (outbox_id,)).fetchone()
    if row is None:
        raise NotFound(f"outbox {outbox_id}: not parked")
    gateway.hint("deliver_lane", org, row.lane_id)
