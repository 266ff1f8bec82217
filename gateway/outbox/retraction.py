"""Taking back, by the way that the portal has: deletion, tombstone, or the resource no longer shared with the member.

It counts only once the portal, asked for the resource, says that it is gone or shows the tombstone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.backoff import backoff
from gateway.connector import Receipt
from gateway.outbox.doubt import read_back
from gateway.outbox.lanes import Lane, hold
from gateway.outbox.receipts import Settled, record
from gateway.outbox.tombstone import is_gone
from gateway.outbox.work import Batch, Sending

STILL_THERE: Final = """
with tried as (
  update outbox set sent_at = null, attempt = attempt + 1, not_before = app_now() + %(wait)s, error_code = 'still-there'
  where id = any(%(ids)s) and op = 'delete' returning ledger_id)
update disclosure_ledger set state = 'retract_failed' from tried where id = tried.ledger_id and content_hash is null"""
CANNOT: Final = """
with given_up as (delete from outbox where id = any(%(ids)s) and op = 'delete' returning ledger_id)
update disclosure_ledger set state = 'cannot_retract' from given_up where id = given_up.ledger_id and content_hash is null"""


def confirm(lane: Lane, sent: Sequence[Sending], receipts: Sequence[Receipt]) -> None:
    """Read back what was deleted, and settle what is gone; what isn't is tried again later.

    Raises:
        Conflict: the lane is no longer ours.
        Retryable, Misconfigured: the portal can't be asked now; the rows stay in doubt and are read back first.
    """
    found = read_back(lane, sent[0].member, [(row.item.type, row.item.id) for row in sent])
    statuses = {(receipt.type, receipt.id): receipt.status for receipt in receipts}
    gone, still = [], []
    for row in sent:
        key = (row.item.type, row.item.id)
        if is_gone(found[key]):
            gone.append(Settled(sending=row, etag=None, status=statuses.get(key)))
        else:
            still.append(row)
    with hold(lane) as db:
        record(db, lane, "delete", gone)
        if still:
            wait = backoff(max(row.attempt for row in still) + 1)
            db.execute(STILL_THERE, {"ids": [row.id for row in still], "wait": wait})


def cannot(lane: Lane, batch: Batch) -> None:
    """Write down that this portal can't take anything back: the ledger says so, and nobody is told otherwise."""
    with hold(lane) as db:
        db.execute(CANNOT, {"ids": list(batch.ids)})
