"""What the store holds now of what a batch is about: a handful of set-based reads, under the lock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from gateway.database import Connection
from gateway.store.records import Current, RecordHead, RecordKey, ResourceKey, StoredFacts

# "offset 0" keeps the planner to one index look-up a row: without statistics it would read the whole table for each batch.
COLUMNS: Final = """rkey, resource.rtype, resource.rid, version, deleted, client_id, hash, class_key, audience, labels, data_at, withdrawn,
  origin_portal, source_time, journal_id"""
RESOURCES: Final = f"""
select {COLUMNS}, case when asked.with_body then resource.body end as patched
from unnest(%s::text[], %s::text[], %s::bool[]) as asked (rtype, rid, with_body)
cross join lateral (
  select * from resource where org = %s and rtype = asked.rtype and rid = asked.rid offset 0) resource"""
RESOURCES_BY_KEY: Final = f"select {COLUMNS}, null::bytea as patched from resource where rkey = any(%s)"
HEADS: Final = """
select head.system, head.stream, head.record_key, head.source_time, head.journal_id
from unnest(%s::text[], %s::text[], %s::text[]) as asked (system, stream, record_key)
cross join lateral (
  select * from record_head
  where org = %s and system = asked.system and stream = asked.stream and record_key = asked.record_key offset 0) head"""
ORIGINS: Final = """
select origin.system, origin.stream, origin.record_key, origin.rkey
from unnest(%s::text[], %s::text[], %s::text[]) as asked (system, stream, record_key)
cross join lateral (
  select * from origin
  where org = %s and system = asked.system and stream = asked.stream and record_key = asked.record_key offset 0) origin"""
# Whether any record outside the batch still yields a resource.
STILL_YIELDED: Final = """
with asked as (select * from unnest(%s::text[], %s::text[], %s::text[]) as asked (system, stream, record_key))
select rkey from unnest(%s::bigint[]) as candidate (rkey)
where exists (select from origin where origin.rkey = candidate.rkey
  and not exists (select from asked where asked.system = origin.system and asked.stream = origin.stream
    and asked.record_key = origin.record_key))"""
CLIENTS: Final = "select id, patient_rid from client where org = %s and patient_rid = any(%s)"
NEW_CLIENTS: Final = """
insert into client (org, patient_rid) select %s, patient_rid from unnest(%s::text[]) as new (patient_rid)
on conflict (org, patient_rid) do nothing"""
NEW_KEYS: Final = """
select nextval(pg_get_serial_sequence('resource', 'rkey')) from generate_series(1, %s)"""


def resources(db: Connection, org: int, asked: dict[ResourceKey, bool]) -> dict[ResourceKey, Current]:
    """Return what is stored under these (type, id); the value tells whether its body is needed."""
    columns = [key[0] for key in asked], [key[1] for key in asked], list(asked.values())
    return {(row.rtype, row.rid): _current(row) for row in db.execute(RESOURCES, (*columns, org))}


def resources_by_key(db: Connection, rkeys: Collection[int]) -> dict[ResourceKey, Current]:
    """Return what is stored under these numbers."""
    if not rkeys:
        return {}
    return {(row.rtype, row.rid): _current(row) for row in db.execute(RESOURCES_BY_KEY, (list(rkeys),))}


def heads(db: Connection, org: int, records: Sequence[RecordKey]) -> dict[RecordKey, RecordHead]:
    """Return the newest applied version of each record."""
    rows = db.execute(HEADS, (*_columns(records), org))
    return {tuple(row[:3]): RecordHead(source_time=row.source_time, journal_id=row.journal_id) for row in rows}


def origins(db: Connection, org: int, records: Sequence[RecordKey]) -> dict[RecordKey, set[int]]:
    """Return what each record yielded so far."""
    found: dict[RecordKey, set[int]] = {record: set() for record in records}
    for system, stream, key, rkey in db.execute(ORIGINS, (*_columns(records), org)):
        found[system, stream, key].add(rkey)
    return found


def still_yielded(db: Connection, rkeys: Collection[int], besides: Sequence[RecordKey]) -> set[int]:
    """Return which of these resources some record besides these yields."""
    if not rkeys:
        return set()
    return {row.rkey for row in db.execute(STILL_YIELDED, (*_columns(besides), list(rkeys)))}


def clients(db: Connection, org: int, patients: Iterable[str]) -> dict[str, int]:
    """Return the client of each Patient id; a new one comes into being here, in a fixed order so that two batches can't deadlock."""
    wanted = sorted(set(patients))
    found = {row.patient_rid: row.id for row in db.execute(CLIENTS, (org, wanted))}
    missing = [patient for patient in wanted if patient not in found]
    if missing:
        db.execute(NEW_CLIENTS, (org, missing))
        found |= {row.patient_rid: row.id for row in db.execute(CLIENTS, (org, missing))}
    return found


def new_keys(db: Connection, count: int) -> list[int]:
    """Draw numbers for new resources, so that everything that hangs on them can be written in one go."""
    return [row[0] for row in db.execute(NEW_KEYS, (count,))] if count else []


def _columns(records: Sequence[RecordKey]) -> tuple[list[str], list[str], list[str]]:
    return [record[0] for record in records], [record[1] for record in records], [record[2] for record in records]


def _current(row: Any) -> Current:
    return Current(
        rkey=row.rkey,
        version=row.version,
        deleted=row.deleted,
        hash=bytes(row.hash),
        head=RecordHead(source_time=row.source_time, journal_id=row.journal_id or 0),
        facts=StoredFacts(
            client_id=row.client_id,
            class_key=row.class_key,
            audience=row.audience,
            labels=tuple(row.labels),
            data_at=row.data_at,
            withdrawn=row.withdrawn,
            origin_portal=row.origin_portal,
        ),
        body=row.patched,
    )
