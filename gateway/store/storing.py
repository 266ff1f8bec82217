"""Storing what records yield, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.database import Connection
from gateway.disclosure.classes import OWN_RULES, OWN_SYSTEM, rules
from gateway.disclosure.referring import clients_referring_to
from gateway.model import Mapped
from gateway.runtime import Gateway
from gateway.store import current, write
from gateway.store.fold import Fold, wanted
from gateway.store.records import Entry, Fate, RecordKey, ResourceKey

# Versions are decided in Python, so one writer at a time per organisation and record system.
LOCK: Final = "select pg_advisory_xact_lock(%s, hashtext(%s))"


def store_records(db: Connection, gateway: Gateway, org: int, entries: Sequence[Entry]) -> list[Fate]:
    """Store what a batch of records yields now; return each entry's fate in the order of arrival.

    A resource whose content is unchanged isn't written. What a newer version of a record no longer yields is deleted unless another record
    yields it. Clients whose people may see something else from now on become due, in the same transaction.
    """
    for system in sorted({entry.system for entry in entries}):
        db.execute(LOCK, (org, system))
    fold, fates = _store(db, gateway, org, entries)
    directory = [version.rkey for version in fold.versions if version.facts.client_id is None]
    touched = {version.facts.client_id for version in fold.versions} | {one.client_id for one in fold.refreshed.values()}
    touched |= fold.moved_from | clients_referring_to(db, org, directory)
    write.put_due(db, org, [client for client in touched if client is not None])
    return fates


def store_own(db: Connection, gateway: Gateway, org: int, *, body: dict[str, Any], class_key: str, patient: str) -> bool:
    """Store a resource of the gateway's own in a client's compartment; return whether anything changed.

    The caller holds the lock on the client's row, and sees to it that the client is disclosed.
    """
    mapped = Mapped(type=body["resourceType"], id=body["id"], body=body, class_=class_key, patient=patient)
    return _own(db, gateway, org, class_key, patient, (mapped,))


def remove_own(db: Connection, gateway: Gateway, org: int, *, class_key: str, patient: str) -> bool:
    """Delete the gateway's own resource of this kind in a client's compartment, if there is one."""
    return _own(db, gateway, org, class_key, patient, ())


def _own(db: Connection, gateway: Gateway, org: int, class_key: str, patient: str, mapped: tuple[Mapped, ...]) -> bool:
    entry = Entry(
        journal_id=None,
        system=OWN_SYSTEM,
        stream=class_key,
        key=patient,
        source_time=None,
        mapping_sha=None,
        mapped=mapped,
    )
    fold, _ = _store(db, gateway, org, [entry])
    return bool(fold.versions)


def _store(db: Connection, gateway: Gateway, org: int, entries: Sequence[Entry]) -> tuple[Fold, list[Fate]]:
    ordered = sorted(entries, key=lambda entry: entry.journal_id or 0)
    records = list(dict.fromkeys(entry.record for entry in ordered))
    old = current.origins(db, org, records)
    fold = _fold(db, gateway, org, ordered, records)
    fates = [fold.apply(entry) for entry in ordered]
    fold.current |= _dropped(db, fold, old)
    _delete_unyielded(db, fold, old)
    write.put_versions(db, org, gateway.keys(org), fold.versions)
    write.refresh_facts(db, fold.refreshed)
    write.put_origins(db, org, _origin_changes(fold, old))
    write.put_heads(db, org, ((record, fold.heads[record]) for record in fold.final))
    return fold, fates


def _fold(db: Connection, gateway: Gateway, org: int, entries: Sequence[Entry], records: Sequence[RecordKey]) -> Fold:
    asked = wanted(entries)
    found = current.resources(db, org, asked)
    new = [key for key in asked if key not in found]
    at = gateway.clock()
    return Fold(
        at=at.replace(microsecond=at.microsecond // 1000 * 1000),
        rules={
            system: OWN_RULES if system == OWN_SYSTEM else rules(db, org, system) for system in {record[0] for record in records}
        },
        clients=current.clients(db, org, (m.patient for entry in entries for m in entry.mapped if m.patient is not None)),
        keyed_hash=gateway.keys(org).keyed_hash,
        current=found,
        heads=current.heads(db, org, records),
        numbers=dict(zip(new, current.new_keys(db, len(new)), strict=True)),
    )


def _dropped(db: Connection, fold: Fold, old: dict[RecordKey, set[int]]) -> dict[ResourceKey, Any]:
    """Load what the batch's records yielded before and don't name now."""
    known = {one.rkey for one in fold.current.values()}
    return current.resources_by_key(db, {rkey for record in fold.final for rkey in old[record]} - known)


def _delete_unyielded(db: Connection, fold: Fold, old: dict[RecordKey, set[int]]) -> None:
    """Delete what no record yields any more, named after the entry that let go of it last."""
    names = {one.rkey: key for key, one in fold.current.items()}
    yielded = {key for keys in fold.final.values() for key in keys}
    letting_go = {names[rkey]: entry for record, entry in fold.last.items() for rkey in old[record]}
    letting_go |= {version_key(v): fold.last[v.entry.record] for v in fold.versions if version_key(v) not in letting_go}
    gone = {key: entry for key, entry in letting_go.items() if key not in yielded}
    kept = current.still_yielded(db, [fold.current[key].rkey for key in gone], list(fold.final))
    for key, entry in gone.items():
        if fold.current[key].rkey not in kept:
            fold.delete(key, entry)


def version_key(version: Any) -> ResourceKey:
    """Return the (type, id) of a version."""
    return version.type, version.id


def _origin_changes(fold: Fold, old: dict[RecordKey, set[int]]) -> list[tuple[RecordKey, int, bool]]:
    changes = []
    for record, keys in fold.final.items():
        now = {fold.current[key].rkey for key in keys}
        changes += [(record, rkey, False) for rkey in now - old[record]]
        changes += [(record, rkey, True) for rkey in old[record] - now]
    return changes
