"""What an analyst does with the maps of a source: lay a version ready, look at it, make it active. Every act is in the trail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from gateway import audit
from gateway.audit import AuditEvent
from gateway.database import Connection
from gateway.errors import NotFound, Rejected
from gateway.identity import IdSpace
from gateway.journal import newest
from gateway.mapping import golden, versions
from gateway.mapping.coverage import Survey
from gateway.mapping.diff import Comparison
from gateway.mapping.findings import Finding, MappingError
from gateway.mapping.judgement import judge
from gateway.mapping.language import Reader
from gateway.mapping.overlay import OWN, as_given, placed
from gateway.mapping.sweep import Versions, swept
from gateway.mapping.versions import Version
from gateway.model import SourceRecord
from gateway.runtime import Gateway

SOURCE: Final = "select id, code, system, zone from source where code = %s"
CODES: Final = "select code from source order by code"

ACTIVE, DRAFT, SHIPPED = "active", "draft", "shipped"
WORDS: Final = frozenset({ACTIVE, DRAFT, SHIPPED})
HASH: Final = re.compile("[0-9a-f]{4,64}")
LABEL: Final = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
SHOWN: Final = 5
YAML: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The maps of one source, on the table of one person. ``by`` stands in the trail."""

    gateway: Gateway
    org: int
    source: str
    by: str = "operator"

    def versions(self) -> list[Version]:
        """Return every version, the newest first.

        Raises:
            NotFound: no source has this code.
        """
        with self.gateway.database.transaction(self.org) as db:
            return versions.shelf(db, self._source(db).id)

    def find(self, ref: str) -> tuple[Version, dict[str, bytes]]:
        """Return a version with its files: by label, by the beginning of its hash, or as ``active``, ``draft`` or ``shipped``.

        Raises:
            NotFound: there is none, or there are several.
        """
        with self.gateway.database.transaction(self.org) as db:
            source = self._source(db)
            found = _find(db, source, ref)
            return found, versions.files_of(db, source.id, found.sha256)

    def combined(self, given: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, str]]:
        """Return what ships with the given files on top, and how those were named.

        Raises:
            NotFound: no source has this code.
            MappingError: a given file has no place in an overlay.
        """
        with self.gateway.database.transaction(self.org) as db:
            source = self._source(db)
            shipped = versions.files_of(db, source.id, versions.shipped_sha(db, source.id))
        own, names = placed(given, shipped)
        return {**shipped, **own}, names

    def check(self, given: Mapping[str, bytes]) -> list[Finding]:
        """Return everything that stands between these files and their activation; nothing is stored."""
        try:
            files, names = self.combined(given)
        except MappingError as error:
            return list(error.findings)
        return as_given(judge(files), names)

    def expected(self, given: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return for each message among the files what becomes of it: the golden pair's other half, by the name of the message.

        Raises:
            MappingError: the files have static faults.
        """
        files, names = self.combined(given)
        maps = _compiled(files, names)
        return {names[pair.name]: golden.written(pair.result(maps)) for pair in golden.pairs(files)}

    def add(self, given: Mapping[str, bytes], label: str | None = None) -> Version:
        """Store what ships with the given files on top as a draft; the same files again are the same version.

        Raises:
            MappingError: they have static faults; nothing is stored.
            NotFound: no source has this code.
            Rejected: the label can't be one, or another version has it.
        """
        files, names = self.combined(given)
        maps = _compiled(files, names)
        with self.gateway.database.transaction(self.org) as db:
            source = self._source(db)
            _check_label(db, source, label, maps.sha256)
            known = {one.sha256 for one in versions.shelf(db, source.id)}
            base = versions.shipped_sha(db, source.id)
            said = label or maps.version_label.removesuffix("+overlay") + "+" + _names(files)
            made = versions.keep(db, self.org, source.id, files, said, base, self.gateway.clock())
            if made.sha256 not in known:
                self._audit(db, "mapping-add", "C", source, version=made.short, label=made.label)
        return made

    def activate(self, ref: str) -> tuple[Version | None, Version]:
        """Make a version the active one; return the one before and the new one. Processes take it up with their next batch.

        Raises:
            MappingError: it has static faults, a golden pair fails, or a row of its own shows in none; what is active stays.
            NotFound: there is no such source or version.
        """
        found, files = self.find(ref)
        findings = as_given(judge(files), {})
        if findings:
            raise MappingError(findings)
        with self.gateway.database.transaction(self.org) as db:
            source = self._source(db)
            before = versions.current(db, source.id)
            if before is None or before.sha256 != found.sha256:
                versions.activate(db, source.id, found.sha256, self.gateway.clock())
                said = {"from": before.short if before else None, "to": found.short, "label": found.label}
                self._audit(db, "mapping-activate", "U", source, **said)
        return before, found

    def diff(self, old: str, new: str, last: int) -> Comparison:
        """Compare what two versions make of the newest messages of the source. Nothing is stored.

        Raises:
            MappingError: one of them has faults.
            NotFound: there is no such source or version.
        """
        files = [self.find(ref)[1] for ref in (old, new)]
        both = Versions(old=files[0], new=files[1], ids=self.gateway.keys(self.org).ids())
        return swept(both, ((journal_id, record) for journal_id, record, _ in self._newest(last)))

    def coverage(self, ref: str, last: int) -> Survey:
        """Look in the newest messages of the source for what a version doesn't read, and for rows that write nothing.

        Raises:
            MappingError: the version has faults.
            NotFound: there is no such source or version.
        """
        _, files = self.find(ref)
        maps = versions.compile_files(files)
        found = Survey(maps, Reader({name: data for name, data in files.items() if name.endswith(YAML)}).maps())
        for _, record, ids in self._newest(last):
            found.take(record, maps.map(record, ids))
        return found

    def _newest(self, last: int) -> Iterator[tuple[int, SourceRecord, IdSpace]]:
        keys = self.gateway.keys(self.org)
        ids = keys.ids()
        with self.gateway.database.transaction(self.org) as db:
            for journal_id, record in newest(db, keys, self._source(db), last):
                yield journal_id, record, ids

    def _source(self, db: Connection) -> Any:
        return source_named(db, self.source)

    def _audit(self, db: Connection, event: str, action: str, source: Any, **detail: Any) -> None:
        said = AuditEvent(event=event, action=action, agent=self.by, detail={"source": source.code, **detail})
        audit.append(db, self.gateway.keys(self.org), self.org, [said])


def source_named(db: Connection, code: str) -> Any:
    """Return the row of a source.

    Raises:
        NotFound: there is none of this code.
    """
    row = db.execute(SOURCE, (code,)).fetchone()
    if row is None:
        known = ", ".join(one.code for one in db.execute(CODES))
        raise NotFound(f"no source is called {code!r}; there are: {known or 'none'}")
    return row


def _compiled(files: Mapping[str, bytes], names: Mapping[str, str]) -> Any:
    try:
        return versions.compile_files(files)
    except MappingError as error:
        raise MappingError(as_given(error.findings, names)) from None


def _names(files: Mapping[str, bytes]) -> str:
    return "+".join(PurePosixPath(name).stem for name in sorted(files) if name.startswith(OWN))


def _check_label(db: Connection, source: Any, label: str | None, sha256: bytes) -> None:
    if label is None:
        return
    if label in WORDS or HASH.fullmatch(label) or not LABEL.fullmatch(label):
        raise Rejected(f"{label!r} can't be a label: up to 80 characters, no hash, and not one of {', '.join(sorted(WORDS))}")
    taken = [one for one in versions.shelf(db, source.id) if one.label == label and one.sha256 != sha256]
    if taken:
        raise Rejected(f"version {taken[0].short} has the label {label!r} already; give another")


def _find(db: Connection, source: Any, ref: str) -> Version:
    shelf = versions.shelf(db, source.id)
    if ref == SHIPPED:
        shipped = versions.shipped_sha(db, source.id)
        found = [one for one in shelf if one.sha256 == shipped]
    elif ref in (ACTIVE, DRAFT):
        found = [one for one in shelf if one.state == ref][:1]
    else:
        found = [one for one in shelf if one.label == ref]
        if not found and HASH.fullmatch(ref.lower()):
            found = [one for one in shelf if one.sha256.hex().startswith(ref.lower())]
    if len(found) != 1:
        said = "several versions are" if found else "no version is"
        some = ", ".join(f"{one.short} ({one.label}, {one.state})" for one in (found or shelf)[:SHOWN])
        raise NotFound(f"source {source.code}: {said} called {ref!r}; the newest are {some or 'none'}")
    return found[0]
