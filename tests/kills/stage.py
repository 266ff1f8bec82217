"""A small care organisation on which the real ``zorgsluis serve`` is killed: sample neighbours, a state folder, links."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from api.demonstration.linking import link_everybody, read_links
from api.demonstration.neighbours import Neighbour, started
from api.demonstration.setup import PORTAL, SYSTEM, Files, configure, discard, fresh
from api.opening import open_installation
from gateway.clock import fixed_clock
from gateway.postgres import start
from gateway.state import postgres_folder
from samples.comparison import Write, portal_writes
from schedules.threads import Threads

SEVEN = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
BEFORE_SLOT = SEVEN - timedelta(seconds=2)
# Later than any lease of a killed process.
AFTER_LEASES = SEVEN + timedelta(minutes=20)
BOUND_S = 120.0
# A whole slot takes seconds of work, and on a machine where much else is tested it gets few of them: the bound is for what never ends.
SLOT_BOUND_S = 400.0
# Nothing listens on this port.
NOWHERE = "http://127.0.0.1:1"
POLL_S = 0.1

NOT_DONE = """
select (select count(*) from run_slot where outcome is null) + (select count(*) from outbox where state = 'ready')
  + (select count(*) from disclose_due) + (select count(*) from journal where state = 'waiting') as n"""
SLOTS = "select count(*) from run_slot where outcome = 'ran'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything around one gateway."""

    files: Files
    ecd: Neighbour
    portal: Neighbour
    members: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        """The real command line."""
        return [
            sys.executable,
            "-m",
            "api.cli",
            "--config",
            str(self.files.config),
            "--state",
            str(self.files.folder),
            *arguments,
        ]

    def run(self, *arguments: str, crash: str = "", within_s: float = BOUND_S) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments), env=environment(crash), capture_output=True, text=True, timeout=within_s, check=False
        )

    @contextmanager
    def serving(self, clock: datetime, crash: str = "", program: list[str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Run ``serve`` with its clock begun at an instant; ended with SIGTERM when it still runs."""
        command = self.command("serve", "--port", "0", "--clock", clock.strftime("%Y-%m-%dT%H:%M:%S"))
        if program is not None:
            command = [*program, *command[3:]]
        log = (self.files.folder / f"serve-{clock:%H%M%S}.log").open("ab")
        process = subprocess.Popen(command, env=environment(crash), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(BOUND_S)
            log.close()

    def until_done(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until a slot has run and nothing waits; fail when the process ends before."""
        with start(postgres_folder(self.files.folder)) as server, psycopg.connect(server.dsn(), autocommit=True) as db:
            db.execute("set role zorgsluis_engine")
            await_condition(lambda: self._done(db) or process.poll() is not None, SLOT_BOUND_S)
            assert process.poll() is None, f"serve ended with {process.poll()}; see {self.files.folder}"

    @staticmethod
    def _done(db: psycopg.Connection[Any]) -> bool:
        try:
            ran, open_work = db.execute(SLOTS).fetchone(), db.execute(NOT_DONE).fetchone()
        except psycopg.errors.UndefinedTable:
            return False
        return bool(ran and open_work and ran[0] > 0 and open_work[0] == 0)

    def writes(self) -> list[Write]:
        """Everything that the portal ever accepted."""
        return list(portal_writes(self.files.portal_store / "portal.sqlite"))

    def fault(self, **fault: Any) -> None:
        """Plan a fault at the portal."""
        self.portal.admin("faults", fault)


def environment(crash: str = "") -> dict[str, str]:
    """The environment of a gateway process, told to kill itself at ``crash`` or not."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("ZORGSLUIS_") and name != "DATABASE_URL"}
    return {**keep, **({"ZORGSLUIS_CRASH": crash} if crash else {})}


def await_condition(condition: Callable[[], bool], bound_s: float = BOUND_S) -> None:
    """Poll until it holds, with a bound."""
    pause = threading.Event()
    for _ in range(int(bound_s / POLL_S)):
        if condition():
            return
        pause.wait(POLL_S)
    raise AssertionError("waited in vain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An organisation whose families are linked and of which nothing was synchronised yet: each test takes a copy."""

    files: Files
    ecd: Neighbour
    members: dict[str, str]
    size: list[str]


@contextmanager
def prepared(folder: Path, *, clients: int = 6, days: int = 14) -> Iterator[Prepared]:
    """Start the ECD and link everybody. Ids hang on the keys made here, so that copies can be compared."""
    files = fresh(folder)
    token = files.secret("certificate").read_text()
    size = ["--clients", str(clients), "--days", str(days), "--seed", "3", "--today", "2026-11-21", f"--certificate={token}"]
    with _ecd(files, size) as ecd:
        configure(files, ecd=ecd.base_url, portal=NOWHERE)
        yield Prepared(files=files, ecd=ecd, members=_link(files), size=size)


@contextmanager
def _ecd(files: Files, size: list[str]) -> Iterator[Neighbour]:
    truth = ["--truth", str(files.truth), "--links", str(files.links)]
    # A copy has the one of the ECD that it was copied from.
    (files.folder / "ecd.ready").unlink(missing_ok=True)
    with started("ecd", "samples.ecd", [*size, *truth], files.folder) as ecd:
        yield ecd


def _link(files: Files) -> dict[str, str]:
    clock = fixed_clock(SEVEN - timedelta(minutes=5))
    with open_installation(files.config, state=files.folder, clock=clock, embedded=True) as installation, Threads() as each:
        gateway, org = installation.gateway, installation.org(None)
        return link_everybody(gateway, org, read_links(files.links), each, system=SYSTEM, numbered=True, portal=PORTAL, by="test")


@contextmanager
def staged(original: Prepared, folder: Path, *, own_ecd: bool = False) -> Iterator[Stage]:
    """Copy the organisation, with its database, and give it a portal of its own; an ECD too where the test disturbs or changes it."""
    discard(folder)
    subprocess.run(["cp", "-a", str(original.files.folder), str(folder)], check=True)
    files = Files(folder=folder)
    store = ["--store", str(files.portal_store), "--gateway-jwks", str(files.jwks), "--providers", str(files.providers)]
    with ExitStack() as neighbours:
        ecd = neighbours.enter_context(_ecd(files, original.size)) if own_ecd else original.ecd
        portal = neighbours.enter_context(started("portal", "samples.portal", store, folder))
        configure(files, ecd=ecd.base_url, portal=portal.base_url)
        yield Stage(files=files, ecd=ecd, portal=portal, members=original.members)


def contents(writes: list[Write]) -> dict[tuple[str, str, str], str]:
    """What the portal holds now, without what differs between two runs by nature (times)."""
    held: dict[tuple[str, str, str], str] = {}
    for write in writes:
        place = (write.member, write.type, write.id)
        if write.op == "delete":
            held.pop(place, None)
        else:
            held[place] = re.sub(r'"lastUpdated":"[^"]*"', "", write.body.decode())
    return held
