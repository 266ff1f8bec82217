"""Where one record or resource has been: every hop, and the source field that each element came from.

Names, texts and BSNs are not printed: hops show numbers, codes, hashes and times; elements show paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.database import Connection
from gateway.errors import NotFound
from gateway.journal import body_of
from gateway.mapping.versions import version
from gateway.model import Lineage, MapResult, SourceRecord
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
VERSIONS: Final = """
select resource.rtype, resource.rid, history.version, history.op, history.last_updated, history.journal_id
from origin join resource using (rkey) join resource_history history using (rkey)
where origin.system = %s and origin.stream = %s and origin.record_key = %s order by history.last_updated, rtype, rid"""
LEDGER: Final = """
select resource.rtype, resource.rid, portal.code as portal, link.member, ledger.state, ledger.code, ledger.projection, ledger.version,
  ledger.decided_at, ledger.delivered_at, ledger.retracted_at, outbox.state as waiting, outbox.error_code
from origin join resource using (rkey) join disclosure_ledger ledger using (rkey)
join link on link.id = ledger.link_id join portal on portal.id = ledger.portal_id
left join outbox on outbox.ledger_id = ledger.id
where origin.system = %s and origin.stream = %s and origin.record_key = %s order by ledger.decided_at, member"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step of the way; ``detail`` holds ids, codes and counts."""

    at: datetime
    step: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One leaf of a resource and where it came from."""

    resource: str
    path: str
    origin: str
    source: str | None
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The way of one source record, with the newest version's elements."""

    record: str
    hops: tuple[Hop, ...]
    elements: tuple[Element, ...]


def trace(gateway: Gateway, org: int, ref: str) -> list[Trace]:
    """Follow ``Type/id`` or ``system/stream#key``.

    Raises:
        NotFound: no record or resource of that name in this organisation.
    """
    with gateway.database.transaction(org) as db:
        records = _records(db, ref)
        traces = [_trace(gateway, org, db, record) for record in records]
    if not any(found.hops for found in traces):
        raise NotFound(f"{ref}: no such record or resource; give Type/id or system/stream#key")
    return traces


def _records(db: Connection, ref: str) -> list[tuple[str, str, str]]:
    place, _, key = ref.partition("#")
    left, _, right = place.partition("/")
    if key:
        return [(left, right, key)]
    return [(row.system, row.stream, row.record_key) for row in db.execute(BY_RESOURCE, (left, right))]


def _trace(gateway: Gateway, org: int, db: Connection, record: tuple[str, str, str]) -> Trace:
    rows = db.execute(JOURNAL, record).fetchall()
    hops = [hop for row in rows for hop in _journal_hops(db, row)]
    hops += [_version_hop(row) for row in db.execute(VERSIONS, record)]
    hops += [hop for row in db.execute(LEDGER, record) for hop in _ledger_hops(row)]
    mapped = next((row for row in reversed(rows) if row.state == "mapped"), None)
    return Trace(
        record="{}/{}#{}".format(*record),
        hops=tuple(sorted(hops, key=lambda hop: hop.at)),
        elements=() if mapped is None else _elements(gateway, org, db, mapped),
    )


def _journal_hops(db: Connection, row: Any) -> list[Hop]:
    received = {"journal": row.id, "run": row.run_id, "op": row.op, "bytes_hash": bytes(row.body_hash).hex()[:16]}
    hops = [Hop(at=row.received_at, step="journalled", detail=received)]
    if row.mapped_at is not None:
        issues = [issue._asdict() for issue in db.execute(ISSUES, (row.id,))]
        sha = bytes(row.mapping_sha).hex()[:12] if row.mapping_sha else None
        detail = {"journal": row.id, "mapping": sha, "reason": row.reason, "issues": issues}
        hops.append(Hop(at=row.mapped_at, step=row.state, detail=detail))
    return hops


def _version_hop(row: Any) -> Hop:
    detail = {"resource": f"{row.rtype}/{row.rid}", "version": row.version, "op": row.op, "journal": row.journal_id}
    return Hop(at=row.last_updated, step="stored", detail=detail)


def _ledger_hops(row: Any) -> list[Hop]:
    common = {"resource": f"{row.rtype}/{row.rid}", "portal": row.portal, "member": str(row.member)}
    decided = {**common, "code": row.code, "projection": row.projection, "version": row.version, "waiting": row.waiting}
    hops = [Hop(at=row.decided_at, step="disclosed", detail={**decided, "error": row.error_code})]
    if row.delivered_at:
        hops.append(Hop(at=row.delivered_at, step="delivered", detail=common))
    if row.retracted_at:
        hops.append(Hop(at=row.retracted_at, step="retracted", detail=common))
    return hops


def _elements(gateway: Gateway, org: int, db: Connection, row: Any) -> tuple[Element, ...]:
    """Map the record again with the version it was mapped with: lineage is the mapping's own word, not a copy of it."""
    keys = gateway.keys(org)
    record = SourceRecord(
        system=row.system,
        kind=row.kind,
        stream=row.stream,
        key=row.record_key,
        body=body_of(keys, row),
        labels=frozenset(row.labels),
        origin=row.origin,
        source_time=row.source_time,
    )
    result: MapResult = version(db, row.source_id, bytes(row.mapping_sha)).map(record, keys.ids())
    return tuple(_element(f"{mapped.type}/{mapped.id}", leaf) for mapped in result.mapped for leaf in mapped.lineage)


def _element(resource: str, leaf: Lineage) -> Element:
    return Element(resource=resource, path=leaf.path, origin=leaf.origin, source=leaf.source, row=leaf.row)
