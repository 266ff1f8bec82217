"""The real ``zorgsluis serve`` is killed with SIGKILL under load: what was acknowledged is in the journal, and nothing is there twice.

20 kills here; as many as ``INTAKE_KILLS`` says with ``make intake-kills``.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.database import Database
from gateway.journal import body_of
from gateway.keys import load_or_create
from gateway.state import key_folder
from tests.integration.inbound_world import adt, codes, connect, framed

KILLS = int(os.environ.get("INTAKE_KILLS", "20"))
SENDERS = 4
# Sent before the first answer is read: a kill finds messages in every state.
AHEAD = 8
BOUND_S = 120.0
# What becomes of a message after its answer is not what is asked here: maps that know none of them are quick.
CONFIG = """
organisations:
  - code: delinde
    name: De Linde
    sources: [{code: vesta, connector: hl7v2, maps: ons, system: vesta}]
    listeners: [{code: hl7, kind: mllp, bind: "127.0.0.1:0", sources: [vesta]}]
"""


@dataclass(slots=True)
class Sender:
    """Sends its own messages again and again until each is acknowledged, as a record system does."""

    name: str
    acked: list[str] = field(default_factory=list)
    unacked: list[str] = field(default_factory=list)
    made: int = 0

    def load(self, address: str, enough: threading.Event, count: Counter[str]) -> None:
        """Send until the server is gone, or there is enough."""
        try:
            with connect(address) as client:
                while not enough.is_set():
                    self.unacked += [self._new() for _ in range(AHEAD - len(self.unacked))]
                    client.send(b"".join(framed(adt(number)) for number in self.unacked))
                    for number in list(self.unacked):
                        ack = client.ack()
                        if not ack:
                            return
                        assert codes(ack) == ["AA"], ack
                        assert f"MSA|AA|{number}\r".encode() in ack
                        self.unacked.remove(number)
                        self.acked.append(number)
                        count["acked"] += 1
        except ConnectionError:
            return

    def _new(self) -> str:
        self.made += 1
        return f"{self.name}-{self.made}"


@contextmanager
def serving(config: Path, state: Path, dsn: str, crash: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``serve`` until it is killed; yield the process and the address of its listener."""
    command = [sys.executable, "-m", "api.cli", "--config", str(config), "--state", str(state), "serve", "--port", "0"]
    environment = {**os.environ, "DATABASE_URL": dsn, "ZORGSLUIS_CRASH": crash}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        bound = threading.Timer(BOUND_S, process.kill)
        bound.start()
        try:
            found = next((m for line in process.stderr if (m := re.search(r'"address":"(127[\d.:]+)"', line))), None)
            assert found, "serve ended before it listened"
            rest = threading.Thread(target=process.stderr.read)
            rest.start()
            yield process, found[1]
        finally:
            process.kill()
            process.wait()
            rest.join()
            bound.cancel()


def crash_of(kill: int) -> str:
    """Every third kill at a moment of chance, the others right before and right after a commit."""
    return ("", f"before-intake-commit:{1 + kill % 7}", f"after-intake-commit:{1 + kill % 7}")[kill % 3]


def test_what_was_acknowledged_before_a_kill_is_in_the_journal_once(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(20261120)
    config = tmp_path / "zorgsluis.yaml"
    config.write_text(CONFIG)
    senders = [Sender(f"S{n}") for n in range(SENDERS)]
    for kill in range(KILLS):
        with serving(config, tmp_path / "state", database_url, crash_of(kill)) as (process, address):
            loaded(senders, address, process, None if crash_of(kill) else chance.randrange(1, 200))
            assert process.wait(BOUND_S) == -9

    with serving(config, tmp_path / "state", database_url) as (process, address):
        loaded(senders, address, None, 1)
    acknowledged = Counter(f"VESTA|DELINDE|{number}" for sender in senders for number in sender.acked)
    ring = load_or_create(key_folder(tmp_path / "state") / "delinde.json")
    with Database(database_url) as database, database.transaction(1) as db:
        rows = db.execute("select * from journal").fetchall()
        [tally] = db.execute("select received - duplicates as new, journalled from inbound_tally").fetchall()
    assert len(acknowledged) >= KILLS
    assert set(acknowledged.values()) == {1}
    kept = Counter(row.record_key for row in rows)
    assert acknowledged.keys() - kept.keys() == set(), "acknowledged and not in the journal"
    assert {key: n for key, n in kept.items() if n > 1} == {}
    assert kept.keys() - acknowledged.keys() <= {f"VESTA|DELINDE|{number}" for sender in senders for number in sender.unacked}
    assert (tally.new, tally.journalled) == (len(rows), len(rows))
    assert all(body_of(ring, row) == adt(row.record_key.rpartition("|")[2]) for row in rows)


def loaded(senders: list[Sender], address: str, process: subprocess.Popen[str] | None, kill_after: int | None) -> None:
    """Let all send; kill the process once so many are acknowledged, or stop sending when there is none to kill."""
    enough, count = threading.Event(), Counter[str]()
    threads = [threading.Thread(target=sender.load, args=(address, enough, count)) for sender in senders]
    for thread in threads:
        thread.start()
    while kill_after is not None and count["acked"] < kill_after and any(thread.is_alive() for thread in threads):
        threads[0].join(0.002)
    if process is None:
        enough.set()
    elif kill_after is not None:
        process.kill()
    for thread in threads:
        thread.join(BOUND_S)


@pytest.mark.parametrize("point", ["before-intake-commit", "after-intake-commit"])
def test_a_kill_beside_the_commit_leaves_nothing_half_done(database_url: str, tmp_path: Path, point: str) -> None:
    """Killed right before the commit the message isn't there; right after it is, unanswered, and has its answer when it comes again."""
    config = tmp_path / "zorgsluis.yaml"
    config.write_text(CONFIG)
    with serving(config, tmp_path / "state", database_url, f"{point}:1") as (process, address), connect(address) as client:
        assert client.ask(adt("1")) == b""
        assert process.wait(BOUND_S) == -9
    with Database(database_url) as database, database.transaction(1) as db:
        assert len(db.execute("select from journal").fetchall()) == (point == "after-intake-commit")

    with serving(config, tmp_path / "state", database_url) as (_, address), connect(address) as client:
        assert codes(client.ask(adt("1"))) == ["AA"]
    with Database(database_url) as database, database.transaction(1) as db:
        assert len(db.execute("select from journal").fetchall()) == 1
