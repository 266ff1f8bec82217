"""From the socket to the store: what is pushed to the real ``serve`` is mapped without a run, and both ledgers know it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from gateway.database import Database
from tests.integration.inbound_serve import BOUND_S, command, serving
from tests.integration.inbound_world import adt, codes, connect

CONFIG = """
organisations:
  - code: delinde
    name: De Linde
    sources: [{code: vesta, connector: hl7v2, system: vesta, settings: {senders: ["VESTA|DELINDE"]}}]
    listeners: [{code: hl7, kind: mllp, bind: "127.0.0.1:0", sources: [vesta]}]
"""


def test_what_is_pushed_is_mapped_without_a_run_and_counted(database_url: str, tmp_path: Path) -> None:
    config = tmp_path / "zorgsluis.yaml"
    config.write_text(CONFIG)
    with serving(config, tmp_path / "state", database_url) as serve, connect(serve.address) as client:
        assert codes(client.ask(adt("1", msh="|||AL|AL"))) == ["CA"]
        assert codes(client.ack()) == ["AA"]
        assert codes(client.ask(adt("1", msh="|||AL|AL"))) == ["CA"]
        assert codes(client.ack()) == ["AA"]

    with Database(database_url) as database, database.transaction(1) as db:
        assert [(row.kind, row.state) for row in db.execute("select kind, state from journal")] == [("adt", "mapped")]
        assert "Patient" in {row.rtype for row in db.execute("select rtype from resource")}
        assert db.execute("select from run").fetchall() == []

    environment = {**os.environ, "DATABASE_URL": database_url}
    program = command(config, tmp_path / "state", "sync")
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.split()[1:3] == ["vesta", "hl7v2"] or " hl7v2 " in line]
    assert [int(word) for word in line.split() if word.isdigit()][:3] == [2, 1, 1]


def test_serve_ends_in_peace_and_its_listeners_with_it(database_url: str, tmp_path: Path) -> None:
    config = tmp_path / "zorgsluis.yaml"
    config.write_text(CONFIG)
    with serving(config, tmp_path / "state", database_url) as serve, connect(serve.address) as client:
        assert codes(client.ask(adt("1"))) == ["AA"]
        serve.process.terminate()
        assert client.closed()
        assert serve.process.wait(BOUND_S) == 0
        assert not Path(f"/proc/{serve.listeners}").exists()


def test_a_listener_whose_port_is_taken_stops_the_start(database_url: str, tmp_path: Path) -> None:
    config = tmp_path / "zorgsluis.yaml"
    config.write_text(CONFIG)
    with serving(config, tmp_path / "state", database_url) as serve:
        config.write_text(CONFIG.replace("127.0.0.1:0", serve.address))
        program = command(config, tmp_path / "other", "serve", "--port", "0")
        environment = {**os.environ, "DATABASE_URL": database_url}
        (tmp_path / "other").mkdir()
        (tmp_path / "state" / "keys").rename(tmp_path / "other" / "keys")
        done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=BOUND_S, check=False)

    assert done.returncode == 3
    assert f"listener hl7: {serve.address} is taken" in done.stderr
