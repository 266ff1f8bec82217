"""The audit trail: append-only, one hash chain per writer, by HMAC with a key that is not in the database (NEN 7513).

A row is written in the transaction of what it tells about, so there is never one without the other. Each thread of each process writes its
own chain: nobody waits for another's transaction. A new chain begins with an anchor row that names the heads of the chains before it;
``export_heads`` writes every head to a file outside the database, so that a tail that was cut off shows.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from gateway.database import Connection
from gateway.jsonbytes import DecodeError, canonical, dumps, loads
from gateway.keys import KeyRing
from gateway.runtime import Gateway

CHAIN_START: Final = "chain-start"
ANCHORED_CHAINS: Final = 50
FEW: Final = 20

NOW: Final = "select app_now() as at"
LOCK_CHAIN: Final = "select seq, head, app_now() as at from audit_chain where id = %s for update"
NEW_CHAIN: Final = "insert into audit_chain (id, org, started_at, seq, head) values (%s, %s, app_now(), 0, %s)"
# Engine role: row security doesn't choose the organisation for us.
HEADS: Final = "select id, seq, head from audit_chain where org = app_org() order by started_at desc, id limit %s"
COLUMNS: Final = "chain_id, seq, org, at, event, action, agent, client_id, link_id, rkey, detail, mac"
INSERT: Final = f"insert into audit_event ({COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
# The last row, and the chain's head with it.
CLOSE: Final = f"""
with last as (
  insert into audit_event ({COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning chain_id, seq, mac)
update audit_chain set seq = last.seq, head = last.mac from last where audit_chain.id = last.chain_id"""
STAGE: Final = """
create temp table staged_audit (chain_id uuid, seq int8, org int2, at timestamptz, event text, action text, agent text, client_id int8,
  link_id int8, rkey int8, detail jsonb, mac bytea) on commit delete rows"""
STAGED: Final = "select to_regclass('pg_temp.staged_audit') is not null"
COPY: Final = "copy staged_audit from stdin (format binary)"
COPY_TYPES: Final = ["uuid", "int8", "int2", "timestamptz", "text", "text", "text", "int8", "int8", "int8", "jsonb", "bytea"]
FROM_STAGE: Final = f"insert into audit_event ({COLUMNS}) select {COLUMNS} from staged_audit"
CHAINS: Final = "select id, seq, head from audit_chain where org = app_org() order by started_at, id"
# The last row before a place at which one should be.
LAST_BEFORE: Final = "select coalesce(max(seq), 0) as seq from audit_event where chain_id = %s and seq < %s"
ROWS: Final = f"select {COLUMNS} from audit_event where chain_id = %s and seq > %s order by seq limit %s"
PAGE: Final = 5000

# Newest exported head of each chain, by organisation.
Heads = dict[int, dict[UUID, tuple[int, str]]]

_writer = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """What happened: ``action`` is C, R, U, D or E; ``agent`` who did it; ``detail`` ids, codes and counts, never content.

    ``at`` is the transaction's time unless it is given.
    """

    event: str
    action: str
    agent: str
    client_id: int | None = None
    link_id: int | None = None
    rkey: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A chain that isn't as it was written: ``seq`` is the first row that is wrong or missing."""

    chain: UUID
    seq: int
    what: str


def append(db: Connection, keys: KeyRing, org: int, events: Sequence[AuditEvent]) -> None:
    """Write events to this thread's chain, in the caller's transaction."""
    if not events:
        return
    chain, seq, head, now = _own_chain(db, keys, org)
    *rows, last = _linked(keys, org, chain, seq, head, events, now)
    _insert(db, rows)
    db.execute(CLOSE, _sealed(last))


def looked_up(
    db: Connection, keys: KeyRing, org: int, what: str, by: str, asked: Mapping[str, Any], clients: Iterable[int | None] = ()
) -> None:
    """Tell that somebody looked something up (NEN 7513: search): what they asked, in codes and numbers, for each client that it showed."""
    detail = {"what": what, **{name: value for name, value in asked.items() if value is not None}}
    seen: Sequence[int | None] = sorted(client for client in set(clients) if client is not None)
    append(
        db,
        keys,
        org,
        [AuditEvent(event="search", action="E", agent=by, client_id=client, detail=detail) for client in seen or [None]],
    )


def verify(db: Connection, keys: KeyRing, exported: Mapping[UUID, tuple[int, str]] | None = None) -> list[Break]:
    """Recompute every chain of the organisation, and compare with the heads that newer chains begin with and those outside the database.

    ``db`` is a snapshot (``Database.snapshot``): a chain that grows meanwhile would differ from its head. Read ``exported`` before it is
    opened: heads written later are those of rows that it doesn't show.
    """
    chains = db.execute(CHAINS).fetchall()
    anchors: dict[UUID, tuple[int, str]] = {}
    breaks = [found for chain in chains if (found := _verify_chain(db, keys, chain, anchors)) is not None]
    ids = {chain.id for chain in chains}
    # A tail that the chain's own head misses too is one break.
    return list(dict.fromkeys([*breaks, *_against_heads(db, ids, anchors), *_against_heads(db, ids, exported or {})]))


def exported_heads(path: Path, org: int) -> dict[UUID, tuple[int, str]]:
    """Return the newest head of each chain (sequence number, hexadecimal) in the file; none while there is no file."""
    return dict(_heads_file(path).newest().get(org, {}))


def export_heads(gateway: Gateway, org: int, path: Path) -> int:
    """Append each chain's head to a file outside the database (mode 0600); return how many lines were written. Run it every minute."""
    with gateway.database.transaction(org) as db:
        rows = db.execute(CHAINS).fetchall()
    file = _heads_file(path)
    known = file.newest().get(org, {})
    moved = [row for row in rows if known.get(row.id, (0, ""))[0] < row.seq]
    at = gateway.clock()
    file.append(
        [dumps({"at": at, "org": org, "chain": str(row.id), "seq": row.seq, "head": bytes(row.head).hex()}) for row in moved]
    )
    return len(moved)


class _HeadsFile:
    """The exported heads: only what was added since the last look is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._heads: Heads = {}
        self._read = 0

    def newest(self) -> Heads:
        """Return the newest head of each chain. A line that a power cut tore is passed over: the next export wrote that head again."""
        with self._lock:
            if self._path.exists():
                self._catch_up()
            else:
                self._heads, self._read = {}, 0
            return {org: dict(heads) for org, heads in self._heads.items()}

    def append(self, lines: Sequence[bytes]) -> None:
        """Add lines, on the disk when this returns; what is left of a torn line gets its end first."""
        if not lines:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with self._lock, os.fdopen(descriptor, "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            file.write(b"\n" * torn + b"".join(line + b"\n" for line in lines))
            os.fsync(descriptor)

    def _catch_up(self) -> None:
        if self._path.stat().st_size < self._read:
            self._heads, self._read = {}, 0
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        for line in whole.split(b"\n"):
            entry = _entry(line)
            if entry is not None:
                org, chain, head = entry
                self._heads.setdefault(org, {})[chain] = head
        self._read += len(whole) + len(newline)


_heads_files: dict[Path, _HeadsFile] = {}


def _heads_file(path: Path) -> _HeadsFile:
    return _heads_files.setdefault(path, _HeadsFile(path))


def _entry(line: bytes) -> tuple[int, UUID, tuple[int, str]] | None:
    """Return organisation, chain and head of an exported line; nothing of one that isn't whole."""
    try:
        entry = loads(line)
        return entry["org"], UUID(entry["chain"]), (entry["seq"], entry["head"])
    except (DecodeError, KeyError, TypeError, ValueError):
        return None


def _verify_chain(db: Connection, keys: KeyRing, chain: Any, anchors: dict[UUID, tuple[int, str]]) -> Break | None:
    """Recompute one chain from its first row; return where it breaks. ``anchors`` gets the newest head of each chain that it names."""
    head, seq = _start(keys, chain.id), 0
    while page := db.execute(ROWS, (chain.id, seq, PAGE)).fetchall():
        for row in page:
            if row.seq != seq + 1:
                return Break(chain=chain.id, seq=seq + 1, what="row-missing")
            head, seq = _mac(keys, head, tuple(row[:-1])), row.seq
            if head != bytes(row.mac):
                return Break(chain=chain.id, seq=seq, what="row-altered")
            if row.event == CHAIN_START:
                _anchor(anchors, row.detail["heads"])
    if seq < chain.seq or head != bytes(chain.head):
        return Break(chain=chain.id, seq=seq + 1, what="tail-cut" if seq < chain.seq else "head-altered")
    return None


def _anchor(anchors: dict[UUID, tuple[int, str]], heads: Mapping[str, Sequence[Any]]) -> None:
    for chain, (seq, head) in heads.items():
        if seq > anchors.get(UUID(chain), (0, ""))[0]:
            anchors[UUID(chain)] = (seq, head)


def _own_chain(db: Connection, keys: KeyRing, org: int) -> tuple[UUID, int, bytes, datetime]:
    """Lock this thread's chain, or begin one: its first row names the heads of the chains before it. Return what it stands at, and the time."""
    place = (os.getpid(), db.info.host, db.info.port, db.info.dbname, org)
    chains: dict[tuple[Any, ...], UUID] = _writer.__dict__.setdefault("chains", {})
    if place in chains:
        row = db.execute(LOCK_CHAIN, (chains[place],)).fetchone()
        if row is not None:
            return chains[place], row.seq, bytes(row.head), row.at
    # Not there: a first event, or the transaction that began the chain was rolled back.
    now = db.execute(NOW).fetchone()
    if now is None:
        raise RuntimeError("the database has no time")
    chain = chains[place] = uuid4()
    start = _start(keys, chain)
    anchors = {str(row.id): [row.seq, bytes(row.head).hex()] for row in db.execute(HEADS, (ANCHORED_CHAINS,))}
    db.execute(NEW_CHAIN, (chain, org, start))
    anchor = AuditEvent(event=CHAIN_START, action="E", agent="gateway", detail={"heads": anchors})
    (row,) = _linked(keys, org, chain, 0, start, [anchor], now.at)
    _insert(db, [row])
    return chain, 1, row[-1], now.at


def _linked(
    keys: KeyRing, org: int, chain: UUID, seq: int, head: bytes, events: Iterable[AuditEvent], now: datetime
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of events, each sealed together with the one before it."""
    for number, event in enumerate(events, start=seq + 1):
        row = (
            chain,
            number,
            org,
            event.at or now,
            event.event,
            event.action,
            event.agent,
            event.client_id,
            event.link_id,
            event.rkey,
            dict(event.detail),
        )
        head = _mac(keys, head, row)
        yield (*row, head)


def _start(keys: KeyRing, chain: UUID) -> bytes:
    return hmac.digest(keys.audit_key, b"chain" + chain.bytes, "sha256")


def _mac(keys: KeyRing, head: bytes, row: tuple[Any, ...]) -> bytes:
    # The detail goes through jsonb: sorted keys make what comes back equal to what went in.
    text = canonical([str(row[0]), *row[1:3], row[3].timestamp().hex(), *row[4:]])
    return hmac.digest(keys.audit_key, head + text, "sha256")


def _sealed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as the database takes it."""
    return (*row[:-2], Jsonb(row[-2], dumps=dumps), row[-1])


def _insert(db: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """A few rows one by one, many by COPY through a session table (COPY into a table under row security is refused)."""
    sealed = [_sealed(row) for row in rows]
    if len(sealed) <= FEW:
        if sealed:
            with db.cursor() as cursor:
                cursor.executemany(INSERT, sealed)
        return
    staged = db.execute(STAGED).fetchone()
    db.execute("delete from staged_audit" if staged and staged[0] else STAGE)
    with db.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COPY_TYPES)
        for row in sealed:
            copy.write_row(row)
    db.execute(FROM_STAGE)


def _against_heads(db: Connection, chains: set[UUID], heads: Mapping[UUID, tuple[int, str]]) -> Iterator[Break]:
    """Yield every chain that is shorter than, or other than, what was written of it elsewhere."""
    for chain, (seq, head) in heads.items():
        row = db.execute(ROWS, (chain, seq - 1, 1)).fetchone()
        if chain not in chains:
            yield Break(chain=chain, seq=1, what="chain-missing")
        elif row is None or row.seq != seq:
            last = db.execute(LAST_BEFORE, (chain, seq)).fetchone()
            yield Break(chain=chain, seq=1 + (last.seq if last else 0), what="tail-cut")
        elif bytes(row.mac).hex() != head:
            yield Break(chain=chain, seq=seq, what="rewritten")
