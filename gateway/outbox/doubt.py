"""What was sent and never confirmed: the process died, or the answer was lost. The portal is asked before anything is sent again.

Equal content is adopted with the portal's etag, so that no version is ever written twice; anything else at the portal becomes what the
ledger says the member holds, and the work goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.connector import RemoteState
from gateway.database import Connection
from gateway.errors import AmbiguousError
from gateway.guard import guarded
from gateway.jsonbytes import loads
from gateway.outbox.lanes import Lane, hold
from gateway.outbox.receipts import Settled, record, tell
from gateway.outbox.tombstone import UNREADABLE, hash_of, is_gone
from gateway.outbox.work import Batch, Sending, sending_of

DOUBTED: Final = """
select outbox.id, outbox.revision, outbox.op, outbox.attempt, ledger.id as ledger_id, ledger.rkey, ledger.projection,
  ledger.content_hash, ledger.version, ledger.grant_id, ledger.etag, ledger.link_id, link.member::text as member, resource.rtype, resource.rid
from outbox join disclosure_ledger ledger on ledger.id = outbox.ledger_id join resource on resource.rkey = ledger.rkey
join link on link.id = ledger.link_id
where outbox.id = any(%(ids)s) and outbox.op = %(op)s and outbox.sent_at is not null"""
# The version that was under way can be an older one than the ledger wants by now; its number stands in its own bytes. What was given by it:
# not what the member was known to hold, nor an older version, which a portal has that was restored from a backup.
CORRECT: Final = """
update disclosure_ledger ledger
set held_hash = remote.hash, etag = remote.etag, held_version = case when remote.hash is not null then
    case when remote.hash = ledger.held_hash then ledger.held_version else remote.version end end,
  held_projection = case when remote.hash = ledger.held_hash then ledger.held_projection end
from unnest(%(ledger)s::bigint[], %(hash)s::bytea[], %(version)s::int[], %(etag)s::text[]) as remote (id, hash, version, etag)
join disclosure_ledger before using (id)
where ledger.id = remote.id
returning ledger.id, remote.hash is not null and remote.hash is distinct from before.held_hash
  and coalesce(remote.version >= before.held_version, true) as given"""
VERSION: Final = re.compile(r"[0-9]{1,9}")
UNMARK: Final = "update outbox set sent_at = null where id = any(%(ids)s)"


def resolve(lane: Lane, batch: Batch) -> None:
    """Read back what a bundle may have left at the portal, and settle what is as it should be. The rest is ready to be sent.

    Raises:
        Conflict: the lane is no longer ours.
        Retryable, Misconfigured: the portal can't be asked now; the rows stay in doubt.
    """
    with hold(lane) as db:
        rows = db.execute(DOUBTED, {"ids": list(batch.ids), "op": batch.op}).fetchall()
    if not rows:
        return
    found = read_back(lane, rows[0].member, [(row.rtype, row.rid) for row in rows])
    pairs = [(sending_of(row, None), found[row.rtype, row.rid]) for row in rows]
    right = [pair for pair in pairs if _as_decided(*pair, batch.op)]
    others = [pair for pair in pairs if not _as_decided(*pair, batch.op)]
    with hold(lane) as db:
        record(db, lane, batch.op, [_adopted(*pair) for pair in right])
        _correct(db, lane, others)


def read_back(lane: Lane, member: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], RemoteState]:
    """Ask the portal for some resources of a member.

    Raises:
        AmbiguousError: the connector didn't answer for each of them.
    """
    with guarded():
        found = {(state.type, state.id): state for state in lane.sink.read_back(lane.context, member, keys)}
    if set(keys) - set(found):
        raise AmbiguousError(f"portal {lane.portal}: the read-back left out {len(set(keys) - set(found))} resources")
    return found


def version_of(state: RemoteState) -> int | None:
    """Return the gateway's version number out of the bytes that the portal holds, where it kept it."""
    try:
        version = str(loads(state.body or b"{}")["meta"]["versionId"])
    except UNREADABLE:
        return None
    return int(version) if VERSION.fullmatch(version) else None


def _as_decided(sending: Sending, state: RemoteState, op: str) -> bool:
    return is_gone(state) if op == "delete" else hash_of(state) == sending.content_hash


def _adopted(sending: Sending, state: RemoteState) -> Settled:
    return Settled(sending=sending, etag=state.etag, status=None, adopted=True)


def _correct(db: Connection, lane: Lane, others: Sequence[tuple[Sending, RemoteState]]) -> None:
    """Take over what the portal does hold, so that the next write names the right etag; what reached the member by it goes to the trail."""
    values = {
        "ledger": [sending.ledger_id for sending, _ in others],
        "hash": [hash_of(state) for _, state in others],
        "version": [version_of(state) for _, state in others],
        "etag": [state.etag for _, state in others],
        "ids": [sending.id for sending, _ in others],
    }
    if others:
        given = {row.id for row in db.execute(CORRECT, values) if row.given}
        db.execute(UNMARK, values)
        tell(db, lane, "put", [_found(*pair) for pair in others if pair[0].ledger_id in given])


def _found(sending: Sending, state: RemoteState) -> Settled:
    """Say what was found: by which right and in which projection it was sent, the ledger may know no more."""
    return _adopted(replace(sending, version=version_of(state), projection=None, grant_id=None), state)
