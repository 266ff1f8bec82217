"""What a lane has to send, in which bundles; and the last look at it right before it leaves.

Retractions go first: a narrower projection of what a member holds whole, then what is deleted (which the whole may have referred to).
Within each, ``order`` has the last word; the rank of a type stands in for references that aren't known any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any, Final, Literal

from gateway.connector import DeliveryItem
from gateway.database import Connection
from gateway.disclosure.projections import project, stays_inside
from gateway.jsonbytes import dumps, loads
from gateway.outbox.lanes import Lane, hold
from gateway.outbox.order import Group, Reference, arranged
from gateway.outbox.tombstone import tombstone

MAX_BYTES: Final = 4 * 1024 * 1024
# Bundles that failed this often with an unclear answer are halved each time after: a portal that falls over one resource still gets the rest.
PATIENCE: Final = 3

RANKS: Final = (
    ("Organization", "Location", "Practitioner", "Questionnaire"),
    ("PractitionerRole",),
    ("Patient",),
    ("RelatedPerson",),
    ("Condition", "Goal", "Medication"),
)
RANK_OF: Final = "case {} end".format(
    " ".join(f"when resource.rtype = '{name}' then {rank}" for rank, names in enumerate(RANKS) for name in names)
    + f" else {len(RANKS)}"
)
QUEUED: Final = f"""
select outbox.id, outbox.link_id, outbox.op, outbox.attempt, outbox.sent_at is not null as in_doubt,
  octet_length(resource.body) as bytes, outbox.op = 'delete' or ledger.state = 'retract_pending' as retracts
from outbox join disclosure_ledger ledger on ledger.id = outbox.ledger_id join resource on resource.rkey = ledger.rkey
where outbox.lane_id = %s and outbox.state = 'ready' and (outbox.not_before is null or outbox.not_before <= app_now())
order by retracts desc, outbox.op desc, outbox.link_id,
  ({RANK_OF}) * case outbox.op when 'put' then 1 else -1 end, outbox.id"""

# A grant change holds the link's row until it commits, its ledger and outbox rows with it: after this lock both are the newest.
LOCK_LINK: Final = "select from link where id = %s for share"
# What may no longer be as it was decided is decided again, at the next turn of the sweeper, and meanwhile it isn't sent.
STALE: Final = """
insert into disclose_due (org, client_id, cause)
select distinct link.org, link.client_id, 'epoch' from outbox join link on link.id = outbox.link_id
where outbox.id = any(%(ids)s) and outbox.op = 'put' and outbox.state = 'ready' and outbox.sent_at is null
  and not exists (select from disclose_due due where due.client_id = link.client_id
    and due.cause not in ('store', 'facts'))"""
# What changed since the decision, of what ``disclosure_verdict`` judges: rights move the epoch, a class, a configuration or an item that its
# source takes back, marks or classes otherwise makes the client due, and a moment passes (and makes it due, once the sweeper notices).
# A newer version that is judged as the one before waits for its slot.
MARK: Final = """
update outbox set sent_at = app_now()
from disclosure_ledger ledger join resource on resource.rkey = ledger.rkey join link on link.id = ledger.link_id
left join resource_history history
  on history.rkey = ledger.rkey and history.version = ledger.version and history.version <> resource.version
where outbox.id = any(%(ids)s) and ledger.id = outbox.ledger_id and outbox.state = 'ready' and outbox.sent_at is null
  and outbox.op = %(op)s
  and (outbox.op = 'delete' or (outbox.epoch = link.epoch and link.state = 'active' and ledger.content_hash is not null
    and not exists (select from client where client.id = link.client_id and client.next_change_at <= app_now())
    and not exists (select from disclose_due due where due.client_id = link.client_id and due.cause <> 'store')
    and (resource.version = ledger.version or history.rkey is not null)))
returning outbox.id, outbox.revision, outbox.op, outbox.attempt, ledger.id as ledger_id, ledger.rkey, ledger.projection,
  ledger.content_hash, ledger.version, ledger.grant_id, ledger.etag, ledger.link_id, link.member::text as member,
  resource.rtype, resource.rid, case when resource.version = ledger.version then resource.body else history.body end as body"""

# And it waits for that decision.
WAIT: Final = """
update outbox set not_before = app_now() + interval '15 seconds'
where id = any(%(ids)s) and op = 'put' and state = 'ready' and sent_at is null"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Outbox rows of one member and one kind of work that go in one request; a group of them goes together or not at all.

    ``reconciled``: how often in this turn the portal held another version, and was asked which.
    """

    link_id: int
    op: Literal["put", "delete"]
    groups: tuple[Group, ...]
    attempt: int = 0
    reconciled: int = 0

    @property
    def ids(self) -> tuple[int, ...]:
        """Return the rows, in order."""
        return tuple(chain.from_iterable(self.groups))

    @property
    def suspect(self) -> bool:
        """Tell whether the portal failed over these rows so often that they may be the cause."""
        return self.attempt > PATIENCE

    def of(self, sent: Sequence[Sending]) -> Batch:
        """Return the part of this batch that was really sent."""
        ids = {row.id for row in sent}
        groups = (tuple(id_ for id_ in group if id_ in ids) for group in self.groups)
        return replace(self, groups=tuple(filter(None, groups)))

    def without(self, ids: Collection[int]) -> Batch:
        """Return the part of this batch that has none of these rows."""
        return replace(self, groups=tuple(group for group in self.groups if not set(group) & set(ids)))

    def halves(self) -> tuple[Batch, Batch]:
        """Split in two, in order."""
        middle = len(self.groups) // 2
        return replace(self, groups=self.groups[:middle]), replace(self, groups=self.groups[middle:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One row that is marked as sent: the decision it carries and the bytes of it."""

    id: int
    revision: int
    attempt: int
    ledger_id: int
    link_id: int
    member: str
    rkey: int
    projection: str | None
    content_hash: bytes | None
    version: int | None
    grant_id: int | None
    item: DeliveryItem


