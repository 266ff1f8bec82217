"""Where one record or resource has been: every hop, who has it now, and the source field that each element came from.

Names, texts and BSNs are not printed: hops show numbers, codes, hashes and times; elements show paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.audit import looked_up
from gateway.database import Connection
from gateway.errors import NotFound
from gateway.journal import record_of
from gateway.mapping.versions import version
from gateway.model import Lineage, MapResult
from gateway.runtime import Gateway

BY_RESOURCE: Final = """
select distinct origin.system, origin.stream, origin.record_key
from resource join origin using (rkey) where resource.rtype = %s and resource.rid = %s"""
JOURNAL: Final = """
select journal.*, source.system, source.code as source
from journal join source on source.id = journal.source_id
where source.system = %s and journal.stream = %s and journal.record_key = %s order by journal.id"""
ISSUES: Final = """
select severity, code, row_id, source_path, target_path, masked, reason, action from mapping_issue where journal_id = %s order by id"""
RESOURCES: Final = """
select distinct resource.rkey, resource.rtype, resource.rid, resource.client_id
from origin join resource using (rkey)
where origin.system = %s and origin.stream = %s and origin.record_key = %s order by rtype, rid"""
VERSIONS: Final = """
select rkey, version, op, last_updated, journal_id from resource_history where rkey = any(%s) order by rkey, version"""
# What was said of a delivery is in the trail; the ledger keeps only the last.
DECIDED: Final = """
select ledger.rkey, portal.code as portal, link.member, ledger.code, ledger.projection, ledger.version, ledger.decided_at
from disclosure_ledger ledger join link on link.id = ledger.link_id join portal on portal.id = ledger.portal_id
where ledger.rkey = any(%s) order by ledger.rkey, ledger.decided_at, link.member"""
SENT: Final = """
select event.rkey, event.event, event.at, event.detail, link.member
from disclosure_ledger ledger join link on link.id = ledger.link_id
join audit_event event on event.client_id = ledger.client_id and event.link_id = ledger.link_id and event.rkey = ledger.rkey
where ledger.rkey = any(%s) and event.event in ('delivery', 'retraction')
order by event.rkey, event.at, event.chain_id, event.seq"""
# Who has it now, in the words of the second ledger (gateway/accounting.py).
STATE: Final = """
  case
    when outbox.state = 'parked' then 'parked'
    when outbox.op = 'delete' then 'retracting'
    when outbox.op = 'put' then 'queued'
    when ledger.state = 'cannot_retract' or (ledger.held_hash is not null and ledger.content_hash is null) then 'retained'
    when ledger.held_hash is not null then 'delivered'
    else 'withheld'
  end as state, outbox.error_code as error"""
STANDING: Final = f"""
select verdict.rkey, portal.code as portal, link.member, verdict.code, verdict.projection, {STATE}
from disclosure_verdict verdict
join link on link.id = verdict.link_id join portal on portal.id = verdict.portal_id
left join disclosure_ledger ledger on ledger.link_id = verdict.link_id and ledger.rkey = verdict.rkey
left join outbox on outbox.ledger_id = ledger.id
where verdict.client_id = any(%s) and verdict.rkey = any(%s) order by verdict.rkey, portal.code, link.linked_at, link.id"""
# A directory resource is nobody's in particular: the ledger knows with whom it travelled.
TRAVELLED: Final = f"""
select ledger.rkey, portal.code as portal, link.member, ledger.code, ledger.projection, {STATE}
from disclosure_ledger ledger
join link on link.id = ledger.link_id join portal on portal.id = ledger.portal_id
left join outbox on outbox.ledger_id = ledger.id
where ledger.rkey = any(%s) order by ledger.rkey, portal.code, link.linked_at, link.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step of the way; ``detail`` holds ids, codes and counts. ``resource`` is ``None`` while it was still a record."""

    at: datetime
    step: str
    resource: str | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a resource stands with one member now: ``state`` as in the second ledger, ``code`` the reason."""

    resource: str
    portal: str
    member: str
    state: str
    code: str
    projection: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One leaf of a resource and where it came from; ``source`` is a path in the record, ``.`` the record as a whole."""

    resource: str
    path: str
    origin: str
    source: str | None
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The way of one source record. ``others`` counts what the record also became, when one resource was asked for."""

    record: str
    hops: tuple[Hop, ...]
    standings: tuple[Standing, ...]
    elements: tuple[Element, ...]
    others: int


