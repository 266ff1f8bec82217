"""An ECD that fails: each failure has its class, a clear line on slice and run, and no record is lost once it is over."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gateway.context import context_for
from gateway.errors import Throttled
from gateway.journal import body_of
from gateway.limits import Permits
from gateway.reading import due_slices, finish_run, plan_run, pull_slice
from gateway.reading.sources import source_of
from tests.integration.intake_world import RunningEcd, World, running_ecd, world_over

STREAMED = ("clients", "relations", "employees", "reports")
EVERYTHING = "."
ALWAYS = 100_000


@pytest.fixture(scope="module")
def module_ecd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEcd]:
    with running_ecd(tmp_path_factory.mktemp("ecd")) as running:
        yield running


@pytest.fixture
def ecd(module_ecd: RunningEcd) -> Iterator[RunningEcd]:
    """The sample, behaving again after the test; what a test adds to it stays."""
    yield module_ecd
    module_ecd.behave()


@pytest.fixture
def world(ecd: RunningEcd, database_url: str) -> Iterator[World]:
    with world_over(database_url, ecd.settings()) as world:
        yield world


def assert_nothing_is_lost(world: World, ecd: RunningEcd) -> None:
    """Run once more, without faults, and compare with what the source holds."""
    ecd.behave()
    world.clock.forward(hours=4)
    assert world.outcome(world.run()).outcome == "done"
    assert world.balanced()
    for stream in STREAMED:
        assert world.heads(stream).keys() == {str(json.loads(line)["id"]) for line in ecd.lines(stream)}


@pytest.mark.parametrize("kind", ["down", "429", "503", "truncate", "reset"])
def test_a_passing_fault_is_tried_again_and_the_run_is_done(world: World, ecd: RunningEcd, kind: str) -> None:
    ecd.fault("xstream/reports", kind, times=2)

    run = world.run()

    [reports] = [row for row in world.slices(run) if row.stream == "reports"]
    assert (world.outcome(run).outcome, reports.state, reports.attempt) == ("done", "done", 2)
    assert reports.error_code is None
    assert reports.requests == 3
    assert_nothing_is_lost(world, ecd)


@pytest.mark.parametrize(
    ("kind", "code", "told"),
    [
        ("down", "transient", "gave no whole answer"),
        ("429", "throttled", "asks for fewer requests at once (429)"),
        ("503", "maintenance", "down for maintenance (503)"),
        ("truncate", "transient", "ended in the middle of a record"),
        ("reset", "transient", "gave no whole answer"),
    ],
)
def test_a_stream_that_keeps_failing_fails_alone_and_says_why(
    world: World, ecd: RunningEcd, kind: str, code: str, told: str
) -> None:
    ecd.fault("xstream/reports", kind, times=ALWAYS)

    run = world.run()

    states = {row.stream: row.state for row in world.slices(run)}
    assert states == {**dict.fromkeys(states, "done"), "reports": "failed"}
    [reports] = [row for row in world.slices(run) if row.stream == "reports"]
    assert (reports.attempt, reports.error_code) == (5, code)
    assert told in reports.error_detail
    outcome = world.outcome(run)
    assert (outcome.outcome, outcome.error_code) == ("partly", code)
    assert outcome.error_detail == f"reports: {reports.error_detail}"
    marked = {row.stream for row in world.rows("select stream from checkpoint where value is not null")}
    assert marked == {"clients", "relations", "employees"}
    assert_nothing_is_lost(world, ecd)


def test_records_before_a_cut_are_kept_and_counted_once(world: World, ecd: RunningEcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.reading.pull.BATCH", 10)
    ecd.fault("xstream/reports/data", "truncate", times=1)

    run = world.run()

    [reports] = [row for row in world.slices(run) if row.stream == "reports"]
    assert reports.duplicates > 0
    assert reports.journalled == len(ecd.lines("reports")) == len(world.heads("reports"))
    assert reports.received == reports.duplicates + reports.journalled


def test_an_ecd_that_is_down_altogether_is_given_up_after_a_few_probes(world: World, ecd: RunningEcd) -> None:
    world.run()
    asked = sum(ecd.stats()["faults"].values())
    ecd.fault(EVERYTHING, "down", times=ALWAYS)
    world.clock.forward(hours=4)

    run = world.run()

    outcome = world.outcome(run)
    assert (outcome.outcome, outcome.error_code) == ("failed", "transient")
    assert {row.state for row in world.slices(run)} == {"failed"}
    assert sum(ecd.stats()["faults"].values()) - asked <= 20
    assert_nothing_is_lost(world, ecd)
    assert world.one("select breaker_reason, failures from source") == (None, 0)


def test_one_success_closes_the_breaker(world: World, ecd: RunningEcd, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without jitter the streams fail in turns, and none of them five times.
    monkeypatch.setattr("gateway.reading.pull.backoff", lambda failures, _asked: timedelta(seconds=2**failures))
    ecd.fault(EVERYTHING, "503", times=11)

    run = world.run()

    assert world.outcome(run).outcome == "done"
    assert world.one("select breaker_reason, failures from source") == (None, 0)


@pytest.mark.parametrize("kind", ["401", "495"])
def test_refused_credentials_stop_the_source_without_a_retry(world: World, ecd: RunningEcd, kind: str) -> None:
    world.run()
    world.clock.forward(hours=4)
    before = sum(ecd.stats()["requests"].values()) + ecd.stats()["refused_495"]
    if kind == "401":
        ecd.fault(EVERYTHING, "401", times=ALWAYS)
    else:
        ecd.certificate.write_text("another-certificate")

    run = world.run()
    ecd.certificate.write_text("test-certificate")

    outcome = world.outcome(run)
    assert (outcome.outcome, outcome.error_code) == ("failed", "auth")
    assert kind in outcome.error_detail
    assert {row.attempt for row in world.slices(run)} == {1}
    assert sum(ecd.stats()["requests"].values()) + ecd.stats()["refused_495"] - before == 4
    assert_nothing_is_lost(world, ecd)


def test_a_part_that_our_certificate_may_not_read_does_not_stop_the_rest(world: World, ecd: RunningEcd) -> None:
    ecd.fault("xstream/reports", "401", times=ALWAYS)

    run = world.run()

    assert world.outcome(run).outcome == "partly"
    assert {row.stream for row in world.slices(run) if row.state == "failed"} == {"reports"}


def test_refusals_client_after_client_stop_the_run_early(world: World, ecd: RunningEcd) -> None:
    ecd.fault("care_plans|agenda", "401", times=ALWAYS)

    run = world.run()

    tried = [row for row in world.slices(run) if row.partition and row.requests]
    assert len(tried) == 5
    assert {row.error_code for row in world.slices(run) if row.partition} == {"auth"}


def test_a_missing_secret_stops_the_source_with_the_name_of_the_setting(world: World, ecd: RunningEcd) -> None:
    world.do("update source set settings = settings - 'secrets'")

    run = world.run()
    assert world.outcome(run).outcome == "failed"

    world.do("update source set settings = %s", json.dumps({"base_url": ecd.url, "secrets": {"certificate": "/nowhere"}}))
    run = world.run()
    assert world.outcome(run).error_code == "config"
    assert "secret 'certificate' can't be read" in world.outcome(run).error_detail


def test_a_connector_that_is_not_installed_is_a_failed_run_of_that_source_only(world: World) -> None:
    world.do("update source set connector = 'nobody-has-this'")

    run = plan_run(world.gateway, world.org, world.source)

    assert finish_run(world.gateway, world.org, run) == "failed"
    assert world.outcome(run).error_code == "config"


def test_a_record_with_an_impossible_date_is_journalled_like_any_other(world: World, ecd: RunningEcd) -> None:
    [planted] = ecd.sample("plant", what="impossible_date")["changes"]

    run = world.run()

    assert world.outcome(run).outcome == "done"
    head = world.heads("reports")[planted["key"]]
    assert head.state == "waiting"
    assert b"2026-02-30T25:61" in body_of(world.ring, head)


def test_an_incomplete_list_of_keys_deletes_nothing(world: World, ecd: RunningEcd) -> None:
    world.run()
    known = len(world.heads("reports"))
    world.clock.forward(hours=4)
    ecd.fault("xstream/reports/data", "truncate", times=ALWAYS)

    run = world.run()

    [keys] = [row for row in world.slices(run) if row.stream == "reports" and row.reconcile]
    assert (keys.state, keys.error_code) == ("failed", "transient")
    assert len([head for head in world.heads("reports").values() if not head.deleted]) == known
    # The feed itself was read whole: its bookmark moved, only the deletions wait.
    assert (
        world.one("select updated_at from checkpoint where stream = 'reports'").updated_at
        == world.one("select finished_at from run where id = %s", run).finished_at
    )


@contextmanager
def odd_ecd(answers: dict[str, bytes]) -> Iterator[str]:
    """Serve fixed answers by path; everything else is empty."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            body = answers.get(path, b'{"carePlans":[],"agendaOccurrences":[]}' if "xstream" not in path else b"")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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


