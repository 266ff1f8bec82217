"""How often a code or an invitation may be tried: every try is counted before it is looked at, and one that was right is forgiven."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Final

from gateway.audit import AuditEvent, append
from gateway.consent.people import known_portal
from gateway.database import Connection
from gateway.errors import Throttled
from gateway.runtime import Gateway

WINDOW: Final = timedelta(minutes=15)
PER_ACCOUNT: Final = 5
PER_PORTAL: Final = 50

# One try at a time for each portal: many at once would all see the same count.
LOCK: Final = "select pg_advisory_xact_lock(hashtext('link-attempt'), %s)"
# When the try that is one too many leaves the window, there is room again.
RECENT: Final = """
select app_now() as now, (array_agg(at order by at desc) filter (where account = %(account)s))[%(own)s] as own,
  (array_agg(at order by at desc))[%(every)s] as every
from link_attempt where portal_id = %(portal)s and at > app_now() - %(window)s and not succeeded and not refused"""
TRY: Final = """
insert into link_attempt (org, portal_id, account, at, succeeded) values (%s, %s, %s, app_now(), false) returning id"""
# What came too often is told once a window; "" stands for the portal as a whole.
REFUSED: Final = """
insert into link_attempt (org, portal_id, account, at, succeeded, refused)
select %(org)s, %(portal)s, %(account)s, app_now(), false, true where not exists (
  select from link_attempt where portal_id = %(portal)s and account = %(account)s and refused and at > app_now() - %(window)s)"""
SUCCEEDED: Final = "update link_attempt set succeeded = true where id = %s"
FORGET: Final = "delete from link_attempt where at < app_now() - interval '1 day'"


def account_hash(gateway: Gateway, org: int, portal: str, account: str) -> bytes:
    """Return what is kept of a portal's account: a keyed hash, by which it is recognised and nothing else."""
    return gateway.keys(org).keyed_hash(f"account|{portal}|{account}")


def count_try(gateway: Gateway, org: int, portal: str, account: bytes) -> int:
    """Count a try and return its number; it counts as wrong until ``forgive``.

    Raises:
        NotFound: there is no such portal.
        Throttled: this account or this portal was wrong too often; ``retry_after`` says when to try again.
    """
    with gateway.database.transaction(org) as db:
        portal_id = known_portal(db, org, portal)
        db.execute(LOCK, (portal_id,))
        values = {"account": account, "portal": portal_id, "own": PER_ACCOUNT, "every": PER_PORTAL, "window": WINDOW}
        recent = db.execute(RECENT, values).fetchone()
        full = [at for at in (recent.own, recent.every) if at is not None] if recent else []
        if recent is None or not full:
            made = db.execute(TRY, (org, portal_id, account)).fetchone()
            return int(made.id) if made else 0
        whose = account if recent.own is not None else b""
        if db.execute(REFUSED, {"org": org, "portal": portal_id, "account": whose, "window": WINDOW}).rowcount:
            _tell(db, gateway, org, portal, "throttled")
        wait = max(full) + WINDOW - recent.now
    raise Throttled("too many wrong tries", retry_after=max(1, ceil(wait.total_seconds())))


def forgive(db: Connection, attempt: int) -> None:
    """Say that a try was right after all."""
    db.execute(SUCCEEDED, (attempt,))


def tell_refused(gateway: Gateway, org: int, portal: str, what: str) -> None:
    """Note in the trail that somebody came with something that opens nothing."""
    with gateway.database.transaction(org) as db:
        _tell(db, gateway, org, portal, what)


def _tell(db: Connection, gateway: Gateway, org: int, portal: str, what: str) -> None:
    event = AuditEvent(event="link-refused", action="E", agent=f"portal {portal}", detail={"portal": portal, "what": what})
    append(db, gateway.keys(org), org, [event])


def forget_tries(db: Connection) -> int:
    """Remove tries that count for nothing any more."""
    return db.execute(FORGET).rowcount
