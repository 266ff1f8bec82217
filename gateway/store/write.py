"""Puts a decided batch away: COPY into session tables, then one statement per table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from gateway.database import Connection
from gateway.keys import KeyRing
from gateway.store.records import RecordHead, RecordKey, StoredFacts, Version

# COPY into a table under row security is refused, so it goes through tables of this session that empty themselves at commit.
STAGES: Final = {
    "staged_version": """
      ordinal int4, rkey int8, version int4, op text, last_updated timestamptz, hash bytea, body bytea, journal_id int8,
      mapping_sha bytea, rtype text, rid text, client_id int8, system text, class_key text, audience text, labels text[],
      data_at timestamptz, withdrawn bool, origin_portal text, source_time timestamptz, newest bool""",
    "staged_projection": "rkey int8, name text, hash bytea",
    "staged_reference": "rkey int8, projection text, target_type text, target_id text",
    "staged_secret": "rkey int8, version int4, name text, envelope bytea, keyed_hash bytea",
    "staged_origin": "system text, stream text, record_key text, rkey int8, gone bool",
    "staged_head": "system text, stream text, record_key text, source_time timestamptz, journal_id int8",
}
STAGED: Final = "select to_regclass('pg_temp.staged_head') is not null"

PUT_RESOURCES: Final = """
insert into resource (rkey, org, rtype, rid, version, deleted, last_updated, client_id, hash, body, system, class_key, audience,
  labels, data_at, withdrawn, origin_portal, source_time, journal_id, mapping_sha)
overriding system value
select rkey, %(org)s, rtype, rid, version, op = 'delete', last_updated, client_id, hash, body, system, class_key, audience,
  labels, data_at, withdrawn, origin_portal, source_time, journal_id, mapping_sha
from staged_version where newest order by rtype, rid
on conflict (org, rtype, rid) do update set version = excluded.version, deleted = excluded.deleted,
  last_updated = excluded.last_updated, client_id = excluded.client_id, hash = excluded.hash, body = excluded.body,
  system = excluded.system, class_key = excluded.class_key, audience = excluded.audience, labels = excluded.labels,
  data_at = excluded.data_at, withdrawn = excluded.withdrawn, origin_portal = excluded.origin_portal,
  source_time = excluded.source_time, journal_id = excluded.journal_id, mapping_sha = excluded.mapping_sha"""
PUT_HISTORY: Final = """
insert into resource_history (org, rkey, version, op, last_updated, hash, body, journal_id, mapping_sha, class_key, audience, labels,
  data_at, withdrawn)