GOOD = (
    b'{"id": 1, "clientId": 5, "confidential": false, "hidden": true, "updatedAt": "2026-11-20T10:00:00.000+01:00", "x": 72.50}'
)
NO_FLAGS = b'{"id":2,"clientId":5,"comment":"geen vlaggen"}'
NO_JSON = b'{"id":3,"comment": kapot}'
NO_KEY = b"even geduld"
LAST = b'{"id":4,"confidential":true,"hidden":false}'


def test_what_cannot_be_read_as_a_record_is_set_aside_and_the_rest_is_delivered(database_url: str, ecd: RunningEcd) -> None:
    answers = {"/v0/xstream/reports/data": b"\r\n".join([GOOD, NO_FLAGS, b"", NO_JSON, NO_KEY, LAST])}
    settings = ecd.settings(reconcile_every=10)
    with odd_ecd(answers) as url, world_over(database_url, settings | {"base_url": url}) as world:
        for _ in range(2):
            run = world.run()
            assert world.outcome(run).outcome == "done"
            world.clock.forward(hours=4)

        heads = world.heads("reports")
        fates = {key.partition("-")[0]: (head.state, head.reason) for key, head in heads.items()}
        aside = ("quarantined", "structure")
        assert fates == {"1": ("waiting", None), "2": aside, "3": aside, "unreadable": aside, "4": ("waiting", None)}
        assert {body_of(world.ring, head) for head in heads.values()} == {GOOD, NO_FLAGS, NO_JSON, NO_KEY, LAST}
        assert (heads["1"].labels, heads["4"].labels) == (["hidden"], ["confidential"])
        assert world.balanced()
        assert world.one("select count(*) as n from journal where stream = 'reports'").n == 5