def queued(db: Connection, lane: Lane) -> list[Any]:
    """Return the lane's rows that may go now, in order, with those in doubt."""
    return db.execute(QUEUED, (lane.id,)).fetchall()


def batches(
    rows: Sequence[Any], max_entries: int, max_bytes: int = MAX_BYTES, following: Sequence[Reference] = ()
) -> Iterator[Batch]:
    """Cut rows into bundles of one member and one kind, each small enough; ``following`` has the last word on their order."""
    for _, alike in groupby(rows, key=lambda row: (row.retracts, row.op, row.link_id)):
        known = {row.id: row for row in alike}
        yield from _cut([[known[id_] for id_ in group] for group in arranged(known, following)], max_entries, max_bytes)


def _cut(groups: Iterable[Sequence[Any]], max_entries: int, max_bytes: int) -> Iterator[Batch]:
    taken: list[Sequence[Any]] = []
    for group in groups:
        if taken and not _fits(taken, group, max_entries, max_bytes):
            yield _batch(taken)
            taken = []
        taken.append(group)
    if taken:
        yield _batch(taken)


def _fits(taken: Sequence[Sequence[Any]], group: Sequence[Any], max_entries: int, max_bytes: int) -> bool:
    rows = [*chain.from_iterable(taken), *group]
    limit = max(1, max_entries >> max(0, _attempt(taken) - PATIENCE))
    return _attempt(taken) == _attempt([group]) and len(rows) <= limit and sum(row.bytes for row in rows) <= max_bytes


def _attempt(groups: Iterable[Sequence[Any]]) -> int:
    return max(int(row.attempt) for row in chain.from_iterable(groups))


def _batch(groups: Sequence[Sequence[Any]]) -> Batch:
    first = groups[0][0]
    ids = tuple(tuple(row.id for row in group) for group in groups)
    return Batch(link_id=first.link_id, op=first.op, attempt=_attempt(groups), groups=ids)


def mark(lane: Lane, batch: Batch) -> list[Sending]:
    """Look again at what the member may see, and mark the rows that still hold as sent. Commits before a byte leaves.

    Rows that were decided anew since they were queued come back with the new decision, or not at all.

    Raises:
        Conflict: the lane is no longer ours.
    """
    with hold(lane) as db:
        values = {"ids": list(batch.ids), "op": batch.op}
        db.execute(LOCK_LINK, (batch.link_id,))
        rows = db.execute(MARK, values).fetchall()
        if len(rows) < len(batch.ids):
            db.execute(STALE, values)
            db.execute(WAIT, values)
    place = {id_: position for position, id_ in enumerate(batch.ids)}
    return [sending_of(row, _body(lane, row)) for row in sorted(rows, key=lambda row: place[row.id])]


def _body(lane: Lane, row: Any) -> bytes | None:
    if row.op == "delete":
        return tombstone(row.rtype, row.rid) if lane.retraction == "tombstone" else None
    return projected(row.projection, bytes(row.body))


def sending_of(row: Any, body: bytes | None) -> Sending:
    """Return a marked row as what is sent, with the bytes of it where there are any."""
    return Sending(
        id=row.id,
        revision=row.revision,
        attempt=row.attempt,
        ledger_id=row.ledger_id,
        link_id=row.link_id,
        member=row.member,
        rkey=row.rkey,
        projection=row.projection,
        content_hash=None if row.content_hash is None else bytes(row.content_hash),
        version=row.version,
        grant_id=row.grant_id,
        item=DeliveryItem(type=row.rtype, id=row.rid, body=body, etag=row.etag if row.op == "put" else None),
    )


def projected(name: str, body: bytes) -> bytes:
    """Return what a member gets of a stored resource: the very bytes for ``whole`` where nothing stays inside, a smaller resource otherwise."""
    return body if name == "whole" and not stays_inside(body) else dumps(project(name, loads(body)))