def trace(gateway: Gateway, org: int, ref: str, *, by: str = "operator") -> list[Trace]:
    """Follow ``Type/id`` or ``system/stream#key``. That somebody asked is in the trail.

    Raises:
        NotFound: no record or resource of that name in this organisation.
    """
    with gateway.database.transaction(org) as db:
        records, only = _records(db, ref)
        traces = [_trace(gateway, org, db, record, only) for record in records]
        clients = {row.client_id for record in records for row in db.execute(RESOURCES, record)}
        looked_up(db, gateway.keys(org), org, "trace", by, {"resource" if only else "record": ref}, clients)
    if not any(found.hops for found in traces):
        raise NotFound(f"{ref}: no such record or resource in this organisation; give Type/id or system/stream#key")
    return traces


def _records(db: Connection, ref: str) -> tuple[list[tuple[str, str, str]], str | None]:
    """Return the source records, and the one resource that was asked for, if it was a resource."""
    place, _, key = ref.partition("#")
    left, _, right = place.partition("/")
    if key:
        return [(left, right, key)], None
    return [(row.system, row.stream, row.record_key) for row in db.execute(BY_RESOURCE, (left, right))], ref


def _trace(gateway: Gateway, org: int, db: Connection, record: tuple[str, str, str], only: str | None) -> Trace:
    rows = db.execute(JOURNAL, record).fetchall()
    made = db.execute(RESOURCES, record).fetchall()
    names = {row.rkey: f"{row.rtype}/{row.rid}" for row in made if only in (None, f"{row.rtype}/{row.rid}")}
    mapped = next((row for row in reversed(rows) if row.state == "mapped"), None)
    elements = () if mapped is None else tuple(_elements(gateway, org, db, mapped))
    hops = [hop for row in rows for hop in _journal_hops(db, row)] + list(_resource_hops(db, names))
    return Trace(
        record="{}/{}#{}".format(*record),
        hops=tuple(sorted(hops, key=lambda hop: hop.at)),
        standings=tuple(_standings(db, names, {row.client_id for row in made if row.rkey in names})),
        elements=tuple(element for element in elements if only in (None, element.resource)),
        others=len(made) - len(names),
    )


def _journal_hops(db: Connection, row: Any) -> Iterator[Hop]:
    received = {"entry": row.id, "run": row.run_id, "op": row.op, "hash": bytes(row.body_hash).hex()[:16]}
    yield Hop(at=row.received_at, step="journalled", resource=None, detail=received)
    if row.mapped_at is not None:
        issues = [issue._asdict() for issue in db.execute(ISSUES, (row.id,))]
        sha = bytes(row.mapping_sha).hex()[:12] if row.mapping_sha else None
        detail = {"entry": row.id, "mapping": sha, "reason": row.reason, "issues": issues}
        yield Hop(at=row.mapped_at, step=row.state, resource=None, detail=detail)


def _resource_hops(db: Connection, names: dict[int, str]) -> Iterator[Hop]:
    rkeys = list(names)
    for row in db.execute(VERSIONS, (rkeys,)):
        detail = {"version": row.version, "op": row.op, "entry": row.journal_id}
        yield Hop(at=row.last_updated, step="stored", resource=names[row.rkey], detail=detail)
    for row in db.execute(DECIDED, (rkeys,)):
        detail = {
            "member": str(row.member),
            "portal": row.portal,
            "code": row.code,
            "projection": row.projection,
            "version": row.version,
        }
        yield Hop(at=row.decided_at, step="decided", resource=names[row.rkey], detail=detail)
    for row in db.execute(SENT, (rkeys,)):
        said = {key: row.detail.get(key) for key in ("portal", "version", "projection", "etag", "status")}
        step = "delivered" if row.event == "delivery" else "retracted"
        yield Hop(at=row.at, step=step, resource=names[row.rkey], detail={"member": str(row.member), **said})


def _standings(db: Connection, names: dict[int, str], clients: set[int | None]) -> Iterator[Standing]:
    own = [client for client in clients if client is not None]
    rows = db.execute(STANDING, (own, list(names))) if own else db.execute(TRAVELLED, (list(names),))
    for row in rows:
        yield Standing(
            resource=names[row.rkey],
            portal=row.portal,
            member=str(row.member),
            state=row.state,
            code=row.code,
            projection=row.projection,
            error=row.error,
        )


def _elements(gateway: Gateway, org: int, db: Connection, row: Any) -> Iterator[Element]:
    """Map the record again with the version it was mapped with: lineage is the mapping's own word, not a copy of it."""
    keys = gateway.keys(org)
    record = record_of(keys, row.system, row)
    result: MapResult = version(db, row.source_id, bytes(row.mapping_sha)).map(record, keys.ids())
    for mapped in result.mapped:
        yield from (_element(f"{mapped.type}/{mapped.id}", leaf) for leaf in mapped.lineage)


def _element(resource: str, leaf: Lineage) -> Element:
    return Element(resource=resource, path=leaf.path, origin=leaf.origin, source=leaf.source, row=leaf.row)
