"""A small world for intake: a database with one source, and the sample ECD as its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from psycopg.types.json import Jsonb

from gateway.database import Connection, Database
from gateway.keys import KeyRing, generate
from gateway.reading import due_slices, finish_run, next_due, plan_run, pull_slice
from gateway.runtime import Gateway

ROOT = Path(__file__).parents[2]
# Half an hour after the sample's own clock.
START = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
CERTIFICATE = "test-certificate"
READY_WITHIN_S = 30.0
ROUNDS = 400


class MovingClock:
    """A clock that moves when it is told to."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass(frozen=True, kw_only=True)
class RunningEcd:
    """The sample ECD's process, and the far side's own view of what was asked of it."""

    url: str
    certificate: Path
    process: subprocess.Popen[bytes]

    def sample(self, what: str, /, **body: Any) -> Any:
        """Call the sample-only interface."""
        answer = httpx2.post(f"{self.url}/_sample/{what}", json=body, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, path: str, kind: str, times: int = 1) -> None:
        self.sample("faults", path=path, kind=kind, times=times)

    def behave(self) -> None:
        httpx2.delete(f"{self.url}/_sample/faults", trust_env=False).raise_for_status()

    def stats(self) -> Any:
        return httpx2.get(f"{self.url}/_sample/stats", trust_env=False).json()

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"base_url": self.url, "secrets": {"certificate": str(self.certificate)}, **more}

    def lines(self, stream: str, what: str = "data", **query: str) -> list[bytes]:
        """Return what a stream holds, as bytes of its own."""
        headers = {"X-Client-Certificate": CERTIFICATE}
        answer = httpx2.get(f"{self.url}/v0/xstream/{stream}/{what}", params=query, headers=headers, trust_env=False)
        return [line for line in answer.content.split(b"\n") if line]


@contextmanager
def running_ecd(folder: Path, *, clients: int = 8, days: int = 10, today: str = "2026-11-21") -> Iterator[RunningEcd]:
    """Start the sample ECD on a free port, and end it."""
    certificate, ready = folder / "certificate", folder / "ecd.ready"
    certificate.write_text(CERTIFICATE)
    certificate.chmod(0o600)
    size = ["--clients", str(clients), "--days", str(days), "--seed", "5", "--today", today]
    command = [sys.executable, "-m", "samples.ecd", "serve", *size, "--certificate", CERTIFICATE, "--ready", str(ready)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        port = json.loads(wait_for_text(ready, process))["port"]
        yield RunningEcd(url=f"http://127.0.0.1:{port}", certificate=certificate, process=process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for_text(path: Path, process: subprocess.Popen[bytes]) -> str:
    """Return what a process wrote to a file, once it did."""
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        if path.exists():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path.name} was not written; exit status {process.poll()}")


@dataclass(kw_only=True)
class World:
    """One organisation with one source."""

    gateway: Gateway
    clock: MovingClock
    ring: KeyRing
    org: int
    source: int

    def rows(self, query: str, *values: Any) -> list[Any]:
        with self.gateway.database.transaction(self.org) as db:
            return db.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        return self.rows(query, *values)[0]

    def do(self, query: str, *values: Any) -> None:
        with self.gateway.database.transaction(self.org) as db:
            db.execute(query, values)

    def run(self) -> int:
        """Begin a run and read it to its end; return its number."""
        run_id = plan_run(self.gateway, self.org, self.source)
        self.finish(run_id)
        return run_id

    def finish(self, run_id: int) -> str:
        """Read what is due until nothing is left, moving the clock over every wait."""
        for _ in range(ROUNDS):
            outcome = finish_run(self.gateway, self.org, run_id)
            if outcome is not None:
                return outcome
            due = due_slices(self.gateway, self.org, run_id)
            for slice_id in due:
                pull_slice(self.gateway, self.org, slice_id)
            if not due:
                self.clock.forward(seconds=next_due(self.gateway, self.org, run_id) + 0.001)
        raise AssertionError("the run has no end")

    def outcome(self, run_id: int) -> Any:
        return self.one("select outcome, error_code, error_detail from run where id = %s", run_id)

    def slices(self, run_id: int) -> list[Any]:
        return self.rows("select * from slice where run_id = %s order by id", run_id)

    def heads(self, stream: str) -> dict[str, Any]:
        """Return the newest version of every record of a stream."""
        rows = self.rows(
            "select head.deleted, head.partition, journal.* from source_record head "
            "join journal on journal.id = head.journal_id where head.source_id = %s and head.stream = %s",
            self.source,
            stream,
        )
        return {row.record_key: row for row in rows}

    def balanced(self) -> bool:
        """Tell whether every received record is a duplicate or a journal row."""
        counted = self.one("select sum(received) as r, sum(duplicates) as d, sum(journalled) as j from slice")
        rows = self.one("select count(*) as n from journal")
        return bool(counted.r == counted.d + counted.j and counted.j == rows.n)


def insert_source(db: Connection, org: int, settings: dict[str, Any], zone: str = "Europe/Amsterdam") -> int:
    """Write a source row, and return its number."""
    row = db.execute(
        "insert into source (org, code, connector, system, zone, settings) values (%s, 'ons', 'ons', 'ons-delinde', %s, %s) returning id",
        (org, zone, Jsonb(settings)),
    ).fetchone()
    assert row is not None
    return int(row.id)


@contextmanager
def world_over(
    dsn: str, settings: dict[str, Any], *, zone: str = "Europe/Amsterdam", ring: KeyRing | None = None
) -> Iterator[World]:
    """Open a gateway over an empty database, with one organisation and one source."""
    clock, keys = MovingClock(), ring or generate()
    with Database(dsn, clock=clock) as database:
        with database.transaction(None) as db:
            org = db.execute("insert into organisation (code, name) values ('delinde', 'De Linde') returning id").fetchone()
            assert org is not None
        with database.transaction(org.id) as db:
            source = insert_source(db, org.id, settings, zone)
        gateway = Gateway(database=database, clock=clock, keys=lambda _: keys)
        yield World(gateway=gateway, clock=clock, ring=keys, org=org.id, source=source)
