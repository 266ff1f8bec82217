"""A worker that is killed (SIGKILL) at any point of a delivery: the next one finishes it, and nothing is written twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.delivery_world import ROOT, RunningPortal, World, a_world, observation, running_portal

POINTS = ["after-claim", "before-write", "after-write", "after-response", "between-etag-and-advance"]
WORKER = """
import sys
from pathlib import Path
from gateway import keys
from gateway.clock import system_clock
from gateway.database import Database
from gateway.outbox import deliver_lane
from gateway.runtime import Gateway

dsn, key_file, org, lane = sys.argv[1:]
ring = keys.load_or_create(Path(key_file))
with Database(dsn, max_size=2) as database:
    deliver_lane(Gateway(database=database, clock=system_clock, keys=lambda _: ring), int(org), int(lane))
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    portal.behave()
    world = a_world(database_url, portal)
    with world.gateway.database:
        yield world


def killed(world: World, folder: Path, point: str) -> None:
    """Let a worker kill itself at a point; a point that isn't reached fails."""
    arguments = [world.gateway.database.dsn, folder / "keys.json", world.org, world.lane]
    environment = {**os.environ, "ZORGSLUIS_CRASH": point}
    done = subprocess.run(
        [sys.executable, "-c", WORKER, *map(str, arguments)], cwd=ROOT, env=environment, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, f"{point} was not reached"


def later(world: World, seconds: float) -> None:
    """Go past the leases of the killed, who lived by the real clock."""
    world.clock.at = world.one("select now() as at").at
    world.clock.forward(seconds=seconds)


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_it_delivers_loses_nothing_and_writes_nothing_twice(
    world: World, tmp_path: Path, point: str
) -> None:
    member = world.member()
    names = world.queue(member, 130)

    killed(world, tmp_path, f"{point}:{1 if point == 'after-claim' else 2}")
    later(world, 120)
    world.deliver()

    written = Counter(f"{one['type']}/{one['id']}" for one in world.portal.dump() if one["member"] == member)
    assert written == Counter(names)
    assert world.outbox() == []
    assert len(world.audited()) == 130
    assert {row.state for row in world.rows("select state from disclosure_ledger")} == {"delivered"}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_it_retracts_leaves_nothing_behind(world: World, tmp_path: Path, point: str) -> None:
    member = world.member()
    rkeys = [world.store(observation(f"o{number}")) for number in range(5)]
    for rkey in rkeys:
        world.decide(member, rkey)
    world.deliver()
    for rkey in rkeys:
        world.decide(member, rkey, None)

    killed(world, tmp_path, point)
    later(world, 120)
    world.deliver()

    assert world.portal.holds(member) == {}
    written = [(one["op"], one["id"]) for one in world.portal.dump() if one["member"] == member]
    assert sorted(written) == sorted((op, f"o{number}") for op in ("put", "delete") for number in range(5))
    assert {row.state for row in world.rows("select state from disclosure_ledger")} == {"retracted"}


def test_a_worker_killed_at_the_takeover_leaves_the_lane_to_the_next(world: World, tmp_path: Path) -> None:
    member = world.member()
    names = world.queue(member, 3)
    world.rows("update lane set lease_until = app_now()")
    later(world, 0)

    killed(world, tmp_path, "at-lease-takeover")
    later(world, 120)
    world.deliver()

    assert set(world.portal.holds(member)) == set(names)
    assert world.one("select fence from lane").fence == 2