select %(org)s, rkey, version, op, last_updated, hash, body, journal_id, mapping_sha, class_key, audience, labels, data_at, withdrawn
from staged_version order by ordinal"""
PUT_CHANGES: Final = """
insert into change (org, rkey, version, op, client_id, rtype)
select %(org)s, rkey, version, op, client_id, rtype from staged_version order by ordinal"""
CLEAR_PROJECTIONS: Final = "delete from resource_projection where rkey = any(%(again)s)"
CLEAR_REFERENCES: Final = "delete from resource_reference where rkey = any(%(again)s)"
PUT_PROJECTIONS: Final = """
insert into resource_projection (org, rkey, name, hash) select %(org)s, rkey, name, hash from staged_projection"""
PUT_REFERENCES: Final = """
insert into resource_reference (org, rkey, projection, target_type, target_id)
select %(org)s, rkey, projection, target_type, target_id from staged_reference"""
PUT_SECRETS: Final = """
insert into resource_secret (org, rkey, version, name, envelope, keyed_hash)
select %(org)s, rkey, version, name, envelope, keyed_hash from staged_secret"""
DROP_ORIGINS: Final = """
delete from origin using staged_origin gone
where gone.gone and origin.org = %(org)s and origin.system = gone.system and origin.stream = gone.stream
  and origin.record_key = gone.record_key and origin.rkey = gone.rkey"""
PUT_ORIGINS: Final = """
insert into origin (org, system, stream, record_key, rkey)
select %(org)s, system, stream, record_key, rkey from staged_origin where not gone on conflict do nothing"""
PUT_HEADS: Final = """
insert into record_head as head (org, system, stream, record_key, source_time, journal_id)
select %(org)s, system, stream, record_key, source_time, journal_id from staged_head
on conflict (org, system, stream, record_key) do update
set source_time = excluded.source_time, journal_id = excluded.journal_id
where (head.source_time, head.journal_id) is distinct from (excluded.source_time, excluded.journal_id)"""
REFRESH: Final = """
update resource set client_id = %s, class_key = %s, audience = %s, labels = %s, data_at = %s, withdrawn = %s, origin_portal = %s
where rkey = %s"""
DUE: Final = """
insert into disclose_due (org, client_id, cause) select %s, client_id, 'store' from unnest(%s::bigint[]) as due (client_id)"""


def put_versions(db: Connection, org: int, keys: KeyRing, versions: Sequence[Version]) -> None:
    """Write versions, and the newest of each resource as its current state."""
    if not versions:
        return
    _stage(db)
    newest = {version.rkey: version for version in versions}
    alive = [(version, version.stamped) for version in newest.values() if version.stamped is not None]
    _copy(db, "staged_version", (_row(n, version, newest) for n, version in enumerate(versions)))
    _copy(db, "staged_projection", ((v.rkey, name, hash_) for v, s in alive for name, hash_ in s.projections.items()))
    _copy(db, "staged_reference", ((v.rkey, *reference) for v, s in alive for reference in s.references))
    values = {"org": org, "again": [rkey for rkey, version in newest.items() if version.number > 1]}
    db.execute(PUT_RESOURCES, values)
    db.execute(PUT_HISTORY, values)
    db.execute(PUT_CHANGES, values)
    if values["again"]:
        db.execute(CLEAR_PROJECTIONS, values)
        db.execute(CLEAR_REFERENCES, values)
    db.execute(PUT_PROJECTIONS, values)
    db.execute(PUT_REFERENCES, values)
    _put_secrets(db, org, keys, versions)


def put_origins(db: Connection, org: int, rows: Sequence[tuple[RecordKey, int, bool]]) -> None:
    """Write which record yields what; the last part of a row says that it no longer does."""
    if rows:
        _stage(db)
        _copy(db, "staged_origin", ((*record, rkey, gone) for record, rkey, gone in rows))
        db.execute(DROP_ORIGINS, {"org": org})
        db.execute(PUT_ORIGINS, {"org": org})


def put_heads(db: Connection, org: int, heads: Iterable[tuple[RecordKey, RecordHead]]) -> None:
    """Write the newest applied version of each record."""
    _stage(db)
    _copy(db, "staged_head", ((*record, head.source_time, head.journal_id) for record, head in heads))
    db.execute(PUT_HEADS, {"org": org})


def refresh_facts(db: Connection, facts: dict[int, StoredFacts]) -> None:
    """Write the columns of resources whose bytes stay."""
    with db.cursor() as cursor:
        cursor.executemany(REFRESH, [(*_facts(one), rkey) for rkey, one in facts.items()])


def put_due(db: Connection, org: int, clients: Iterable[int]) -> None:
    """Note that what these clients' people may see has to be looked at again."""
    wanted = sorted(set(clients))
    if wanted:
        db.execute(DUE, (org, wanted))


def _put_secrets(db: Connection, org: int, keys: KeyRing, versions: Sequence[Version]) -> None:
    rows = [
        (
            version.rkey,
            version.number,
            name,
            keys.seal(plain.encode(), "resource_secret", str(version.rkey), str(version.number), name),
            keys.keyed_hash(plain),
        )
        for version in versions
        for name, plain in version.secrets.items()
    ]
    if rows:
        _copy(db, "staged_secret", rows)
        db.execute(PUT_SECRETS, {"org": org})


def _stage(db: Connection) -> None:
    row = db.execute(STAGED).fetchone()
    if row is not None and not row[0]:
        for table, columns in STAGES.items():
            db.execute(f"create temp table {table} ({columns}) on commit delete rows")


def _copy(db: Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    db.execute(f"delete from {table}")
    with db.cursor() as cursor, cursor.copy(f"copy {table} from stdin (format binary)") as copy:
        copy.set_types(list(_types(table)))
        for row in rows:
            copy.write_row(row)


def _types(table: str) -> Iterator[str]:
    for column in STAGES[table].split(","):
        yield column.split()[1]


def _row(ordinal: int, version: Version, newest: dict[int, Version]) -> tuple[Any, ...]:
    stamped, facts = version.stamped, version.facts
    return (
        ordinal,
        version.rkey,
        version.number,
        version.op,
        version.at,
        stamped.hash if stamped else bytes(32),
        stamped.body if stamped else b"",
        version.entry.journal_id,
        version.entry.mapping_sha,
        version.type,
        version.id,
        facts.client_id,
        version.entry.system,
        facts.class_key,
        facts.audience,
        list(facts.labels),
        facts.data_at,
        facts.withdrawn,
        facts.origin_portal,
        version.source_time,
        newest[version.rkey] is version,
    )


def _facts(facts: StoredFacts) -> tuple[Any, ...]:
    return (
        facts.client_id,
        facts.class_key,
        facts.audience,
        list(facts.labels),
        facts.data_at,
        facts.withdrawn,
        facts.origin_portal,
    )
