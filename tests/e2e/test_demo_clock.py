"""A demonstration has a time of its own, and every command on its folder goes by it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api.demonstration.clock import NAME, MovableClock, clock_of
from api.demonstration.linking import read_links
from api.demonstration.stage import Wishes, open_story
from api.demonstration.story import Story
from api.server import AUDIT_HEADS
from gateway.clock import system_clock
from gateway.errors import Misconfigured
from schedules.sweeper import Sweeper
from schedules.threads import Threads
from tests.conftest import reachable_folder
from tests.kills.stage import await_condition, environment

DOSSIER = (
    "select count(*) from current where member = ? and op = 'put' and type in ('Observation', 'Composition', 'CarePlan', 'Goal')"
)
WAITING = "select (select count(*) from outbox) + (select count(*) from disclose_due)"
# No rounding, no clock's granularity, no slow machine comes near; the demonstration is further away than that from any real time.
NEAR = timedelta(minutes=1)


@pytest.fixture
def world() -> Iterator[tuple[Story, dict[str, str]]]:
    """A demonstration after its first sync with its members, its gateway running."""
    wishes = Wishes(once=True, clients=4, days=7, seed=7, lie=None)
    with open_story(wishes, reachable_folder("demo-clock") / "demo", lambda _: None, lambda *_: None) as one:
        members = one.link_everybody()
        one.listen_to_the_vendor()
        one.move_to_next_slot()
        one.sync()
        one.take_in_the_rest()
        heads = one.files.folder / AUDIT_HEADS
        with Threads(2) as urgent:
            sweeper = Sweeper(
                one.installation.gateway, [one.org], slots=one.each, urgent=urgent, audit_heads=heads, on_death=lambda: None
            )
            sweeper.start()
            try:
                yield one, members
            finally:
                sweeper.stop()


def command(story: Story, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the demonstration's folder, as it says itself."""
    return run(story.files.folder, *arguments)


def run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", "--state", str(folder), *arguments],
        env={**environment(), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def dossier(story: Story, member: str) -> int:
    """Return how much of a dossier the portal holds for a member, by its own store."""
    with closing(sqlite3.connect(story.store)) as store:
        return int(store.execute(DOSSIER, (member,)).fetchone()[0])


def settled(story: Story) -> bool:
    """Tell whether nothing is left to decide or to bring."""
    with story.installation.gateway.database.transaction(story.org) as db:
        return int(db.execute(WAITING).fetchone()[0]) == 0  # type: ignore[index]


def test_a_right_given_by_a_command_is_delivered_by_the_running_demonstration_and_kept(
    world: tuple[Story, dict[str, str]],
) -> None:
    story, members = world
    one = next(link for link in read_links(story.files.links) if link["level"] == "basic")
    client, person = str(one["client"]), str(one["person"])
    member = members[f"{client}/{person}"]
    others = [key.partition("/")[2] for key in members if key.startswith(f"{client}/") and not key.endswith(f"/{person}")]
    assert dossier(story, member) == 0

    given = command(story, "grant", "set", client, person, "private-medical")
    assert given.returncode == 0, given.stderr
    assert given.stderr.count("with a clock of its own") == 1
    await_condition(lambda: dossier(story, member) > 0 and settled(story))
    held = dossier(story, member)

    changed = command(story, "grant", "set", client, others[0], "none")
    assert changed.returncode == 0, changed.stderr
    await_condition(lambda: settled(story))

    checked = command(story, "verify", "--read-back")
    assert (checked.returncode, checked.stdout) == (0, "all hold: I1 I2 I3 I4 I5 I6 I7 I8 I9 audit\n")
    assert dossier(story, member) == held


def test_the_folder_goes_by_its_own_clock_and_by_no_other_database(tmp_path: Path) -> None:
    MovableClock(datetime.fromisoformat("2026-03-02T06:30:00Z"), tmp_path).move_to(
        moment := datetime.fromisoformat("2031-03-02T07:00:00Z")
    )

    assert timedelta() <= clock_of(tmp_path)() - moment < NEAR
    refused = run(tmp_path, "db", "status", DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert refused.returncode == 3
    assert "unset DATABASE_URL" in refused.stderr


def test_a_folder_that_is_no_demonstrations_goes_by_the_machines_clock(tmp_path: Path) -> None:
    assert clock_of(tmp_path) is system_clock


@pytest.mark.parametrize("text", ["", "{}", '{"offset_s": "late"}', "7"])
def test_a_clock_that_cannot_be_read_is_refused_and_not_guessed(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)

    with pytest.raises(Misconfigured, match="run zorgsluis demo anew"):
        clock_of(tmp_path)
