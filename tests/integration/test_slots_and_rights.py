"""Data travels at the portals' hours, a right at once: what families are told about both, on a real portal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway import consent
from gateway.config import ScheduleConfig
from schedules.firing import claim_due
from schedules.sweeper import fire, sweep
from schedules.threads import Threads
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal
from tests.integration.rights_world import at_portal, furnish, linked, stored

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NIGHT = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    folder: Path = tmp_path_factory.mktemp("portal")
    with running_portal(folder) as portal:
        yield portal


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    portal.behave()
    world = a_world(database_url, portal)
    world.clock.at = NIGHT
    with world.gateway.database:
        furnish(world)
        hours = ScheduleConfig()
        world.rows(
            "insert into schedule (org, code, zone, hours, since) values (%s, %s, %s, %s, %s)",
            *(world.org, hours.code, hours.zone, list(hours.hours), NIGHT - timedelta(days=1)),
        )
        slot = claim_due(world.gateway, world.org)
        assert slot is not None
        with Threads() as each:
            fire(world.gateway, slot, each)
        yield world


def written_at_night(world: World) -> None:
    """Let the source's next version of a report be stored, as a run does."""
    stored(world, observation("weight", "71.90"), "report")
    world.rows("insert into disclose_due (org, client_id, cause) values (%s, %s, 'store')", world.org, world.client_id)


def turn(world: World) -> datetime | None:
    """Make one turn of the sweeper: run the slot that is due, if one is, and what can't wait; return the slot in local time."""
    with Threads() as each:
        slot = claim_due(world.gateway, world.org)
        if slot is not None:
            fire(world.gateway, slot, each)
        sweep(world.gateway, world.org, each)
    return None if slot is None else slot.slot.astimezone(AMSTERDAM)


@pytest.mark.row("M12")
def test_data_of_the_night_arrives_at_seven_and_slots_are_every_four_hours_until_eleven(world: World) -> None:
    member = linked(world, "private-medical")
    written_at_night(world)

    ran = []
    for _ in range(24):
        world.clock.forward(hours=1)
        slot = turn(world)
        ran += [slot] if slot else []
        arrived = "71.90" in at_portal(world, member)["Observation/weight"]
        assert arrived == bool(ran), "not before the first slot, and with it"

    assert [slot.hour for slot in ran] == [7, 11, 15, 19, 23]


@pytest.mark.row("M12")
def test_a_missed_slot_is_made_up_for_once(world: World) -> None:
    world.clock.forward(hours=17)

    slot = turn(world)
    assert slot is not None
    assert slot.hour == 15
    assert turn(world) is None


@pytest.mark.row("M12")
def test_a_right_that_changes_between_slots_is_seen_at_the_portal_at_once(world: World) -> None:
    member = linked(world, "private-medical")
    world.clock.forward(hours=1)

    consent.set_grant(world.gateway, world.org, client=world.client_id, person="61", level="basic")
    assert turn(world) is None
    assert set(at_portal(world, member)) == {"Patient/p1", "Appointment/visit"}

    consent.unlink(world.gateway, world.org, portal="familie", client=world.client_id, person="61")
    assert turn(world) is None
    assert world.portal.holds(member) == {}


@pytest.mark.row("M12")
def test_a_portal_is_told_when_it_was_last_up_to_date_and_when_the_next_slot_is(world: World) -> None:
    world.clock.at = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    turn(world)

    with closing(sqlite3.connect(world.portal.key.parent / "store" / "portal.sqlite")) as store:
        told = store.execute("select last, next from sync_status where member = ''").fetchone()
    assert [datetime.fromisoformat(instant).astimezone(AMSTERDAM).hour for instant in told] == [11, 15]
