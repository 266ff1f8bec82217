"""Portals and connectors that answer with nonsense: a class and a reason in the rows, never an exception that ends the process."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from connectors.ecd.ons import CONNECTOR
from connectors.portals.member_fhir import PORTAL
from gateway.database import Database
from gateway.errors import GatewayError
from gateway.portals import announce
from gateway.reading import due_slices, plan_run, pull_slice
from gateway.verify import verify
from tests.integration.delivery_world import World, a_world, observation, running_portal
from tests.integration.intake_world import World as Intake
from tests.integration.intake_world import running_ecd, world_over

DEEP = b'{"type":"x","entry":' + b"[" * 100_000
NO_UTF8 = b'{"type":"\xff\xfe","resourceType":"\xff","issue":[{"code":"\xff"}]}'
HUGE_VERSION = b'{"meta":{"versionId":1e999999999}}'


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with running_portal(tmp_path) as portal:
        world = a_world(database_url, portal)
        with world.gateway.database:
            yield world


@contextmanager
def absurd(body: bytes, status: int = 200) -> Iterator[str]:
    """Serve a token, and this body to everything else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            token = self.path == "/token"
            told = json.dumps({"access_token": "t", "expires_in": 300}).encode() if token else body
            self.send_response(200 if token else status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_POST = do_GET  # noqa: N815 - the name that the server looks for

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def turn_to(world: World, url: str) -> None:
    settings = {**world.portal.settings(), "base_url": url}
    world.rows("update portal set settings = %s", Jsonb(settings))


@pytest.mark.parametrize("url", ["http://host:port/", "http://[::1", "ftp://127.0.0.1/", "no address"])
def test_an_address_that_is_none_stops_its_portal_and_not_the_process(world: World, url: str) -> None:
    world.queue(world.member(), 2)
    turn_to(world, url)

    world.deliver()

    assert world.one("select breaker_reason from portal").breaker_reason == "config"
    assert [row.sent_at for row in world.outbox()] == [None, None]


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("body", [NO_UTF8, DEEP, HUGE_VERSION], ids=["no-utf8", "deep", "huge-version"])
def test_an_absurd_answer_ends_in_the_rows_and_again_when_what_is_in_doubt_is_read_back(
    world: World, body: bytes, status: int
) -> None:
    world.queue(world.member(), 2)
    with absurd(body, status) as url:
        turn_to(world, url)
        for _ in range(3):
            world.deliver()
            world.clock.forward(hours=2)

    rows = world.outbox()
    assert len(rows) == 2
    assert {row.error_code for row in rows} <= {"ambiguous", "rejected"}


def breaks(*_: Any) -> Any:
    raise LookupError("words of a record")


@pytest.mark.parametrize("call", ["deliver", "read_back"])
def test_a_sink_that_breaks_leaves_its_rows_queued(world: World, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.queue(world.member(), 1)
    monkeypatch.setattr(type(PORTAL), call, breaks)
    if call == "read_back":
        world.rows("update outbox set sent_at = app_now()")

    world.deliver()

    [row] = world.outbox()
    assert row.error_code == ("ambiguous" if call == "deliver" else None)
    assert world.one("select failures from portal").failures == 1


@pytest.mark.parametrize("call", ["listing", "history"])
def test_verify_gives_a_sink_that_breaks_a_class(
    world: World, database_url: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = world.member()
    for value in ("72.50", "73.00"):
        world.decide(member, world.store(observation("weight", value)))
        world.deliver()
    monkeypatch.setattr(type(PORTAL), call, breaks)

    with Database(database_url, role="zorgsluis_engine", clock=world.clock) as database, pytest.raises(GatewayError) as raised:
        verify(replace(world.gateway, database=database), world.org, read_back=True)

    assert "words of a record" not in str(raised.value)


@pytest.mark.parametrize("broken", ["nobody-has-this", "member-fhir"])
def test_a_portal_that_cannot_be_told_of_a_slot_leaves_the_others_their_word(world: World, broken: str, tmp_path: Path) -> None:
    world.rows("update portal set connector = %s, settings = '{\"base_url\": 7}'", broken)
    world.rows(
        "insert into portal (org, code, connector, settings) values (%s, 'other', 'member-fhir', %s)",
        *(world.org, Jsonb(world.portal.settings())),
    )

    announce(world.gateway, world.org, world.clock(), world.clock(), complete=True)

    with closing(sqlite3.connect(tmp_path / "store" / "portal.sqlite")) as store:
        assert store.execute("select count(*) from sync_status").fetchone() == (1,)


@pytest.fixture
def intake(database_url: str, tmp_path: Path) -> Iterator[Intake]:
    with running_ecd(tmp_path, clients=2, days=2) as ecd, world_over(database_url, ecd.settings()) as intake:
        yield intake


def read_all(intake: Intake, run: int) -> None:
    while due := due_slices(intake.gateway, intake.org, run):
        for slice_id in due:
            pull_slice(intake.gateway, intake.org, slice_id)


def no_connector(intake: Intake, _: pytest.MonkeyPatch) -> None:
    intake.rows("update source set connector = 'nobody-has-this' returning id")


def no_streams(_: Intake, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(CONNECTOR), "streams", breaks)


def renamed(_: Intake, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(CONNECTOR), "streams", lambda *_: [])


Break = Callable[[Intake, pytest.MonkeyPatch], None]


@pytest.mark.parametrize(("act", "code"), [(no_connector, "config"), (no_streams, "permanent"), (renamed, "config")])
def test_a_run_whose_connector_breaks_under_way_ends_as_failed(
    intake: Intake, act: Break, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan_run(intake.gateway, intake.org, intake.source)
    act(intake, monkeypatch)

    assert intake.finish(run) == "failed"
    assert intake.outcome(run).error_code == code


@pytest.mark.parametrize(("act", "code"), [(no_connector, "config"), (no_streams, "permanent")])
def test_a_second_wave_that_cannot_be_planned_ends_the_run_and_says_why(
    intake: Intake, act: Break, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan_run(intake.gateway, intake.org, intake.source)
    read_all(intake, run)
    act(intake, monkeypatch)

    assert intake.finish(run) == "partly"
    assert intake.outcome(run).error_code == code


@pytest.mark.parametrize("call", ["streams", "slices"])
def test_a_run_that_cannot_be_planned_has_failed(intake: Intake, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(CONNECTOR), call, breaks)

    run = plan_run(intake.gateway, intake.org, intake.source)

    outcome = intake.outcome(run)
    assert (outcome.outcome, outcome.error_code) == ("failed", "permanent")
    assert "words" not in outcome.error_detail
