"""TLS, enhanced mode, and a database that goes away: over real sockets, with real certificates and a real Postgres that is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from gateway.database import Database
from gateway.errors import Misconfigured
from gateway.migrate import upgrade
from gateway.postgres import Server, start
from tests.conftest import reachable_folder
from tests.integration.certificates import authority, client_context
from tests.integration.inbound_world import PATIENCE_S, Inbound, adt, codes, framed, inbound, mllp, secret_file

MAPPED = "update journal set state = %s, mapped_at = app_now() where record_key like '%%|' || %s"


def settle(world: Inbound, control_id: str, state: str) -> None:
    """Do what mapping does to a row."""
    with world.gateway.database.transaction(world.org) as db:
        assert db.execute(MAPPED, (state, control_id)).rowcount == 1


def unheard(world: Inbound, tls: ssl.SSLContext) -> bool:
    """Whether the listener that asks for a certificate closes without an answer."""
    try:
        with world.client("mutual", tls) as client:
            return client.ask(adt("3")) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_tls_carries_messages_and_mutual_tls_only_those_of_a_known_client(database_url: str, tmp_path: Path) -> None:
    made, other = authority(tmp_path), authority(tmp_path, "other")
    plain = {"certificate": made.server[0], "key": made.server[1]}
    listeners = mllp(code="tls", tls=plain), mllp(code="mutual", tls={**plain, "client_ca": made.ca})
    with inbound(database_url, *listeners) as world:
        with world.client("tls", client_context(made)) as client:
            assert codes(client.ask(adt("1"))) == ["AA"]
        with world.client("mutual", client_context(made, made.client)) as client:
            assert codes(client.ask(adt("2"))) == ["AA"]
        for stranger in (client_context(made), client_context(made, other.client)):
            assert unheard(world, stranger)
        with world.client("tls") as client:
            client.send(adt("4"))
            assert client.closed() or client.rest == b""

        assert sorted(row.record_key for row in world.journal()) == ["VESTA|DELINDE|1", "VESTA|DELINDE|2"]


def test_a_key_that_others_may_read_and_files_that_are_none_stop_the_start(database_url: str, tmp_path: Path) -> None:
    made = authority(tmp_path)
    broken = secret_file(tmp_path / "broken.pem", "no certificate")
    listener = mllp(tls={"certificate": broken, "key": made.server[1]})
    with pytest.raises(Misconfigured, match="can't be used"), inbound(database_url, listener):
        pass


def test_enhanced_mode_answers_after_the_commit_and_again_after_mapping(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        assert codes(client.ask(adt("1", msh="|||AL|AL"))) == ["CA"]
        assert codes(client.ask(adt("2", msh="|||AL|AL"))) == ["CA"]
        settle(world, "2", "quarantined")
        assert codes(client.ack()) == ["AE"]
        settle(world, "1", "mapped")
        second = client.ack()

        assert codes(second) == ["AA"]
        assert b"MSA|AA|1" in second


@pytest.mark.parametrize(
    ("asked", "state", "told"),
    [
        ("|||NE|AL", "mapped", ["AA"]),
        ("|||AL|NE", "mapped", ["CA"]),
        ("|||ER|ER", "quarantined", ["AE"]),
        ("|||SU|SU", "mapped", ["CA", "AA"]),
    ],
)
def test_msh_15_and_16_decide_which_answers_are_sent(database_url: str, asked: str, state: str, told: list[str]) -> None:
    with inbound(database_url) as world, world.client() as client:
        # The one after it, in original mode, is answered last of what comes before mapping.
        client.send(framed(adt("1", msh=asked)))
        heard = [codes(client.ask(adt("2")))]
        if heard == [["CA"]]:
            heard.append(codes(client.ack()))
        settle(world, "1", state)
        heard += [codes(client.ack())] if told[-1].startswith("A") else []

        assert [code for codes_ in heard for code in codes_] == [*told[:1], "AA", *told[1:]] if told[0] == "CA" else ["AA", *told]


def test_enhanced_mode_refuses_with_ce_and_cr(database_url: str) -> None:
    with inbound(database_url) as world, world.client() as client:
        assert codes(client.ask(adt("", msh="|||AL|AL"))) == ["CR"]
        assert codes(client.ask(adt("1", msh="|||AL|AL").replace(b"PID|", b"ZZZ|"))) == ["CE"]
        assert [row.state for row in world.journal()] == ["quarantined"] * 2


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A Postgres that nobody else uses: it is stopped here."""
    folder = reachable_folder(f"postgres-inbound-{os.getpid()}")
    with start(folder, durable=False, connections=20) as server:
        upgrade(server.dsn())
        yield server
    shutil.rmtree(folder)


def stop(server: Server) -> None:
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    until = time.monotonic() + PATIENCE_S
    while server.pid is not None and time.monotonic() < until:
        time.sleep(0.02)


def test_without_storage_a_sender_is_told_to_come_again_and_the_server_goes_on_when_it_is_back(own_server: Server) -> None:
    with inbound(own_server.dsn()) as world, world.client() as client:
        assert codes(client.ask(adt("1"))) == ["AA"]
        stop(own_server)

        refused = client.ask(adt("2"))
        assert codes(refused) == ["AR"]
        assert b"|207^" in refused
        assert codes(client.ask(adt("3", msh="|||AL|AL"))) == ["CE"]
        with world.client() as wants_no_answer:
            wants_no_answer.send(framed(adt("4", msh="|||NE|NE")))
            assert wants_no_answer.closed()

        own_server.ensure()
        assert [codes(client.ask(adt(str(n)))) for n in (1, 2, 3, 4)] == [["AA"]] * 4
        with Database(own_server.dsn()) as database, database.transaction(world.org) as db:
            assert tuple(db.execute("select received, duplicates, journalled from inbound_tally").fetchone() or ()) == (5, 1, 4)
            assert len(db.execute("select from journal").fetchall()) == 4


def test_without_storage_a_request_too_large_is_to_come_again_as_any_other_is(own_server: Server, tmp_path: Path) -> None:
    token = secret_file(tmp_path / "vesta.token", "a-token")
    own_server.ensure()
    with Database(own_server.dsn()) as database, database.transaction(None) as db:
        db.execute("update organisation set code = 'before'")
    web = {
        "code": "web",
        "kind": "http",
        "bind": "127.0.0.1:0",
        "sources": ["vesta"],
        "bearer": {"vesta": token},
        "max_bytes": 5000,
    }
    with inbound(own_server.dsn(), web) as world:
        requests = adt("1"), adt("2", body="NTE|1||" + "x" * 20_000)

        def answers() -> list[int]:
            address = f"http://{world.listeners.addresses['web']}/inbound/hl7v2"
            headers = {"Authorization": "Bearer a-token", "Content-Type": "application/hl7-v2"}
            return [httpx2.post(address, content=one, headers=headers, timeout=PATIENCE_S).status_code for one in requests]

        stop(own_server)
        assert answers() == [503, 503]

        own_server.ensure()
        assert answers() == [200, 413]
        with Database(own_server.dsn()) as database, database.transaction(world.org) as db:
            rows = db.execute("select state, reason from journal order by id").fetchall()
        assert [tuple(row) for row in rows] == [("waiting", None), ("quarantined", "oversize")]
