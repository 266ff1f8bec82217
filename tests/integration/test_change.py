"""The change feed: in an order in which no reader misses anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.change import Position, read_changes
from gateway.database import Database
from tests.integration.store_world import World, open_world


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    yield opened
    opened.database.close()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that other transactions of the server can hold up."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"


def drain(database: Database, org: int, position: Position, seen: list[Position], limit: int = 50) -> Position:
    """Read the feed to its present end."""
    while True:
        with database.transaction(org) as db:
            found = read_changes(db, position, limit)
        if not found:
            return position
        seen.extend(change.position for change in found)
        position = found[-1].position


def test_a_reader_of_the_feed_misses_nothing_under_eight_writers_and_sees_nothing_twice(world: World) -> None:
    insert = "insert into change (org, rkey, version, op, rtype) select %s, n, 1, 'create', 'Test' from generate_series(1, %s) n"
    meeting = threading.Barrier(2)
    seen: list[Position] = []

    def write(number: int) -> None:
        for turn in range(30):
            with world.database.transaction(world.org) as db:
                db.execute(insert, (world.org, 1 + (number + turn) % 7))
                if number < 2:
                    # Two of them stay open across each other's commit, so that numbers are drawn early and committed late.
                    meeting.wait(30)
                db.execute(insert, (world.org, 1 + turn % 3))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    position = Position()
    while any(writer.is_alive() for writer in writers):
        position = drain(world.database, world.org, position, seen)
    for writer in writers:
        writer.join()
    written = {row.seq for row in world.rows("select seq from change")}

    def caught_up() -> bool:
        nonlocal position
        position = drain(world.database, world.org, position, seen)
        return len(seen) >= len(written)

    until(caught_up)
    assert [(p.xid, p.seq) for p in seen] == sorted((p.xid, p.seq) for p in seen)
    assert len(seen) == len(written)
    assert {p.seq for p in seen} == written


def test_the_feed_waits_for_a_transaction_that_drew_its_number_early(world: World) -> None:
    with world.database.transaction(world.org) as early:
        early.execute("insert into change (org, rkey, version, op, rtype) values (%s, 1, 1, 'create', 'Early')", (world.org,))
        world.store(world.report("1"))
        with world.database.transaction(world.org) as db:
            assert read_changes(db, Position()) == []

    def kinds() -> list[str]:
        with world.database.transaction(world.org) as db:
            return [change.rtype for change in read_changes(db, Position())]

    until(lambda: len(kinds()) == 2)
    assert kinds() == ["Early", "Observation"]
