"""A reading process killed with SIGKILL at the points of intake: the journal ends as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.journal import body_of
from gateway.keys import load_or_create
from gateway.postgres import Server
from tests.conftest import fresh_database
from tests.integration.intake_world import ROOT, RunningEcd, World, running_ecd, world_over

OPEN_RUN = "select id from run where outcome is null"


@pytest.fixture(scope="module")
def ecd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEcd]:
    with running_ecd(tmp_path_factory.mktemp("ecd"), clients=6) as running:
        yield running


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "delinde.json"


@pytest.fixture(scope="module")
def uninterrupted(postgres_server: Server, ecd: RunningEcd, keys: Path) -> tuple[Counter[Any], Counter[Any]]:
    with fresh_database(postgres_server) as dsn, world_over(dsn, ecd.settings(), ring=load_or_create(keys)) as world:
        assert world.outcome(world.run()).outcome == "done"
        return journal(world), bookmarks(world)


def journal(world: World) -> Counter[Any]:
    """What the journal holds, without the numbers and the sealing that differ by nature."""
    return Counter(
        (row.stream, row.record_key, row.op, body_of(world.ring, row), tuple(row.labels), row.origin, row.source_time, row.state)
        for row in world.rows("select * from journal")
    )


def bookmarks(world: World) -> Counter[Any]:
    return Counter((row.stream, row.partition, row.value) for row in world.rows("select * from checkpoint"))


def reading_process(world: World, dsn: str, keys: Path, crash: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tests.integration.intake_process"]
    arguments = [dsn, str(world.org), str(world.source), str(keys), world.clock().isoformat()]
    environment = {**os.environ, "ZORGSLUIS_CRASH": crash}
    return subprocess.run([*command, *arguments], cwd=ROOT, env=environment, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize("nth", [1, 4, 9])
@pytest.mark.parametrize("point", ["after-read", "after-journal-commit"])
def test_a_reading_killed_between_pages_is_resumed_without_loss_or_double(
    database_url: str, ecd: RunningEcd, keys: Path, uninterrupted: tuple[Counter[Any], Counter[Any]], point: str, nth: int
) -> None:
    with world_over(database_url, ecd.settings(), ring=load_or_create(keys)) as world:
        killed = reading_process(world, database_url, keys, f"{point}:{nth}")
        assert killed.returncode == -9, killed.stderr.decode()
        [run] = world.rows(OPEN_RUN)
        assert journal(world) < uninterrupted[0]

        world.clock.forward(minutes=5)

        assert world.finish(run.id) == "done"
        assert (journal(world), bookmarks(world)) == uninterrupted
        assert world.balanced()


def test_a_bookmark_never_runs_ahead_of_the_journal(
    database_url: str, ecd: RunningEcd, keys: Path, uninterrupted: tuple[Counter[Any], Counter[Any]]
) -> None:
    """Killed in every batch in turn: what isn't journalled yet is always behind the bookmark, so a fresh run finds it."""
    with world_over(database_url, ecd.settings(), ring=load_or_create(keys)) as world:
        for nth in (2, 3, 4):
            assert reading_process(world, database_url, keys, f"after-read:{nth}").returncode == -9
            world.do("update run set outcome = 'failed', finished_at = app_now() where outcome is null")
            world.do("update slice set state = 'failed' where state = 'ready'")
            world.clock.forward(hours=4)

        world.run()

        assert journal(world) == uninterrupted[0]
