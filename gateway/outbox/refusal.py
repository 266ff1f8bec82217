"""A portal said no to a bundle: find the entry that it means, set that aside, and let the rest go on.

A transaction is all or nothing and portals differ in how they point at the culprit, so the bundle is halved until one entry stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.errors import GatewayError, NotFound
from gateway.outbox.doubt import resolve
from gateway.outbox.failure import later, tried, unmark
from gateway.outbox.lanes import Lane, hold
from gateway.outbox.parking import WITHDRAW, park
from gateway.outbox.work import Batch, Sending

# The portal holds another version than the one that we named: 412 by the contract, 409 from servers that call it a conflict.
VERSION_MOVED: Final = frozenset({409, 412})
# In one turn; what went wrong before, in whatever way, doesn't count against it.
RECONCILE_LIMIT: Final = 3


def refused(lane: Lane, batch: Batch, sent: Sequence[Sending], error: GatewayError) -> list[Batch]:
    """Deal with a refused bundle; return what to send instead.

    Raises:
        Conflict: the lane is no longer ours.
        Retryable, Misconfigured: the portal couldn't be asked what it holds.
    """
    if isinstance(error, NotFound):
        return _unknown_member(lane, sent)
    # A deletion names no version: what refuses it is something that still refers to the resource.
    if batch.op == "put" and error.status in VERSION_MOVED and batch.reconciled < RECONCILE_LIMIT:
        return _reconcile(lane, batch, sent, error)
    rest = batch.of(sent)
    if len(rest.groups) == 1:
        alone(lane, batch, sent, error)
        return []
    with hold(lane) as db:
        unmark(db, sent)
    return list(rest.halves())


def alone(lane: Lane, batch: Batch, sent: Sequence[Sending], error: GatewayError) -> None:
    """Deal with rows that were refused for their own sake.

    What is to go is never set aside: a deletion is asked again later (a task says so when it takes long), and a member who may only see
    less loses the whole, if the portal won't have the smaller form.
    """
    with hold(lane) as db:
        values = {"ids": [row.id for row in sent], "code": error.code}
        if batch.op == "delete":
            unmark(db, sent)
            tried(db, sent, error.code)
            later(db, sent)
            return
        withdrawn = {row.id for row in db.execute(WITHDRAW, values)}
    for row in sent:
        if row.id not in withdrawn:
            park(lane, row, error)


def _reconcile(lane: Lane, batch: Batch, sent: Sequence[Sending], error: GatewayError) -> list[Batch]:
    """Read back what the portal holds: equal content is adopted, the rest goes again with the etag just found."""
    with hold(lane) as db:
        tried(db, sent, error.code)
    again = replace(batch.of(sent), reconciled=batch.reconciled + 1)
    resolve(lane, again)
    return [again]


def _unknown_member(lane: Lane, sent: Sequence[Sending]) -> list[Batch]:
    """The portal doesn't know this member (yet): its rows wait, visibly, and other members go on."""
    with hold(lane) as db:
        unmark(db, sent)
        tried(db, sent, "member-unknown")
        later(db, sent)
    return []
