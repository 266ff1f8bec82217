"""Two workers and one lane: whoever lost the lease writes nothing, neither here nor at the portal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from gateway.crash import CrashPoint, crash_point
from gateway.outbox import delivery, lanes, work
from gateway.outbox.lanes import LEASE
from tests.integration.delivery_world import ROOT, RunningPortal, World, a_world, observation, running_portal

WITHIN_S = 30.0
UNFENCED = "update lane set lease_until = app_now() + %(lease)s where id = %(lane)s returning lease_until"

# A worker of its own: real clock, and it stops itself (SIGSTOP) at a point of the way, as a machine that swaps or a VM that moves does.
WORKER = """
import os, signal, sys
from pathlib import Path
from gateway import keys
from gateway.clock import system_clock
from gateway.database import Database
from gateway.outbox import delivery
from gateway.runtime import Gateway

dsn, key_file, org, lane, point = sys.argv[1:]

def stop_here(name):
    if name == point:
        os.kill(os.getpid(), signal.SIGSTOP)

delivery.crash_point = stop_here
ring = keys.load_or_create(Path(key_file))
with Database(dsn, max_size=2) as database:
    gateway = Gateway(database=database, clock=system_clock, keys=lambda _: ring)
    delivery.deliver_lane(gateway, int(org), int(lane))
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    folder: Path = tmp_path_factory.mktemp("portal")
    with running_portal(folder) as portal:
        yield portal


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    portal.behave()
    world = a_world(database_url, portal)
    with world.gateway.database:
        yield world


def stopped(process: subprocess.Popen[bytes]) -> bool:
    state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"


def stopped_worker(world: World, folder: Path, point: str) -> subprocess.Popen[bytes]:
    """Start a worker on the lane and return it once it has stopped itself at the point."""
    arguments = [world.gateway.database.dsn, folder / "keys.json", world.org, world.lane, point]
    environment = {**os.environ, "ZORGSLUIS_LEASE_S": "2"}
    process = subprocess.Popen([sys.executable, "-c", WORKER, *map(str, arguments)], cwd=ROOT, env=environment)
    end = time.monotonic() + WITHIN_S
    while not stopped(process):
        assert process.poll() is None, f"the worker ended before {point}"
        assert time.monotonic() < end, f"the worker didn't reach {point}"
        time.sleep(0.02)
    return process


def takes_over(world: World) -> None:
    """Deliver the lane here, with a clock that is past the other's lease."""
    world.clock.at = world.one("select now() as at").at
    world.clock.forward(seconds=3)
    world.deliver()


def resume(world: World, process: subprocess.Popen[bytes], lease: datetime) -> None:
    """Let the stopped worker go on once its lease is past by its own clock too, and wait for its end."""
    end = time.monotonic() + WITHIN_S
    while world.one("select now() as at").at <= lease:
        assert time.monotonic() < end, "the lease has no end"
        time.sleep(0.02)
    process.send_signal(signal.SIGCONT)
    assert process.wait(timeout=WITHIN_S) == 0


@pytest.mark.parametrize("point", ["before-write", "after-response"])
def test_a_worker_that_was_stopped_past_its_lease_writes_nothing_when_it_goes_on(
    world: World, tmp_path: Path, point: str
) -> None:
    member = world.member()
    names = world.queue(member, 5)
    process = stopped_worker(world, tmp_path, point)
    lease = world.one("select lease_until from lane").lease_until
    try:
        takes_over(world)
        settled = world.rows("select * from disclosure_ledger order by id")
        resume(world, process, lease)
    finally:
        process.kill()

    assert world.rows("select * from disclosure_ledger order by id") == settled
    written = [f"{version['type']}/{version['id']}" for version in world.portal.dump() if version["member"] == member]
    assert sorted(written) == sorted(names)
    assert len(world.audited()) == 5
    assert world.outbox() == []


def overtaken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another worker take over and deliver a newer version while this one holds an answer that it hasn't written down."""
    member = world.member()
    world.decide(member, world.store(observation("weight", "72.50")))
    visits: list[str] = []

    def meanwhile(point: CrashPoint) -> None:
        crash_point(point)
        if point == "after-response" and not visits:
            visits.append(point)
            world.clock.forward(seconds=2 * LEASE.total_seconds())
            world.decide(member, world.store(observation("weight", "71.90")))
            delivery.deliver_lane(world.gateway, world.org, world.lane)

    monkeypatch.setattr(delivery, "crash_point", meanwhile)
    delivery.deliver_lane(world.gateway, world.org, world.lane)
    assert visits


def newest_is_settled(world: World) -> bool:
    held = world.ledger("Observation/weight")
    delivered = [event.detail["version"] for event in world.audited() if event.event == "delivery"]
    return (held.held_version, held.etag, held.state) == (2, 'W/"2"', "delivered") and delivered == [1, 2]


def test_a_late_receipt_of_an_older_holder_is_not_written_over_a_newer_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    overtaken(world, monkeypatch)

    assert newest_is_settled(world)


def test_without_its_fence_the_late_receipt_would_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: the test above sees the ledger write that lost its fence."""
    monkeypatch.setattr(lanes, "HOLD", UNFENCED)

    overtaken(world, monkeypatch)

    assert not newest_is_settled(world)


def test_a_lane_that_is_held_is_neither_due_nor_taken(world: World) -> None:
    world.queue(world.member(), 1)
    world.rows("update lane set lease_until = app_now() + interval '10 seconds', fence = 7")

    delivery.deliver_lane(world.gateway, world.org, world.lane)

    assert world.one("select fence from lane").fence == 7
    assert len(world.outbox()) == 1


def test_a_lease_whose_holder_died_is_taken_over_also_without_work(world: World) -> None:
    world.rows("update lane set lease_until = app_now() - interval '1 second'")

    world.deliver()

    assert world.one("select lease_until from lane").lease_until is None


def test_a_write_is_not_begun_in_the_last_part_of_a_lease(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    member = world.member()
    world.queue(member, 1)
    real = work.mark

    def slowly(lane: lanes.Lane, batch: work.Batch) -> list[work.Sending]:
        sent = real(lane, batch)
        world.clock.forward(seconds=LEASE.total_seconds() - 1)
        return sent

    monkeypatch.setattr(delivery, "mark", slowly)
    delivery.deliver_lane(world.gateway, world.org, world.lane)

    assert world.portal.holds(member) == {}
    assert [row.sent_at is not None for row in world.outbox()] == [True]
