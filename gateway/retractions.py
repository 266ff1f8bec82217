"""Tasks about what isn't taken back: because the portal can't, or because it takes too long. Each opens once and closes when it is moot."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from gateway.database import Connection
from gateway.runtime import Gateway

# A family that may not see something any more: somebody looks after a quarter of an hour, and after four hours it is an incident.
URGENT: Final = timedelta(minutes=15)
DEADLINE: Final = timedelta(hours=4)

# One member's task: it stands until what stays there is due to the member again. Who closed it by hand has seen to it, unless more came.
OPEN_STAYING: Final = """
insert into task (org, kind, client_id, link_id, portal_id, detail, opened_at)
select stays.org, 'cannot-retract', stays.client_id, stays.link_id, stays.portal_id, jsonb_build_object('resources', stays.count), app_now()
from (
  select ledger.org, ledger.client_id, ledger.link_id, ledger.portal_id, count(*) as count, max(ledger.decided_at) as newest
  from link join portal on portal.id = link.portal_id and portal.retraction = 'cannot'
  join disclosure_ledger ledger on ledger.link_id = link.id and ledger.state = 'cannot_retract'
  where link.client_id = %(client)s group by 1, 2, 3, 4) stays
where not exists (
  select from task seen where seen.kind = 'cannot-retract' and seen.link_id = stays.link_id and seen.closed_at >= stays.newest)
on conflict do nothing"""
CLOSE_STAYING: Final = """
update task set closed_at = app_now(), closed_by = 'gateway'
where client_id = %(client)s and kind = 'cannot-retract' and closed_at is null and not exists (
  select from disclosure_ledger ledger where ledger.link_id = task.link_id and ledger.state = 'cannot_retract')"""

# By when work was queued: its tries don't make it younger. What a member holds whole and may only see reduced counts too.
LATE: Final = """
select outbox.link_id, ledger.client_id, ledger.portal_id, count(*) as count, min(outbox.queued_at) as oldest
from outbox join disclosure_ledger ledger on ledger.id = outbox.ledger_id
where outbox.queued_at <= app_now() - %(after)s
  and (outbox.op = 'delete' or (ledger.state = 'retract_pending' and ledger.held_hash is not null))
group by 1, 2, 3"""
OPEN_LATE: Final = f"""
insert into task (org, kind, client_id, link_id, portal_id, about, detail, opened_at, due_at)
select app_org(), 'retraction-late', late.client_id, late.link_id, late.portal_id, %(about)s,
  jsonb_build_object('resources', late.count, 'since', late.oldest), app_now(), late.oldest + %(deadline)s
from ({LATE}) late
on conflict do nothing returning portal_id"""
CLOSE_LATE: Final = f"""
update task set closed_at = app_now(), closed_by = 'gateway'
where kind = 'retraction-late' and about = %(about)s and closed_at is null and link_id is not null
  and link_id not in (select link_id from ({LATE}) late)"""
# A client whose decision fails time and again, while members hold something: what should go isn't even queued. For the whole client.
UNDECIDED: Final = """
select client_id, min(since) as oldest from disclose_due
where cause not in ('store', 'facts') and since <= app_now() - %(after)s and exists (
  select from disclosure_ledger ledger where ledger.client_id = disclose_due.client_id and ledger.held_hash is not null)
group by 1"""
OPEN_UNDECIDED: Final = f"""
insert into task (org, kind, client_id, about, detail, opened_at, due_at)
select app_org(), 'retraction-late', undecided.client_id, %(about)s, jsonb_build_object('undecided', true, 'since', undecided.oldest),
  app_now(), undecided.oldest + %(deadline)s
from ({UNDECIDED}) undecided
on conflict do nothing returning client_id"""
CLOSE_UNDECIDED: Final = f"""
update task set closed_at = app_now(), closed_by = 'gateway'
where kind = 'retraction-late' and about = %(about)s and closed_at is null and link_id is null
  and client_id not in (select client_id from ({UNDECIDED}) undecided)"""
KINDS: Final = (("urgent", URGENT), ("deadline", DEADLINE))

log = structlog.get_logger()


def review_staying(db: Connection, client_id: int) -> None:
    """Open a task for each member who keeps what a portal can't take back, and close those that are moot; the client is locked."""
    db.execute(CLOSE_STAYING, {"client": client_id}, prepare=True)
    db.execute(OPEN_STAYING, {"client": client_id}, prepare=True)


def review_late(gateway: Gateway, org: int) -> None:
    """Open tasks for retractions that take longer than they may, decided or not, and close those of what is gone by now."""
    with gateway.database.transaction(org) as db:
        for about, after in KINDS:
            values = {"about": about, "after": after, "deadline": DEADLINE}
            db.execute(CLOSE_LATE, values)
            db.execute(CLOSE_UNDECIDED, values)
            opened = db.execute(OPEN_LATE, values).fetchall()
            undecided = db.execute(OPEN_UNDECIDED, values).fetchall()
            if opened or undecided:
                log.error("retraction.late", about=about, members=len(opened), undecided=len(undecided))
