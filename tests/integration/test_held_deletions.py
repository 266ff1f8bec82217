"""Deletions that were held are let go or refused by a person: once, in the trail, and never for what came back meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import NotFound
from gateway.reading.held import held_deletions, one_held, refuse_deletions, release_deletions
from tests.integration.intake_world import RunningEcd, World, running_ecd, world_over


@pytest.fixture
def ecd(tmp_path: Path) -> Iterator[RunningEcd]:
    with running_ecd(tmp_path) as ecd:
        yield ecd


@pytest.fixture
def world(database_url: str, ecd: RunningEcd) -> Iterator[World]:
    with world_over(database_url, ecd.settings()) as world:
        yield world


@pytest.fixture
def gone(world: World, ecd: RunningEcd) -> set[str]:
    """A quarter of the reports vanished, and their deletions are held; their keys."""
    world.run()
    quarter = len(world.heads("reports")) // 4
    changes = ecd.sample("change", count=quarter, ops=["report_deleted"])["changes"]
    next_run(world)
    return {change["key"] for change in changes}


def next_run(world: World) -> int:
    world.clock.forward(hours=4)
    return world.run()


def deleted(world: World) -> set[str]:
    return {key for key, head in world.heads("reports").items() if head.deleted}


def decisions(world: World) -> list[tuple[str, str, str, int]]:
    rows = world.rows("select agent, detail from audit_event where event = 'deletions' order by at, seq")
    return [(row.agent, row.detail["decision"], row.detail["stream"], row.detail["records"]) for row in rows]


def test_what_is_held_is_shown_with_its_keys(world: World, gone: set[str]) -> None:
    [held] = held_deletions(world.gateway, world.org)

    assert (held.source, held.stream, held.run, held.records) == ("ons", "reports", 2, len(gone))
    assert set(held.keys) == gone
    assert held.known == len(world.heads("reports"))
    assert held == one_held(world.gateway, world.org, "ons", "reports")


def test_released_deletions_are_journalled_and_the_run_is_done(world: World, gone: set[str]) -> None:
    run = world.one("select max(id) as id, max(finished_at) as ended from run")
    world.clock.forward(minutes=5)

    assert release_deletions(world.gateway, world.org, "ons", "reports", by="j.jansen").records == len(gone)

    assert deleted(world) == gone
    journalled = world.rows("select record_key, op, state from journal where run_id = %s and op = 'delete'", run.id)
    assert {row.record_key for row in journalled} == gone
    assert {row.state for row in journalled} == {"waiting"}
    assert world.outcome(run.id) == ("done", None, None)
    assert world.one("select finished_at from run where id = %s", run.id).finished_at == run.ended
    assert world.balanced()
    assert decisions(world) == [("j.jansen", "released", "reports", len(gone))]
    assert held_deletions(world.gateway, world.org) == []
    with pytest.raises(NotFound, match="held are: nothing at all"):
        release_deletions(world.gateway, world.org, "ons", "reports")
    assert next_run(world)
    assert deleted(world) == gone


def test_refused_deletions_leave_everything_until_a_next_run_misses_it_again(world: World, gone: set[str]) -> None:
    assert refuse_deletions(world.gateway, world.org, "ons", "reports").records == len(gone)

    assert deleted(world) == set()
    assert world.balanced()
    assert held_deletions(world.gateway, world.org) == []
    assert world.outcome(world.one("select max(id) as id from run").id).error_code == "deletions-refused"
    assert decisions(world) == [("operator", "refused", "reports", len(gone))]
    with pytest.raises(NotFound):
        release_deletions(world.gateway, world.org, "ons", "reports")

    next_run(world)
    [held] = held_deletions(world.gateway, world.org)
    assert set(held.keys) == gone


def test_a_record_of_which_something_newer_came_is_no_longer_among_them(world: World, gone: set[str]) -> None:
    back = min(gone)
    world.do(
        "with newer as (insert into journal (org, source_id, stream, kind, record_key, op, body_hash, received_at)"
        " select org, source_id, stream, kind, record_key, 'upsert', '\\x01', app_now() from journal"
        " where stream = 'reports' and record_key = %s limit 1 returning id)"
        " update source_record set journal_id = newer.id from newer where stream = 'reports' and record_key = %s",
        *(back, back),
    )

    assert release_deletions(world.gateway, world.org, "ons", "reports").records == len(gone) - 1
    assert deleted(world) == gone - {back}


def test_what_an_older_run_held_is_no_longer_open_once_a_newer_one_read_it_whole(world: World, gone: set[str]) -> None:
    world.do("update source set settings = settings || '{\"max_vanished_share\": 1}'")
    next_run(world)

    assert deleted(world) == gone
    assert held_deletions(world.gateway, world.org) == []


@pytest.mark.parametrize(("source", "stream"), [("ons", "agenda"), ("ons", "no-stream"), ("elsewhere", "reports")])
def test_where_nothing_is_held_the_refusal_says_what_is(world: World, gone: set[str], source: str, stream: str) -> None:
    for act in (release_deletions, refuse_deletions):
        with pytest.raises(NotFound, match=f"no deletions of {source} {stream} are held; held are: ons reports"):
            act(world.gateway, world.org, source, stream)
    assert deleted(world) == set()
    assert decisions(world) == []
