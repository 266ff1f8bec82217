"""The sample ECD as a process of its own, spoken to over a socket."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
CERTIFICATE = "zorgsluis-DL1001-sample"
ALL = "1900-01-01T00:00:00.000"
PATIENCE_S = 20


@dataclass(frozen=True)
class Ecd:
    """A running server: ``http`` shows the certificate, the files are those that it keeps."""

    http: httpx2.Client
    truth: Path
    links: Path

    def lines(self, path: str, **query: str) -> list[Any]:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        return [json.loads(line) for line in answer.text.splitlines()]

    def sample(self, what: str, /, **body: Any) -> Any:
        answer = self.http.post(f"/_sample/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stats(self) -> Any:
        return self.http.get("/_sample/stats").json()


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it does not within the bound."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "did not come to hold in time"
        time.sleep(0.02)


@pytest.fixture
def ecd(tmp_path: Path) -> Iterator[Ecd]:
    """A server of its own for each test: most tests change something."""
    ready, truth, links = (tmp_path / name for name in ("ready.json", "truth.jsonl", "links.jsonl"))
    options = ["--clients", "25", "--days", "20", "--seed", "7", "--today", "2026-11-21", "--port", "0"]
    files = ["--truth", str(truth), "--links", str(links), "--ready", str(ready)]
    command = [sys.executable, "-W", "error", "-m", "samples.ecd", "serve", *options, *files]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            eventually(ready.exists)
            assert truth.exists(), "the truth is written before the server listens"
            base = f"http://127.0.0.1:{json.loads(ready.read_bytes())['port']}"
            headers = {"X-Client-Certificate": CERTIFICATE}
            with httpx2.Client(base_url=base, headers=headers, timeout=PATIENCE_S, trust_env=False) as http:
                yield Ecd(http=http, truth=truth, links=links)
        finally:
            process.terminate()
            output, _ = process.communicate(timeout=PATIENCE_S)
    assert output.decode().splitlines()[1:] == [], "the server has nothing to complain about"


def test_without_the_right_certificate_nothing_is_reached(ecd: Ecd) -> None:
    assert ecd.http.get("/ping").status_code == 200
    for token in ("", "someone-else"):
        answer = ecd.http.get("/ping", headers={"X-Client-Certificate": token})
        assert answer.status_code == 495
        assert "nginx" in answer.text


def test_the_streams_give_every_record_as_a_line(ecd: Ecd) -> None:
    told = {line["summary"]: line["records"] for line in map(json.loads, ecd.truth.read_text().splitlines()) if "summary" in line}

    for stream in ("clients", "relations", "employees", "reports"):
        records = ecd.lines(f"/v0/xstream/{stream}/data")
        assert len(records) == len({record["id"] for record in records}) == told[stream]
        assert ecd.lines(f"/v0/xstream/{stream}/updates", since=ALL) == records


def test_since_is_dutch_wall_time_and_inclusive(ecd: Ecd) -> None:
    moments = sorted(datetime.fromisoformat(record["updatedAt"]) for record in ecd.lines("/v0/xstream/reports/data"))
    summer = moments[0]
    winter = moments[len(moments) // 2]

    for moment in (summer, winter):
        expected = sum(one >= moment for one in moments)
        exactly = ecd.lines("/v0/xstream/reports/updates", since=_wall(moment))
        just_after = ecd.lines("/v0/xstream/reports/updates", since=_wall(moment + timedelta(milliseconds=1)))
        assert len(exactly) == expected
        assert len(just_after) < expected


def _wall(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def test_since_must_be_there_and_have_no_zone(ecd: Ecd) -> None:
    for query in ({}, {"since": "yesterday"}, {"since": "2026-11-01T00:00:00.000Z"}):
        answer = ecd.http.get("/v0/xstream/reports/updates", params=query)
        assert answer.status_code == 400
        assert answer.json()["errorResponseEntries"][0]["field"] == "since"


def test_each_part_of_the_product_has_errors_of_its_own_shape(ecd: Ecd) -> None:
    no_route = ecd.http.get("/t/clients")
    no_client = ecd.http.get("/v0/administration/clients/1")
    no_window = ecd.http.get("/v0/agenda/clients/1001/agenda_occurrences")

    assert (no_route.status_code, no_route.json()["error"]) == (404, "kamino.Error")
    assert (no_client.status_code, no_client.json()["title"]) == (404, "Client not found")
    assert no_client.headers["content-type"] == "application/json"
    assert (no_window.status_code, list(no_window.json())) == (422, ["message", "validationErrors"])


def test_only_clients_have_a_feed_of_deletes(ecd: Ecd) -> None:
    assert ecd.lines("/v0/xstream/clients/deletes", since=ALL) == []
    assert ecd.http.get("/v0/xstream/reports/deletes", params={"since": ALL}).status_code == 404

    gone = ecd.sample("change", count=1, ops=["client_deleted"])["changes"][0]["client"]

    assert [str(line["id"]) for line in ecd.lines("/v0/xstream/clients/deletes", since=ALL)] == [gone]
    assert gone not in {str(one["id"]) for one in ecd.lines("/v0/xstream/clients/data")}


def test_care_plans_and_agenda_come_by_client_in_their_wrapper(ecd: Ecd) -> None:
    for client in ecd.lines("/v0/xstream/clients/data"):
        plans = ecd.http.get(f"/v0/administration/dossier/care_plans/by_client/{client['id']}").json()["carePlans"]
        assert plans
        assert {plan["clientId"] for plan in plans} == {client["id"]}
        visits = _visits(ecd, client["id"], "2026-11-14", "2026-12-19")
        assert all(visit["agendaClientInvitations"][0]["clientId"] == client["id"] for visit in visits)
    assert ecd.http.get("/v0/administration/clients/1001").json()["id"] == 1001


def _visits(ecd: Ecd, client: int, begin: str, end: str) -> list[Any]:
    answer = ecd.http.get(f"/v0/agenda/clients/{client}/agenda_occurrences", params={"from": begin, "to": end})
    found: list[Any] = answer.json()["agendaOccurrences"]
    return found


def test_the_window_of_the_agenda_takes_in_its_first_day_and_not_its_last(ecd: Ecd) -> None:
    days = {visit["occurrenceDate"] for visit in _visits(ecd, 1001, "2026-11-14", "2026-12-19") if "@" in visit["id"]}
    day = date.fromisoformat(sorted(days)[3])

    whole = _visits(ecd, 1001, str(day), str(day + timedelta(days=1)))

    assert str(day) in {visit["occurrenceDate"] for visit in whole}
    assert all(datetime.fromisoformat(visit["startsAt"]).date() <= day for visit in whole)
    assert _visits(ecd, 1001, str(day), str(day)) == []


def test_a_fifth_request_at_once_gets_a_bare_429(ecd: Ecd) -> None:
    ecd.sample("faults", path="/v0/xstream/clients/data", kind="hold", times=4)
    with ThreadPoolExecutor(4) as pool:
        held = [pool.submit(ecd.http.get, "/v0/xstream/clients/data") for _ in range(4)]
        eventually(lambda: ecd.stats()["parallel"] == 4)
        fifth = ecd.http.get("/v0/xstream/reports/data")
        ecd.http.delete("/_sample/faults")
        answers = [one.result() for one in held]

    assert (fifth.status_code, fifth.content) == (429, b"")
    assert "retry-after" not in fifth.headers
    assert [one.status_code for one in answers] == [200] * 4
    eventually(lambda: ecd.stats()["parallel"] == 0)
    assert ecd.stats()["max_parallel"] == 4
    assert ecd.stats()["refused_429"] == 1
    assert ecd.http.get("/v0/xstream/reports/data").status_code == 200


@pytest.mark.parametrize(("kind", "status"), [("401", 401), ("429", 429), ("503", 503)])
def test_a_refusal_is_given_as_often_as_asked(ecd: Ecd, kind: str, status: int) -> None:
    ecd.sample("faults", path="/reports/", kind=kind, times=2)

    assert ecd.http.get("/v0/xstream/clients/data").status_code == 200
    statuses = [ecd.http.get("/v0/xstream/reports/data").status_code for _ in range(3)]
    assert statuses == [status, status, 200]


def test_a_truncated_stream_ends_in_the_middle_of_a_line_as_if_it_were_complete(ecd: Ecd) -> None:
    whole = ecd.http.get("/v0/xstream/reports/data").content
    ecd.sample("faults", path="/reports/data", kind="truncate")

    part = ecd.http.get("/v0/xstream/reports/data").content

    assert whole.startswith(part)
    assert 0 < len(part) < len(whole)
    with pytest.raises(json.JSONDecodeError):
        json.loads(part.splitlines()[-1])


@pytest.mark.parametrize("kind", ["down", "reset"])
def test_a_connection_can_be_lost_before_or_during_the_answer(ecd: Ecd, kind: str) -> None:
    ecd.sample("faults", path="/reports/data", kind=kind)

    with pytest.raises(httpx2.TransportError):
        ecd.http.get("/v0/xstream/reports/data")

    assert ecd.http.get("/v0/xstream/reports/data").status_code == 200


def test_a_slow_answer_is_complete(ecd: Ecd) -> None:
    ecd.sample("faults", path="/clients/data", kind="slow_header", seconds=0.05)

    assert len(ecd.lines("/v0/xstream/clients/data")) == 25
    assert ecd.stats()["faults"] == {"slow_header": 1}


def test_changes_come_with_the_next_updates_and_the_truth_is_written_anew(ecd: Ecd) -> None:
    before = ecd.truth.read_bytes()
    ecd.sample("clock", now="2026-11-21T10:40:00+01:00")

    done = ecd.sample("change", count=30, seed=4)["changes"]

    for stream in ("relations", "reports"):
        keys = {item["key"] for item in done if item["stream"] == stream and item["op"] == "upsert"}
        assert {str(one["id"]) for one in ecd.lines(f"/v0/xstream/{stream}/updates", since="2026-11-21T10:40:00.000")} == keys
    gone = {item["key"] for item in done if item["stream"] == "reports" and item["op"] == "delete"}
    assert gone
    assert not gone & {str(one["id"]) for one in ecd.lines("/v0/xstream/reports/data")}
    assert ecd.truth.read_bytes() == ecd.http.get("/_sample/truth").content != before


def test_a_level_lowered_elsewhere_can_be_told_so_that_the_truth_follows(ecd: Ecd) -> None:
    link = next(one for one in map(json.loads, ecd.links.read_text().splitlines()) if one["level"] == "private-medical")
    place = {"client": link["client"], "person": link["person"]}

    ecd.sample("links", **place, level="basic")

    lines = [json.loads(line) for line in ecd.truth.read_text().splitlines()]
    mine = [line for line in lines if line.get("member_key") == f"{link['client']}/{link['person']}"]
    assert {line["expect"] for line in mine if line["kind"] == "report"} == {"never"}
    assert {line["expect"] for line in mine if line["kind"] == "client"} == {"reduced"}
    ecd.sample("links", **place, level=None)
    assert f'"{link["client"]}/{link["person"]}"' not in ecd.truth.read_text()


def test_a_planted_date_is_served_like_any_other_record(ecd: Ecd) -> None:
    [planted] = ecd.sample("plant", what="impossible_date")["changes"]

    [record] = [one for one in ecd.lines("/v0/xstream/reports/data") if str(one["id"]) == planted["key"]]

    assert record["reportingDate"].startswith("2026-02-30")
    assert ecd.http.post("/_sample/plant", json={"what": "a tree"}).status_code == 400


def test_requests_are_counted_by_path_without_ids(ecd: Ecd) -> None:
    for client in (1001, 1002, 1003):
        _visits(ecd, client, "2026-11-14", "2026-12-19")

    assert ecd.stats()["requests"] == {"/v0/agenda/clients/{id}/agenda_occurrences": 3}
