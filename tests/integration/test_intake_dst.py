"""The two nights on which the clock of a source without zones jumps: nothing that changed then is lost."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.intake_world import running_ecd, world_over

# Wall times of the source with their offsets: what changes at the first is read at the second.
OCTOBER = [
    ("2026-10-25T01:50:00+02:00", "2026-10-25T02:05:00+02:00"),
    ("2026-10-25T02:30:00+02:00", "2026-10-25T02:55:00+02:00"),
    ("2026-10-25T02:20:00+01:00", "2026-10-25T02:40:00+01:00"),
    ("2026-10-25T02:59:00+01:00", "2026-10-25T03:01:00+01:00"),
]
MARCH = [
    ("2027-03-28T01:30:00+01:00", "2027-03-28T01:58:00+01:00"),
    ("2027-03-28T01:59:30+01:00", "2027-03-28T03:00:30+02:00"),
    ("2027-03-28T03:10:00+02:00", "2027-03-28T03:20:00+02:00"),
]


@pytest.mark.parametrize(("today", "night"), [("2026-10-25", OCTOBER), ("2027-03-28", MARCH)], ids=["october", "march"])
# A server may mean something else by a time without a zone than we were told: with Helsinki we ask for an hour too late.
@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "UTC", "Europe/Helsinki"])
def test_what_changes_in_the_night_that_the_clock_jumps_is_read_once(
    tmp_path: Path, database_url: str, today: str, night: list[tuple[str, str]], zone: str
) -> None:
    sample_day = datetime.fromisoformat(today).replace(day=int(today[-2:]) - 1).date().isoformat()
    with (
        running_ecd(tmp_path, clients=3, days=3, today=sample_day) as ecd,
        world_over(database_url, ecd.settings(), zone=zone) as world,
    ):
        world.clock.at = datetime.fromisoformat(night[0][0])
        world.run()
        for seed, (changed, read) in enumerate(night):
            ecd.sample("clock", now=changed)
            changes = ecd.sample("change", count=2, ops=["report_new", "report_edited"], seed=seed)["changes"]
            world.clock.at = datetime.fromisoformat(read)

            run = world.run()

            journalled = world.rows("select stream, record_key from journal where run_id = %s and stream = 'reports'", run)
            assert sorted(tuple(row) for row in journalled) == sorted((one["stream"], one["key"]) for one in changes)
        assert world.balanced()


def test_a_change_between_two_clock_jumps_of_a_slow_reading_is_read_next_time(tmp_path: Path, database_url: str) -> None:
    """A record stamped by a source whose clock is ahead of ours doesn't carry the bookmark past our own start."""
    with running_ecd(tmp_path, clients=3, days=3) as ecd, world_over(database_url, ecd.settings()) as world:
        ecd.sample("clock", now="2026-11-21T09:00:00+01:00")
        ecd.sample("change", count=1, ops=["report_edited"])

        world.run()

        bookmark = world.one("select value from checkpoint where stream = 'reports'").value
        assert datetime.fromisoformat(bookmark) == world.clock()