def test_a_record_that_the_database_cannot_hold_does_not_stop_the_others(database_url: str, ecd: RunningEcd) -> None:
    good = b'{"id":"2@2026-11-22","startsAt":"2026-11-22T10:00:00+01:00"}'
    odd = [b'{"id":"1@\\u0000","startsAt":"2026-11-22T10:00:00+01:00"}', b'{"id":"3@1","startsAt":"0001-01-01T00:00:00+01:00"}']
    answers = {
        "/v0/xstream/clients/data": b'{"id":5}\n',
        "/v0/agenda/clients/5/agenda_occurrences": b'{"agendaOccurrences":[' + b",".join([*odd, good]) + b"]}",
    }
    with odd_ecd(answers) as url, world_over(database_url, ecd.settings() | {"base_url": url}) as world:
        assert world.outcome(world.run()).outcome == "done"
        heads = world.heads("agenda").values()
        assert {body_of(world.ring, head): head.state for head in heads} == {
            good: "waiting",
            **dict.fromkeys(odd, "quarantined"),
        }


def test_where_something_unreadable_is_among_a_clients_list_nothing_is_missed(database_url: str, ecd: RunningEcd) -> None:
    plans = "/v0/administration/dossier/care_plans/by_client/5"
    answers = {"/v0/xstream/clients/data": b'{"id":5}\n', plans: b'{"carePlans":[{"id":1},{"id":2}]}'}
    with odd_ecd(answers) as url, world_over(database_url, ecd.settings() | {"base_url": url}) as world:
        world.run()
        answers[plans] = b'{"carePlans":[{"id":1},{"number":2}]}'
        world.run()
        assert not world.heads("care_plans")["2"].deleted

        answers[plans] = b'{"carePlans":[{"id":1}]}'
        world.run()
        assert world.heads("care_plans")["2"].deleted
        assert not world.heads("care_plans")["1"].deleted


