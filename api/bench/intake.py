"""``bench intake``: how many messages a second are durably stored and answered, over real sockets, by the real ``zorgsluis serve``.

Nothing is reported unless the database is set to lose nothing (``fsync``, ``full_page_writes``, ``synchronous_commit``), and the WAL syncs
are counted by the database itself. Baselines in the same run: a server that only answers, and how often the disk can sync.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import namedtuple_row

from api.bench.load import Run, drive, messages
from gateway import postgres
from gateway.errors import Misconfigured
from gateway.intake.arrival import STREAM
from gateway.jsonbytes import loads
from gateway.state import postgres_folder

DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")
SETTING: Final = "select current_setting(%s) as value"
# Since version 18 WAL is counted among the other files.
WAL_SYNCS_18: Final = "select sum(fsyncs)::bigint as n from pg_stat_io where object = 'wal'"
WAL_SYNCS: Final = "select wal_sync::bigint as n from pg_stat_wal"
FIRST_18: Final = 180000
# A backend hands in its counts at the end of a statement, at most once a second.
COUNTS_AFTER_S: Final = 1.1
FOUND: Final = "select count(*) as n from journal where stream = %s and record_key = %s"
FATES: Final = "select count(*) as n, count(*) filter (where state <> 'waiting') as mapped from journal"
# How long mapping may take over what it left waiting.
CAUGHT_UP_WITHIN_S: Final = 900.0
LOOK_EVERY_S: Final = 0.25
DISK_WRITES: Final = 200
PAGE: Final = b"\0" * 8192
WARM_UP: Final = 300
CONFIG: Final = """
organisations:
  - code: bench
    name: Benchmark
    sources: [{{code: vesta, connector: hl7v2, maps: {maps}, system: vesta, settings: {{senders: ["VESTA|DELINDE"]}}}}]
    listeners: [{{code: hl7, kind: mllp, bind: "127.0.0.1:0", sources: [vesta]}}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The running server and the second connection, which sees what is committed."""

    address: str
    listeners_pid: int
    database_pid: int
    db: psycopg.Connection[Any]
    run: str = field(default_factory=lambda: f"{time.time_ns():x}-")


def intake(count: int, connections: int, sampled: int, state: Path, maps: str) -> dict[str, Any]:
    """Run the benchmark and return its figures.

    Raises:
        Misconfigured: the database is set to lose what it has committed, or the server doesn't start.
    """
    with postgres.start(postgres_folder(state)) as server:
        with _second(server.dsn()) as db:
            durable = _durable(db)
        with _serving(state, maps) as (listeners, address), _second(server.dsn()) as db:
            stage = Stage(address=address, listeners_pid=listeners, database_pid=server.pid or 0, db=db)
            drive(address, connections, list(messages(f"{stage.run}w", WARM_UP)))
            many = _measured(stage, "m", connections, count)
            mapping = _caught_up(stage)
            one = _measured(stage, "s", 1, max(count // 10, 1))
            seen = _sampled(stage, connections, sampled)
        baselines = {"answers_only": _echo(connections, count), "disk_syncs_per_s": _disk_syncs(state)}
    return {
        "bench": "intake",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "settings": durable,
        "many_connections": many,
        "mapping_afterwards": mapping,
        "one_connection": one,
        "sampled_acks": seen,
        "baselines": baselines,
    }


def _measured(stage: Stage, name: str, connections: int, count: int) -> dict[str, Any]:
    """Send, and return what it took: each message waits for the answer to the one before it on its connection."""
    work = list(messages(f"{stage.run}{name}", count))
    syncs, fates = _wal_syncs(stage, name), _fates(stage.db)
    listeners, database = _cpu(stage.listeners_pid), _database_cpu(stage.database_pid)
    run = drive(stage.address, connections, work)
    listeners, database = _cpu(stage.listeners_pid) - listeners, _database_cpu(stage.database_pid) - database
    after = _fates(stage.db)
    return {
        **_figures(run, connections),
        "listeners_cpu_us_per_message": round(listeners / count * 1e6, 1),
        "database_cpu_us_per_message": round(database / count * 1e6, 1),
        "journalled": after.n - fates.n,
        "mapped_meanwhile": after.mapped - fates.mapped,
        "wal_syncs": _wal_syncs(stage, f"{name}e") - syncs,
    }


def _caught_up(stage: Stage) -> dict[str, Any]:
    """Wait until everything is mapped: mapping steps back while much is coming, and has the rest to do then.

    Raises:
        Misconfigured: it isn't done within the bound.
    """
    began, fates = time.perf_counter(), _fates(stage.db)
    left = fates.n - fates.mapped
    while fates.mapped < fates.n:
        if time.perf_counter() - began > CAUGHT_UP_WITHIN_S:
            raise Misconfigured(f"{fates.n - fates.mapped} messages are not mapped after {CAUGHT_UP_WITHIN_S:.0f} s")
        time.sleep(LOOK_EVERY_S)
        fates = _fates(stage.db)
    return {
        "left_waiting": left,
        "caught_up_after_s": round(time.perf_counter() - began, 1),
        "still_waiting": fates.n - fates.mapped,
    }


def _figures(run: Run, connections: int) -> dict[str, Any]:
    return {
        "connections": connections,
        "messages": run.messages,
        "messages_per_s": round(run.per_second, 1),
        "latency_ms": {"p50": run.percentile(0.5), "p99": run.percentile(0.99)},
    }


def _sampled(stage: Stage, connections: int, count: int) -> dict[str, int]:
    """Ask the second connection for the journal row the moment each acknowledgement arrives."""
    found = 0

    def acked(number: str, answer: bytes) -> None:
        nonlocal found
        row = stage.db.execute(FOUND, (STREAM, f"VESTA|DELINDE|{number}")).fetchone()
        found += b"MSA|AA|" in answer and row is not None and row.n == 1

    drive(stage.address, connections, list(messages(f"{stage.run}a", count)), acked)
    return {"acks": count, "found_in_the_journal": found}


@contextmanager
def _second(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection that sees every organisation."""
    with psycopg.connect(dsn, autocommit=True, row_factory=namedtuple_row) as db:
        db.execute("set role zorgsluis_engine")
        yield db


def _durable(db: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the settings on which it hangs that what is committed stays.

    Raises:
        Misconfigured: one isn't on: what is measured then isn't durable intake.
    """
    found = {name: str(db.execute(SETTING, (name,)).fetchone()[0]) for name in DURABLE}  # type: ignore[index]
    if off := [name for name, value in found.items() if value != "on"]:
        raise Misconfigured(f"the database is set to lose what it committed: {', '.join(off)} must be on")
    return found


@contextmanager
def _serving(state: Path, maps: str) -> Iterator[tuple[int, str]]:
    """Run ``serve``; yield the process of its listeners and the address of the one there is."""
    config = state / "intake.yaml"
    config.write_text(CONFIG.format(maps=maps), encoding="utf-8")
    command = [sys.executable, "-m", "api.cli", "--config", str(config), "--state", str(state), "serve", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        said: list[str] = []
        try:
            listening = None
            while listening is None and (line := process.stderr.readline() if process.stderr else ""):
                said.append(line)
                listening = loads(line.encode()) if '"listener.listening"' in line else None
            if listening is None:
                raise Misconfigured(f"serve didn't start: {''.join(said[-3:]).strip()}")
            threading.Thread(target=lambda: [None for _ in process.stderr or ()], daemon=True).start()
            yield listening["process"], listening["address"]
        finally:
            process.terminate()
            process.wait()


def _wal_syncs(stage: Stage, name: str) -> int:
    """Return how often the database has synced its log. One more message makes the backend hand in what it counted."""
    time.sleep(COUNTS_AFTER_S)
    drive(stage.address, 1, list(messages(f"{stage.run}{name}c", 1)))
    query = WAL_SYNCS_18 if stage.db.info.server_version >= FIRST_18 else WAL_SYNCS
    row = stage.db.execute(query).fetchone()
    return int(row.n) if row else 0


def _fates(db: psycopg.Connection[Any]) -> Any:
    return db.execute(FATES).fetchone()


def _echo(connections: int, count: int) -> dict[str, Any]:
    """Measure a server that only answers, with the same sender: nothing that stores can be faster."""
    command = [sys.executable, "-m", "api.bench.echo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            return _figures(drive(f"127.0.0.1:{port}", connections, list(messages("e", count))), connections)
        finally:
            process.kill()


def _disk_syncs(state: Path) -> float:
    """Return how often a second the disk syncs a page that is written over, one after another."""
    path = state / "disk-syncs"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.write(handle, PAGE)
        os.fsync(handle)
        began = time.perf_counter()
        for _ in range(DISK_WRITES):
            os.pwrite(handle, PAGE, 0)
            os.fdatasync(handle)
        return round(DISK_WRITES / (time.perf_counter() - began), 1)
    finally:
        os.close(handle)
        path.unlink()


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process (fields 14 and 15 of proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _database_cpu(pid: int) -> float:
    """Return the CPU seconds of the database's processes that live; those of intake live as long as the run."""
    total = 0.0
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            total += _cpu(int(child))
        except OSError:
            continue
    return total
