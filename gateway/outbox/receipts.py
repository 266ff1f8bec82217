"""What the portal confirmed, written down: the ledger, the end of the work, and the audit row, in one transaction.

Written again after a crash, a receipt changes nothing: the ledger holds the same values and the outbox row is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from gateway.audit import AuditEvent, append
from gateway.breaker import succeeded
from gateway.crash import crash_point
from gateway.database import Connection
from gateway.freeze import FROZEN
from gateway.outbox.lanes import Lane, hold
from gateway.outbox.work import Sending

HELD: Final = """
update disclosure_ledger ledger
set held_projection = receipt.projection, held_hash = receipt.hash, held_version = receipt.version, etag = receipt.etag,
  delivered_at = app_now(), state = case when ledger.content_hash = receipt.hash then 'delivered' else ledger.state end
from unnest(%(ledger)s::bigint[], %(projection)s::text[], %(hash)s::bytea[], %(version)s::int[], %(etag)s::text[])
  as receipt (id, projection, hash, version, etag)
where ledger.id = receipt.id"""
GONE: Final = """
update disclosure_ledger
set held_projection = null, held_hash = null, held_version = null, etag = null,
  retracted_at = app_now(), state = case when content_hash is null then 'retracted' else state end
where id = any(%(ledger)s)"""
DONE: Final = """
delete from outbox using unnest(%(outbox)s::bigint[], %(revision)s::int[]) as settled (id, revision)
where outbox.id = settled.id and outbox.revision = settled.revision"""
# Decided anew while this was on its way: that decision's turn comes next.
AGAIN: Final = "update outbox set sent_at = null where id = any(%(outbox)s)"
# And if its row went meanwhile, what the member holds now still has to become what it should hold; but what may stay (a frozen client,
# a portal that can't take back) stays.
MISSING: Final = f"""
insert into outbox (org, lane_id, ledger_id, link_id, op, epoch, queued_at)
select ledger.org, %(lane)s, ledger.id, ledger.link_id,
  case when ledger.content_hash is null then 'delete' else 'put' end, link.epoch, app_now()
from disclosure_ledger ledger join link on link.id = ledger.link_id
join portal on portal.id = ledger.portal_id join client on client.id = ledger.client_id
join organisation on organisation.id = ledger.org
where ledger.id = any(%(ledger)s) and ledger.content_hash is distinct from ledger.held_hash
  and (ledger.content_hash is not null or not (portal.retraction = 'cannot' or {FROZEN}))
on conflict (ledger_id) do nothing"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One row with what the portal holds of it now: ``etag`` after a delivery, nothing after a retraction.

    ``adopted``: found at the portal after a crash or a lost answer, and not sent again.
    """

    sending: Sending
    etag: str | None
    status: int | None
    adopted: bool = False


def settle(lane: Lane, op: Literal["put", "delete"], receipts: Sequence[Settled]) -> None:
    """Write what the portal confirmed.

    Raises:
        Conflict: the lane is no longer ours; whoever holds it reads the portal back.
    """
    with hold(lane) as db:
        record(db, lane, op, receipts)


def record(db: Connection, lane: Lane, op: Literal["put", "delete"], receipts: Sequence[Settled]) -> None:
    """Write receipts in a transaction that holds the lane."""
    if not receipts:
        return
    values = _columns(lane, [receipt.sending for receipt in receipts], [receipt.etag for receipt in receipts])
    db.execute(HELD if op == "put" else GONE, values)
    crash_point("between-etag-and-advance")
    db.execute(DONE, values)
    db.execute(AGAIN, values)
    db.execute(MISSING, values)
    succeeded(db, lane.portal_id)
    tell(db, lane, op, receipts)


def tell(db: Connection, lane: Lane, op: Literal["put", "delete"], receipts: Sequence[Settled]) -> None:
    """Write to the trail what a member was given, or what was taken back."""
    append(db, lane.gateway.keys(lane.org), lane.org, [_event(lane, op, receipt) for receipt in receipts])


def _columns(lane: Lane, sent: Iterable[Sending], etags: list[str | None]) -> dict[str, object]:
    rows = list(sent)
    return {
        "lane": lane.id,
        "outbox": [row.id for row in rows],
        "revision": [row.revision for row in rows],
        "ledger": [row.ledger_id for row in rows],
        "projection": [row.projection for row in rows],
        "hash": [row.content_hash for row in rows],
        "version": [row.version for row in rows],
        "etag": etags,
    }


def _event(lane: Lane, op: Literal["put", "delete"], receipt: Settled) -> AuditEvent:
    """Say who (the gateway) gave what (resource, version, projection) to whom (the link), and the portal's word for it."""
    sent = receipt.sending
    detail = {
        "portal": lane.portal,
        "resource": f"{sent.item.type}/{sent.item.id}",
        "version": sent.version,
        "projection": sent.projection,
        "grant": sent.grant_id,
        "etag": receipt.etag,
        "status": receipt.status,
        "adopted": receipt.adopted,
    }
    return AuditEvent(
        event="delivery" if op == "put" else "retraction",
        action="U" if op == "put" else "D",
        agent="gateway",
        client_id=lane.client_id,
        link_id=sent.link_id,
        rkey=sent.rkey,
        detail=detail,
    )
