"""Decides what a batch changes: goes through its entries in order of arrival and keeps each resource's state in hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from gateway.disclosure.decide import ClassRule
from gateway.jsonbytes import loads
from gateway.model import Mapped
from gateway.store.patch import merged
from gateway.store.records import Current, Entry, Fate, RecordHead, RecordKey, ResourceKey, StoredFacts, Version
from gateway.store.stamp import labelled, stamp, storable

DELETED_HASH: Final = bytes(32)


@dataclass(slots=True, kw_only=True)
class Fold:
    """One batch under way. ``versions`` and ``refreshed`` are what is to be written, ``final`` what each record yields in the end."""

    at: datetime
    rules: Mapping[str, Mapping[str, ClassRule]]
    clients: Mapping[str, int]
    keyed_hash: Callable[[str], bytes]
    current: dict[ResourceKey, Current]
    heads: dict[RecordKey, RecordHead]
    numbers: dict[ResourceKey, int]
    versions: list[Version] = field(default_factory=list)
    refreshed: dict[int, StoredFacts] = field(default_factory=dict)
    moved_from: set[int] = field(default_factory=set)
    cleaned: set[int | None] = field(default_factory=set)
    final: dict[RecordKey, frozenset[ResourceKey]] = field(default_factory=dict)
    seen: set[ResourceKey] = field(default_factory=set)
    last: dict[RecordKey, Entry] = field(default_factory=dict)

    def apply(self, entry: Entry) -> Fate:
        """Take one entry in, unless a newer version of its record was there before."""
        known = self.heads.get(entry.record)
        if known is not None and known.is_newer_than(entry.source_time, entry.journal_id):
            return Fate(journal_id=entry.journal_id, superseded=True)
        before = known.source_time if known else None
        self.heads[entry.record] = RecordHead(source_time=entry.source_time or before, journal_id=entry.journal_id or 0)
        for mapped in entry.mapped:
            self._take(entry, mapped)
        self.final[entry.record] = frozenset((mapped.type, mapped.id) for mapped in entry.mapped)
        self.seen.update(self.final[entry.record])
        self.last[entry.record] = entry
        return Fate(journal_id=entry.journal_id, superseded=False, cleaned=entry.journal_id in self.cleaned)

    def delete(self, key: ResourceKey, entry: Entry) -> None:
        """Write the end of a resource that no record yields any more."""
        current = self.current.get(key)
        if current is None or current.deleted:
            return
        self._write(key, entry, current.facts, entry.source_time or current.head.source_time, None, {}, "delete")

    def _take(self, entry: Entry, mapped: Mapped) -> None:
        key = (mapped.type, mapped.id)
        current = self.current.get(key)
        alive = current if current is not None and not current.deleted else None
        if alive is not None and mapped.write == "ensure":
            return
        source_time = mapped.source_time or entry.source_time
        if alive is not None and alive.head.is_newer_than(source_time, entry.journal_id):
            return
        self._store(key, entry, mapped, alive, source_time)

    def _store(self, key: ResourceKey, entry: Entry, mapped: Mapped, alive: Current | None, source_time: datetime | None) -> None:
        body, facts = mapped.body, self._facts(mapped)
        if mapped.write == "patch":
            # What is another client's is no part of this one's, though the source gave both one number.
            same = alive is not None and alive.facts.client_id == facts.client_id
            body = merged(loads(alive.body) if alive is not None and same and alive.body else {}, body)
        rule = self.rules[entry.system].get(mapped.class_)
        given = labelled(mapped, body, rule)
        resource, hashes = storable(given, self._bsn_hash(mapped))
        if resource is not given and resource != given:
            self.cleaned.add(entry.journal_id)
        if alive is not None and alive.hash == hashes[1]:
            self._refresh(key, alive, facts)
            return
        self._write(key, entry, facts, source_time, (resource, hashes), dict(mapped.secrets), "update" if alive else "create")

    def _write(
        self,
        key: ResourceKey,
        entry: Entry,
        facts: StoredFacts,
        source_time: datetime | None,
        content: tuple[dict[str, Any], tuple[bytes, bytes]] | None,
        secrets: dict[str, str],
        op: Literal["create", "update", "delete"],
    ) -> None:
        current = self.current.get(key)
        rkey, number = (current.rkey, current.version + 1) if current else (self.numbers[key], 1)
        stamped = stamp(content[0], content[1], number, self.at, entry.record) if content else None
        version = Version(
            rkey=rkey,
            type=key[0],
            id=key[1],
            number=number,
            op=op,
            at=self.at,
            facts=facts,
            entry=entry,
            source_time=source_time,
            stamped=stamped,
            secrets=secrets,
        )
        self.versions.append(version)
        self.refreshed.pop(rkey, None)
        self._leave(current, facts)
        self.current[key] = Current(
            rkey=rkey,
            version=number,
            deleted=stamped is None,
            hash=stamped.hash if stamped else DELETED_HASH,
            head=RecordHead(source_time=source_time, journal_id=entry.journal_id or 0),
            facts=facts,
            body=stamped.body if stamped else None,
        )

    def _refresh(self, key: ResourceKey, current: Current, facts: StoredFacts) -> None:
        """Note that equal bytes are judged otherwise now: no new version, but everyone who may see it is looked at again."""
        if facts != current.facts:
            self._leave(current, facts)
            self.refreshed[current.rkey] = facts
            self.current[key] = replace(current, facts=facts)

    def _leave(self, current: Current | None, facts: StoredFacts) -> None:
        """A resource that moves to another client has to be retracted from the first one's people."""
        if current is not None and current.facts.client_id not in (None, facts.client_id):
            self.moved_from.add(current.facts.client_id or 0)

    def _facts(self, mapped: Mapped) -> StoredFacts:
        return StoredFacts(
            client_id=None if mapped.patient is None else self.clients[mapped.patient],
            class_key=mapped.class_,
            audience=mapped.audience,
            labels=tuple(sorted(mapped.labels)),
            data_at=mapped.data_at,
            withdrawn=mapped.withdrawn,
            origin_portal=mapped.origin_portal,
        )

    def _bsn_hash(self, mapped: Mapped) -> bytes:
        return b"".join(self.keyed_hash(mapped.secrets[name]) for name in sorted(mapped.secrets))


def wanted(entries: Iterable[Entry]) -> dict[ResourceKey, bool]:
    """Return the resources that a batch names, and whether a patch needs the stored body."""
    found: dict[ResourceKey, bool] = {}
    for entry in entries:
        for mapped in entry.mapped:
            key = (mapped.type, mapped.id)
            found[key] = found.get(key, False) or mapped.write == "patch"
    return found
