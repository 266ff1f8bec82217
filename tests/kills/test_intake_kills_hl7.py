"""The real ``zorgsluis serve`` is killed with SIGKILL under load: what was acknowledged is in the journal, and nothing is there twice.

Killed is ``serve`` itself or the process of its listeners, in turn; the listeners also at the commit, by themselves.
20 kills here; as many as ``INTAKE_KILLS`` says with ``make intake-kills``.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.database import Database
from gateway.journal import body_of
from gateway.keys import load_or_create
from gateway.state import key_folder
from tests.integration.inbound_serve import BOUND_S, Serve, serving
from tests.integration.inbound_world import adt, codes, connect, framed

KILLS = int(os.environ.get("INTAKE_KILLS", "20"))
SENDERS = 4
# Sent before the first answer is read: a kill finds messages in every state.
AHEAD = 8
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


def crash_of(kill: int) -> str:
    """Every third kill at a moment of chance, the others right before and right after a commit."""
    return ("", f"before-intake-commit:{1 + kill % 7}", f"after-intake-commit:{1 + kill % 7}")[kill % 3]


def test_what_was_acknowledged_before_a_kill_is_in_the_journal_once(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(20261120)
    config = tmp_path / "zorgsluis.yaml"
    config.write_text(CONFIG)
    senders = [Sender(f"S{n}") for n in range(SENDERS)]
    for kill in range(KILLS):
        with serving(config, tmp_path / "state", database_url, crash_of(kill)) as serve:
            after = None if crash_of(kill) else chance.randrange(1, 200)
            loaded(senders, serve, after, lambda serve=serve, kill=kill: serve.kill(listeners=bool(kill % 2)))  # type: ignore[misc]
            assert serve.ended()

    with serving(config, tmp_path / "state", database_url) as serve:
        loaded(senders, serve, 1, lambda: None)
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


def loaded(senders: list[Sender], serve: Serve, after: int | None, then: Callable[[], None]) -> None:
    """Let all send until so many are acknowledged, and do then what is to be done; without a number until the server is gone."""
    enough, count = threading.Event(), Counter[str]()
    threads = [threading.Thread(target=sender.load, args=(serve.address, enough, count)) for sender in senders]
    for thread in threads:
        thread.start()
    while after is not None and count["acked"] < after and any(thread.is_alive() for thread in threads):
        threads[0].join(0.002)
    if after is not None:
        then()
        enough.set()
    for thread in threads:
        thread.join(BOUND_S)


def test_a_message_committed_and_not_answered_has_its_answer_when_it_comes_again(database_url: str, tmp_path: Path) -> None:
    config = tmp_path / "zorgsluis.yaml"
    config.write_text(CONFIG)
    with serving(config, tmp_path / "state", database_url, "after-intake-commit:1") as serve, connect(serve.address) as client:
        assert client.ask(adt("1")) == b""
        assert serve.ended()
    with Database(database_url) as database, database.transaction(1) as db:
        assert len(db.execute("select from journal").fetchall()) == 1

    with serving(config, tmp_path / "state", database_url) as serve, connect(serve.address) as client:
        assert codes(client.ask(adt("1"))) == ["AA"]
    with Database(database_url) as database, database.transaction(1) as db:
        assert len(db.execute("select from journal").fetchall()) == 1
