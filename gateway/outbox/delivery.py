"""Deliver one lane: claim it, settle what is in doubt, send what waits, and give it back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import structlog

from gateway import breaker
from gateway.connector import Receipt, SinkConnector, Unshares
from gateway.context import context_for
from gateway.crash import crash_point
from gateway.database import Connection
from gateway.errors import AmbiguousError, Conflict, GatewayError, Misconfigured, NotFound, Rejected, Retryable, Throttled
from gateway.guard import guarded, load
from gateway.manifest import limits_at
from gateway.outbox import failure, refusal, retraction
from gateway.outbox.doubt import resolve
from gateway.outbox.lanes import Lane, claim, hold, let_go, neighbour
from gateway.outbox.order import Reference, held_up, references
from gateway.outbox.parking import give_up, sort_out
from gateway.outbox.receipts import Settled, settle
from gateway.outbox.wire import checked
from gateway.outbox.work import Batch, Sending, batches, mark, queued
from gateway.runtime import Gateway

# A task ends within a minute, whatever a lane holds; the rest is due again at once.
MAX_REQUESTS: Final = 60

log = structlog.get_logger()


@cache
def _sink(name: str) -> SinkConnector:
    sink: SinkConnector = load(name)
    return sink


def deliver_lane(gateway: Gateway, org: int, lane_id: int) -> None:
    """Bring what waits in a lane to its portal. Does nothing when the lane is held, not due, or its portal's breaker is open.

    Failures end in the rows, the lane and the portal (``error_code``, ``not_before``, ``breaker_reason``), never in an exception.
    """
    portal = neighbour(gateway, org, lane_id)
    if portal is None:
        return
    try:
        with guarded():
            sink = _sink(portal.connector)
            context = context_for(gateway, org, portal, limits_at(sink, portal.settings))
    except GatewayError as error:
        with gateway.database.transaction(org) as db:
            breaker.failed(db, portal.id, error)
        return
    lane = claim(gateway, org, lane_id, sink, context)
    if lane is not None:
        _work(lane)


def _work(lane: Lane) -> None:
    try:
        with checked(lane.context.http(), lambda: _ours(lane)):
            drained = _drain(lane)
        let_go(lane)
    except Conflict:
        log.info("lane.lost", lane=lane.id, portal=lane.portal)
    except GatewayError as error:
        _stop(lane, error)
    else:
        if not drained:
            lane.gateway.hint("deliver_lane", lane.org, lane.id)


def _ours(lane: Lane) -> None:
    """Refuse to write in the last part of the lease: another worker may be about to take over."""
    if lane.expired():
        raise Conflict(f"lane {lane.id}: the lease ran out before the write")


def _stop(lane: Lane, error: GatewayError) -> None:
    try:
        failure.stop(lane, error)
    except Conflict:
        log.info("lane.lost", lane=lane.id, portal=lane.portal)


def _drain(lane: Lane) -> bool:
    """Send what waits; tell whether all of it had its turn.

    A failure ends it, unless it may be the fault of what was sent: then the next bundle shows whose fault it is, and what refers to
    what failed waits.
    """
    bundles, following = _ready(lane)
    todo, waiting = deque(bundles), set[int]()
    trouble: Retryable | None = None
    for _ in range(MAX_REQUESTS):
        if not todo:
            break
        batch = todo.popleft()
        if batch.op == "put":
            batch = batch.without(waiting)
            if not batch.groups:
                continue
        try:
            todo.extendleft(reversed(_send(lane, batch)))
        except Retryable as error:
            if trouble is not None or error.status is None or isinstance(error, Throttled) or not batch.suspect:
                raise
            trouble = error
            waiting = held_up({*waiting, *batch.ids}, following)
        else:
            trouble = None
    if trouble is not None:
        raise trouble
    return not todo


def _ready(lane: Lane) -> tuple[list[Batch], list[Reference]]:
    """Return the bundles that may be sent, and what has to follow what, after what is in doubt was looked up at the portal."""
    with hold(lane) as db:
        rows = _waiting(db, lane)
        doubtful = [row for row in rows if row.in_doubt]
        if not doubtful:
            return _bundles(db, lane, rows)
    for batch in batches(doubtful, lane.max_entries):
        resolve(lane, batch)
    with hold(lane) as db:
        return _bundles(db, lane, [row for row in _waiting(db, lane) if not row.in_doubt])


def _waiting(db: Connection, lane: Lane) -> list[Any]:
    give_up(db, lane)
    sort_out(db, lane)
    return queued(db, lane)


def _bundles(db: Connection, lane: Lane, rows: Sequence[Any]) -> tuple[list[Batch], list[Reference]]:
    following = references(db, rows)
    return list(batches(rows, lane.max_entries, following=following)), following


def _send(lane: Lane, batch: Batch) -> list[Batch]:
    """Send one bundle and settle it; return what has to be sent instead of it."""
    if batch.op == "delete" and lane.retraction == "cannot":
        retraction.cannot(lane, batch)
        return []
    sent = mark(lane, batch)
    crash_point("before-write")
    if not sent:
        return []
    try:
        with guarded(writes=True):
            receipts = list(_call(lane, batch, sent))
    except (Rejected, NotFound) as error:
        return refusal.refused(lane, batch, sent, error)
    except Conflict:
        raise
    except GatewayError as error:
        failure.note(lane, sent, error)
        raise
    crash_point("after-response")
    _settle(lane, batch, sent, receipts)
    return []


def _call(lane: Lane, batch: Batch, sent: Sequence[Sending]) -> Sequence[Receipt]:
    """Bring rows of one member to the portal, in the way that it takes things back."""
    if batch.op == "put" or lane.retraction != "unshare":
        return lane.sink.deliver(lane.context, sent[0].member, [row.item for row in sent])
    if not isinstance(lane.sink, Unshares):
        raise Misconfigured(f"portal {lane.portal}: its connector can't unshare")
    return lane.sink.unshare(lane.context, sent[0].member, [(row.item.type, row.item.id) for row in sent])


def _settle(lane: Lane, batch: Batch, sent: Sequence[Sending], receipts: Sequence[Receipt]) -> None:
    """Write down what the portal said of each row.

    Raises:
        AmbiguousError: of some it said nothing, or nothing final: they stay in doubt.
    """
    answers = {(receipt.type, receipt.id): receipt for receipt in receipts}
    pairs = [(row, answers.get((row.item.type, row.item.id))) for row in sent]
    taken = [(row, answer) for row, answer in pairs if answer is not None and answer.ok]
    if batch.op == "delete" and taken:
        retraction.confirm(lane, [row for row, _ in taken], [answer for _, answer in taken])
    elif taken:
        settle(lane, "put", [Settled(sending=row, etag=answer.etag, status=answer.status) for row, answer in taken])
    unclear = 0
    for row, answer in pairs:
        if answer is not None and answer.error == Rejected.code:
            refusal.alone(lane, batch, [row], Rejected(answer.detail or "refused", status=answer.status))
        elif answer is None or not answer.ok:
            unclear += 1
    if unclear:
        raise AmbiguousError(f"portal {lane.portal}: no final answer for {unclear} of {len(sent)} resources")
