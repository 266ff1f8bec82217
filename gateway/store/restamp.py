"""A class map that changed: labels in stored bytes are brought in line, as new versions, before anything is disclosed by them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.canonical import BASE
from gateway.database import Connection
from gateway.disclosure.classes import OWN_SYSTEM, rules
from gateway.disclosure.decide import ClassRule
from gateway.jsonbytes import loads
from gateway.keys import KeyRing
from gateway.model import Mapped
from gateway.runtime import Gateway
from gateway.store import write
from gateway.store.records import Entry, RecordKey, StoredFacts, Version
from gateway.store.stamp import labelled, stamp, stored_hash

SYSTEMS: Final = "select distinct system from resource where client_id = %s and not deleted and system <> %s order by system"
LOCK: Final = "select pg_advisory_xact_lock(%s, hashtext(%s))"
RESOURCES: Final = """
select rkey, rtype, rid, version, client_id, body, class_key, audience, labels, data_at, withdrawn, origin_portal, source_time, journal_id,
  mapping_sha
from resource where client_id = %s and system = %s and not deleted order by rkey"""
SECRETS: Final = """
select secret.rkey, secret.version, secret.name, secret.envelope from resource join resource_secret secret using (rkey, version)
where resource.client_id = %s and resource.system = %s order by secret.name"""


def restamp_client(db: Connection, gateway: Gateway, org: int, client_id: int) -> int:
    """Give a client's resources the labels of the present class map; return how many got a new version.

    The caller holds the client's lock. The lock of the record system is taken after it; nobody takes the two the other way round.
    """
    at = gateway.clock()
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    systems = [row.system for row in db.execute(SYSTEMS, (client_id, OWN_SYSTEM))]
    count = 0
    for system in systems:
        db.execute(LOCK, (org, system))
        secrets = _secrets(db, gateway.keys(org), client_id, system)
        known = rules(db, org, system)
        rows = db.execute(RESOURCES, (client_id, system)).fetchall()
        found = [
            _version(row, system, known.get(row.class_key), secrets.get(row.rkey, {}), gateway.keys(org), at) for row in rows
        ]
        versions = [version for version in found if version is not None]
        write.put_versions(db, org, gateway.keys(org), versions)
        count += len(versions)
    return count


def _version(
    row: Any, system: str, rule: ClassRule | None, secrets: Mapping[str, str], keys: KeyRing, at: datetime
) -> Version | None:
    """Return the next version of a resource, or nothing when its labels are right."""
    stored = loads(row.body)
    mapped = Mapped(
        type=row.rtype, id=row.rid, body=stored, class_=row.class_key, audience=row.audience, labels=frozenset(row.labels)
    )
    resource = labelled(mapped, stored, rule)
    if resource["meta"]["security"] == stored["meta"].get("security"):
        return None
    hashes = stored_hash(resource, b"".join(keys.keyed_hash(secrets[name]) for name in sorted(secrets)))
    record = _record(stored["meta"]["source"])
    entry = Entry(
        journal_id=row.journal_id,
        system=system,
        stream=record[1],
        key=record[2],
        source_time=row.source_time,
        mapping_sha=row.mapping_sha,
        mapped=(),
    )
    return Version(
        rkey=row.rkey,
        type=row.rtype,
        id=row.rid,
        number=row.version + 1,
        op="update",
        at=at,
        facts=_facts(row),
        entry=entry,
        source_time=row.source_time,
        stamped=stamp(resource, hashes, row.version + 1, at, record),
        secrets=dict(secrets),
    )


def _secrets(db: Connection, keys: KeyRing, client_id: int, system: str) -> dict[int, dict[str, str]]:
    """Open the sealed parts of the current versions: each version has its own, bound to its number."""
    found: dict[int, dict[str, str]] = {}
    for row in db.execute(SECRETS, (client_id, system)):
        place = ("resource_secret", str(row.rkey), str(row.version), row.name)
        found.setdefault(row.rkey, {})[row.name] = keys.unseal(bytes(row.envelope), *place).decode()
    return found


def _facts(row: Any) -> StoredFacts:
    return StoredFacts(
        client_id=row.client_id,
        class_key=row.class_key,
        audience=row.audience,
        labels=tuple(row.labels),
        data_at=row.data_at,
        withdrawn=row.withdrawn,
        origin_portal=row.origin_portal,
    )


def _record(source: str) -> RecordKey:
    """Read the record back out of ``meta.source``."""
    place, _, key = source.removeprefix(f"{BASE}/record/").partition("#")
    system, _, stream = place.partition("/")
    return system, stream, key
