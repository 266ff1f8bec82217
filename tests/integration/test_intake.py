"""Reading the sample ECD into the journal, over real sockets and a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.journal import body_of
from gateway.reading import due_slices, plan_run, pull_slice
from tests.integration.intake_world import RunningEcd, World, running_ecd, world_over

STREAMS = ("clients", "relations", "employees", "reports", "care_plans", "agenda")


@pytest.fixture
def ecd(tmp_path: Path) -> Iterator[RunningEcd]:
    with running_ecd(tmp_path) as running:
        yield running


@pytest.fixture
def world(ecd: RunningEcd, database_url: str) -> Iterator[World]:
    with world_over(database_url, ecd.settings()) as world:
        yield world


def test_a_first_run_journals_every_record_with_its_own_bytes(world: World, ecd: RunningEcd) -> None:
    run = world.run()
    asked = ecd.stats()["requests"]

    assert world.outcome(run).outcome == "done"
    assert world.balanced()
    for stream in ("clients", "relations", "employees", "reports"):
        there = {str(json.loads(line)["id"]): line for line in ecd.lines(stream)}
        kept = {key: body_of(world.ring, row) for key, row in world.heads(stream).items()}
        assert kept == there
    assert set(asked.values()) == {1, len(world.heads("clients"))}


def test_bodies_are_sealed(world: World, ecd: RunningEcd) -> None:
    world.run()

    bodies = b"".join(bytes(row.body) for row in world.rows("select body from journal"))
    words = {json.loads(line)["lastName"] for line in ecd.lines("clients")} | {
        json.loads(line)["bsn"] for line in ecd.lines("clients")
    }
    assert words
    assert not [word for word in words if word and word.encode() in bodies]


def test_what_the_source_marks_is_on_the_record(world: World, ecd: RunningEcd) -> None:
    world.run()

    heads = world.heads("reports")
    for report in map(json.loads, ecd.lines("reports")):
        head = heads[str(report["id"])]
        assert set(head.labels) == {name for name in ("confidential", "hidden") if report[name]}
        assert head.origin == ("caren" if report["carenId"] else None)
        assert head.source_time.isoformat() <= world.clock().isoformat()
    assert any(head.labels for head in heads.values())


def test_a_second_run_journals_only_what_changed(world: World, ecd: RunningEcd) -> None:
    world.run()
    world.clock.forward(hours=4)
    changes = ecd.sample("change", count=14, seed=3)["changes"]

    run = world.run()

    journalled = {(row.stream, row.record_key): row.op for row in world.rows("select * from journal where run_id = %s", run)}
    assert journalled == {(change["stream"], change["key"]): change["op"] for change in changes}
    assert {change["op"] for change in changes} == {"upsert", "delete"}
    assert world.balanced()


def test_requests_grow_with_clients_only_where_there_is_no_feed(world: World, ecd: RunningEcd) -> None:
    world.run()
    world.clock.forward(hours=4)

    run = world.run()

    asked: dict[str, int] = {}
    for row in world.slices(run):
        asked[row.stream] = asked.get(row.stream, 0) + row.requests
    clients = len(world.heads("clients"))
    assert asked == {"clients": 2, "employees": 1, "relations": 2, "reports": 2, "care_plans": clients, "agenda": clients}


def test_full_lists_of_keys_are_read_as_often_as_configured(world: World, ecd: RunningEcd) -> None:
    world.do("update source set settings = settings || '{\"reconcile_every\": 3}'")
    world.run()
    [deleted] = ecd.sample("change", count=1, ops=["report_deleted"])["changes"]
    world.clock.forward(hours=4)
    world.run()
    assert not world.heads("reports")[deleted["key"]].deleted

    world.clock.forward(hours=4)
    world.run()

    assert world.heads("reports")[deleted["key"]].deleted


def test_a_deleted_client_takes_along_what_is_read_per_client(world: World, ecd: RunningEcd) -> None:
    world.run()
    world.clock.forward(hours=4)
    gone = ecd.sample("change", count=1, ops=["client_deleted"])["changes"]
    world.do("update source set settings = settings || '{\"max_vanished_share\": 1}'")

    run = world.run()

    assert world.outcome(run).outcome == "done"
    deleted = {(stream, key) for stream in STREAMS for key, head in world.heads(stream).items() if head.deleted}
    assert deleted == {(change["stream"], change["key"]) for change in gone}
    assert {"clients", "relations", "reports", "care_plans", "agenda"} == {stream for stream, _ in deleted}
    assert world.balanced()
    client = next(change["key"] for change in gone if change["stream"] == "clients")
    assert client not in {row.partition for row in world.slices(run) if row.requests}


def test_when_too_much_vanished_nothing_is_deleted_and_the_run_says_so(world: World, ecd: RunningEcd) -> None:
    world.run()
    world.clock.forward(hours=4)
    before = {key for key, head in world.heads("reports").items() if not head.deleted}
    ecd.sample("change", count=len(before) // 4, ops=["report_deleted"])
    ecd.sample("change", count=1, ops=["report_edited"])

    run = world.run()

    outcome = world.outcome(run)
    assert (outcome.outcome, outcome.error_code) == ("partly", "held-deletions")
    assert f"{len(before) // 4} of {len(before)} records vanished at once" in outcome.error_detail
    assert {key for key, head in world.heads("reports").items() if not head.deleted} == before
    assert world.balanced()

    world.do("update source set settings = settings || '{\"max_vanished_share\": 1}'")
    world.clock.forward(hours=4)
    assert world.outcome(world.run()).outcome == "done"
    assert len([head for head in world.heads("reports").values() if head.deleted]) == len(before) // 4


def test_a_visit_outside_the_window_just_read_is_not_missed(world: World, ecd: RunningEcd) -> None:
    world.run()
    known = world.heads("agenda")
    ecd.sample("clock", now="2026-12-05T06:30:00+01:00")
    world.clock.forward(days=14)

    world.run()

    later = world.heads("agenda")
    assert known.keys() < later.keys()
    assert not [key for key, head in later.items() if head.deleted]


def test_a_client_out_of_care_is_asked_for_until_its_window_is_over(world: World) -> None:
    world.run()
    client = min(world.heads("clients"))
    world.do("update source_record set day = %s where stream = 'clients' and record_key = %s", world.clock().date(), client)

    world.clock.forward(days=30)
    asked = {row.partition for row in world.slices(world.run())}
    assert client in asked

    world.clock.forward(days=30)
    asked = {row.partition for row in world.slices(world.run())}
    assert client not in asked
    assert len(asked) > 1


def test_two_workers_on_one_slice_read_it_once(world: World) -> None:
    run = plan_run(world.gateway, world.org, world.source)
    [first, *_] = due_slices(world.gateway, world.org, run)
    world.do("update slice set lease_until = app_now() + interval '1 minute', fence = fence + 1 where id = %s", first)

    pull_slice(world.gateway, world.org, first)

    assert world.one("select received from slice where id = %s", first).received == 0
    world.clock.forward(minutes=2)
    assert world.finish(run) == "done"
