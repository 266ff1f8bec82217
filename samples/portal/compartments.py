"""Compartments: what was written for each member, every version of it, and the present state."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from samples.portal.clock import Clock, instant
from samples.portal.database import Database
from samples.portal.fhir.bundle import Write
from samples.portal.fhir.refused import entry_refused

CURRENT: Final = "select version, op from current where member = ? and type = ? and id = ?"
ADD: Final = """
    insert into version (member, type, id, version, op, at, tx, sha256, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
POINT: Final = """
    insert into current (member, type, id, version, op, at, seq) values (?, ?, ?, ?, ?, ?, ?)
    on conflict (member, type, id) do update
    set version = excluded.version, op = excluded.op, at = excluded.at, seq = excluded.seq
"""
COLUMNS: Final = "v.seq, v.member, v.type, v.id, v.version, v.op, v.at, v.sha256, v.body"
READ: Final = f"""
    select {COLUMNS} from current c join version v on v.seq = c.seq
    where c.member = ? and c.type = ? and c.id = ?
"""
READ_VERSION: Final = f"select {COLUMNS} from version v where v.member = ? and v.type = ? and v.id = ? and v.version = ?"
HISTORY: Final = f"""
    select {COLUMNS} from version v where v.member = ? and v.type = ? and v.id = ? order by v.version desc
"""
WITHIN: Final = "c.member = ? and c.type = ? and c.op = 'put' and c.at between ? and ?"
SEARCH: Final = f"""
    select {COLUMNS} from current c join version v on v.seq = c.seq
    where {WITHIN} and c.seq > ? order by c.seq limit ?
"""
COUNT: Final = f"select count(*) from current c where {WITHIN}"
CONTENTS: Final = f"""
    select {COLUMNS} from current c join version v on v.seq = c.seq
    where c.member = ? and c.op = 'put' order by c.seq
"""
DUMP: Final = f"select {COLUMNS} from version v where v.seq > ? order by v.seq limit ?"
LAST_WRITE: Final = "select max(at) from current where member = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of one resource as it was accepted; ``body`` is ``None`` for a delete."""

    seq: int
    member: str
    type: str
    id: str
    version: int
    op: str
    at: str
    sha256: str | None
    body: bytes | None

    @property
    def etag(self) -> str:
        """Return the weak etag of FHIR."""
        return f'W/"{self.version}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one entry: the status line, and the version unless nothing was ever there."""

    status: str
    version: int | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Bounds of ``lastUpdated``, both inclusive, as instants in UTC text."""

    first: str = ""
    last: str = "9999"


class Compartments:
    """The resources of every member."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def apply(self, member: str, writes: list[Write]) -> list[Applied]:
        """Carry out a transaction whole, or not at all.

        Raises:
            Refused: an ``ifMatch`` names another version than the present one.
        """
        transaction = uuid4().hex
        with self._database.write() as db:
            at = instant(self._clock())
            return [_apply(db, member, write, at, transaction) for write in writes]

    def read(self, member: str, kind: str, identity: str) -> Version | None:
        """Return the newest version, a delete included, or ``None`` when there never was one."""
        return _one(self._database.read().execute(READ, (member, kind, identity)).fetchone())

    def read_version(self, member: str, kind: str, identity: str, version: int) -> Version | None:
        """Return one version."""
        return _one(self._database.read().execute(READ_VERSION, (member, kind, identity, version)).fetchone())

    def history(self, member: str, kind: str, identity: str) -> list[Version]:
        """Return every version, newest first."""
        return [Version(**row) for row in self._database.read().execute(HISTORY, (member, kind, identity))]

    def search(self, member: str, kind: str, period: Period, after: int, limit: int) -> list[Version]:
        """Return what is there now, in order of acceptance, from the first behind ``after``."""
        values = (member, kind, period.first, period.last, after, limit)
        return [Version(**row) for row in self._database.read().execute(SEARCH, values)]

    def count(self, member: str, kind: str, period: Period) -> int:
        """Return how many resources a search would find."""
        row = self._database.read().execute(COUNT, (member, kind, period.first, period.last)).fetchone()
        return int(row[0])

    def contents(self, member: str) -> list[Version]:
        """Return everything that is in a compartment now."""
        return [Version(**row) for row in self._database.read().execute(CONTENTS, (member,))]

    def last_write(self, member: str) -> str | None:
        """Return the instant of the last accepted transaction, or ``None``."""
        row = self._database.read().execute(LAST_WRITE, (member,)).fetchone()
        return None if row[0] is None else str(row[0])

    def dump(self, batch: int = 500) -> Iterator[Version]:
        """Yield every version of every compartment in order of acceptance."""
        after = 0
        while rows := self._database.read().execute(DUMP, (after, batch)).fetchall():
            yield from (Version(**row) for row in rows)
            after = rows[-1]["seq"]


def _one(row: sqlite3.Row | None) -> Version | None:
    return None if row is None else Version(**row)


def _apply(db: sqlite3.Connection, member: str, write: Write, at: str, transaction: str) -> Applied:
    row = db.execute(CURRENT, (member, write.type, write.id)).fetchone()
    present, there = (row[0], row[1] == "put") if row else (0, False)
    if write.expected is not None and write.expected != present:
        raise entry_refused(write.index, 412, "conflict", "ifMatch names another version.", ".request.ifMatch")
    if write.body is None and not there:
        return Applied(status="204 No Content", version=present or None, at=at)
    op, sha256 = ("delete", None) if write.body is None else ("put", hashlib.sha256(write.body).hexdigest())
    key = (member, write.type, write.id, present + 1, op, at)
    added = db.execute(ADD, (*key, transaction, sha256, write.body))
    db.execute(POINT, (*key, added.lastrowid))
    return Applied(status=_status(write, there=there), version=present + 1, at=at)


def _status(write: Write, *, there: bool) -> str:
    if write.body is None:
        return "204 No Content"
    return "200 OK" if there else "201 Created"