def test_an_answer_that_lists_nothing_is_no_empty_list(database_url: str, ecd: RunningEcd) -> None:
    plans = "/v0/administration/dossier/care_plans/by_client/5"
    answers = {"/v0/xstream/clients/data": b'{"id":5}\n', plans: b'{"carePlans":[{"id":1}]}'}
    with odd_ecd(answers) as url, world_over(database_url, ecd.settings() | {"base_url": url}) as world:
        world.run()
        answers[plans] = b'{"message":"even geduld"}'

        run = world.run()

        assert world.outcome(run).error_code == "permanent"
        assert not world.heads("care_plans")["1"].deleted


def test_four_requests_at_once_and_no_more_over_all_workers(world: World, ecd: RunningEcd) -> None:
    run = plan_run(world.gateway, world.org, world.source)
    ecd.fault("xstream", "hold", times=4)
    contexts = [context_for(world.gateway, world.org, _row(world)) for _ in range(2)]
    other = Permits(world.gateway.database, contexts[0]._credential(), 4, patience_s=0.2)

    with ThreadPoolExecutor(4) as pool:
        reading = [pool.submit(pull_slice, world.gateway, world.org, row) for row in due_slices(world.gateway, world.org, run)]
        pause = threading.Event()
        for _ in range(400):
            if ecd.stats()["parallel"] == 4:
                break
            pause.wait(0.05)
        # Another process asks through permits of its own, and gets none.
        with pytest.raises(Throttled), other.permit():
            raise AssertionError("a fifth permit")
        ecd.behave()
        for one in reading:
            one.result()

    with other.permit():
        pass
    assert ecd.stats()["max_parallel"] == 4
    assert ecd.stats()["refused_429"] == 0
    assert world.finish(run) == "done"


def _row(world: World) -> Any:
    return world.one("select id, code, connector, settings, zone from source")


def test_no_text_of_a_record_reaches_a_log_or_an_error(world: World, ecd: RunningEcd, capfd: pytest.CaptureFixture[str]) -> None:
    words = {json.loads(line)["bsn"] for line in ecd.lines("clients")} | {
        json.loads(line)["lastName"] for line in ecd.lines("clients")
    }
    ecd.fault("xstream/clients", "truncate", times=2)
    ecd.fault("xstream/reports", "401", times=ALWAYS)

    run = world.run()

    output = capfd.readouterr()
    said = [str(row.error_detail) for row in world.slices(run)] + [str(world.outcome(run)), output.out, output.err]
    assert "slice.failed" in output.out
    assert not [word for word in words if any(word in text for text in said)]


def test_a_source_is_read_under_its_own_settings(world: World) -> None:
    source = source_of(world.gateway, world.org, world.source)
    assert source.context.zone == "Europe/Amsterdam"
    assert source.max_vanished_share == 0.05
