"""An installation with one source, its journal, and the command line over it: where analysts and operators work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from api.cli import main
from api.opening import Installation, open_installation
from gateway.er7 import envelope, parse
from gateway.intake.reception import source_time
from gateway.keys import KeyRing
from gateway.translate import map_batch

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
JOURNAL = """
insert into journal (org, source_id, stream, kind, record_key, op, body, body_hash, source_time, received_at)
values (app_org(), %s, %s, %s, %s, 'upsert', %s, %s, %s, app_now()) returning id"""
RECORD = """
insert into source_record (org, source_id, stream, record_key, journal_id, body_hash) values (app_org(), %s, %s, %s, %s, %s)
on conflict (source_id, stream, record_key) do update set journal_id = excluded.journal_id, body_hash = excluded.body_hash"""
TALLY = """
insert into inbound_tally (org, source_id, stream, received, duplicates, journalled) values (app_org(), %s, %s, %s, 0, %s)
on conflict (source_id, stream) do update
set received = inbound_tally.received + excluded.received, journalled = inbound_tally.journalled + excluded.journalled"""
OVERLAY = """
extends: ons
codes: {burgerlijke_staat: burgerlijke_staat.csv}
add:
  - {id: P.civil, into: patient, from: civilStatus, to: maritalStatus, codes: burgerlijke_staat, own: "this ECD keeps it"}
"""
TABLE = """map,source_system,source_code,target_system,target_code,target_display,relation,note
burgerlijke_staat,,1,http://terminology.hl7.org/CodeSystem/v3-MaritalStatus,S,Never Married,equivalent,
burgerlijke_staat,,2,http://terminology.hl7.org/CodeSystem/v3-MaritalStatus,M,Married,equivalent,
"""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    def lines(self) -> list[dict[str, Any]]:
        """Return its JSON lines."""
        assert self.code in (0, 1), self.err
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Bench:
    """One organisation with one source ``code`` of one system."""

    folder: Path
    url: str
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    code: str = "ons"
    system: str = "ons-delinde"

    def __post_init__(self) -> None:
        self.patch.setenv("DATABASE_URL", self.url)

    def configure(self, connector: str = "ons", **more: Any) -> None:
        """Write the configuration file; ``more`` are further parts of the organisation."""
        settings = {"base_url": "http://127.0.0.1:1", "secrets": {"certificate": "certificate"}} if connector == "ons" else {}
        source = {"code": self.code, "connector": connector, "system": self.system, "settings": settings}
        config = {"organisations": [{"code": "delinde", "name": "De Linde", "sources": [source], **more}]}
        (self.folder / "zorgsluis.yaml").write_text(yaml.safe_dump(config))

    @contextmanager
    def serving(self) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """Run ``serve`` as its own process, and yield it with its log; end it with SIGTERM."""
        log = self.folder / "serve.log"
        where = ["--config", str(self.folder / "zorgsluis.yaml"), "--state", str(self.folder)]
        command = [sys.executable, "-m", "api.cli", *where, "serve", "--port", "0"]
        with log.open("wb") as written:
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=written, stderr=written)
        try:
            yield process, log
        finally:
            process.terminate()
            process.wait(timeout=60)

    def run(self, *words: str | Path) -> Done:
        """Run a command as it is typed, in this process; whatever it says, it never says it with a traceback."""
        where = ["--config", str(self.folder / "zorgsluis.yaml"), "--state", str(self.folder)]
        self.patch.setattr(sys, "argv", ["zorgsluis", *where, *map(str, words)])
        self.capture.readouterr()
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        said = self.capture.readouterr()
        assert "Traceback" not in said.err
        return Done(code, said.out, said.err)

    @contextmanager
    def opened(self) -> Iterator[tuple[Installation, int]]:
        with open_installation(self.folder / "zorgsluis.yaml", state=self.folder) as installation:
            yield installation, installation.org(None)

    def journal(self, records: Sequence[tuple[str, str, bytes]], stream: str = "records") -> list[int]:
        """Journal (key, kind, body) of each, as the intake of what is read, or pushed as HL7 v2, would; return their numbers."""
        with self.opened() as (installation, org):
            ring = installation.gateway.keys(org)
            with installation.gateway.database.transaction(org) as db:
                source = self._source(db)
                made = [self._journalled(db, ring, source, stream, record) for record in records]
                db.execute(TALLY, (source, stream, len(made), len(made)))
        return made

    def _journalled(self, db: Any, ring: KeyRing, source: int, stream: str, record: tuple[str, str, bytes]) -> int:
        key, kind, body = record
        pushed = body.startswith(b"MSH")
        at = source_time(envelope(parse(body)).at, AMSTERDAM) if pushed else None
        sealed = ring.seal(body, "journal", f"{source}/{stream}/{key}", "body")
        row = db.execute(JOURNAL, (source, stream, kind, key, sealed, ring.keyed_digest(body), at)).fetchone()
        if not pushed:
            db.execute(RECORD, (source, stream, key, row.id, ring.keyed_digest(body)))
        return int(row.id)

    def map_all(self) -> None:
        """Map what waits, in this process."""
        with self.opened() as (installation, org):
            with installation.gateway.database.transaction(org) as db:
                source = self._source(db)
            while map_batch(installation.gateway, org, source):
                pass

    def rows(self, query: str, *values: Any) -> list[Any]:
        with self.opened() as (installation, org), installation.gateway.database.transaction(org) as db:
            return db.execute(query, values).fetchall()

    def _source(self, db: Any) -> int:
        return int(db.execute("select id from source where code = %s", (self.code,)).fetchone().id)


def client(number: int, **facts: Any) -> tuple[str, str, bytes]:
    """Return a client of the sample ECD's kind as (key, kind, body)."""
    record = json.loads((GOLDEN / "ons-client" / "partner-name-first.source.json").read_bytes())
    return str(number), "client", json.dumps({**record, "id": number, **facts}).encode()


def own_files(folder: Path, overlay: str = OVERLAY, table: str | None = TABLE) -> Path:
    """Write an analyst's files, with the message of one golden pair, and return their folder."""
    (folder / "golden" / "client").mkdir(parents=True, exist_ok=True)
    (folder / "nienhuis.yaml").write_text(overlay)
    if table is not None:
        (folder / "burgerlijke_staat.csv").write_text(table)
    (folder / "golden" / "client" / "married.source").write_bytes(client(1001)[2])
    return folder
