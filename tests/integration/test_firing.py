"""Slots in the database: each has exactly one outcome, whoever runs it and whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.demonstration.clock import MovableClock
from gateway import keys
from gateway.database import Database
from gateway.errors import Conflict
from gateway.runtime import Gateway
from schedules.firing import LEASE, claim_due, finish, renew
from schedules.listing import past

MORNING = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
SEVEN = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
ORG = 1


class Office:
    """A gateway with one schedule and a clock that can be moved."""

    def __init__(self, dsn: str) -> None:
        self.clock = MovableClock(MORNING)
        self.database = Database(dsn, clock=self.clock, max_size=4)
        ring = keys.generate()
        self.gateway = Gateway(database=self.database, clock=self.clock, keys=lambda _: ring)
        with self.database.transaction(None) as db:
            db.execute("insert into organisation (code, name) values ('delinde', 'Thuiszorg De Linde')")
        with self.database.transaction(ORG) as db:
            hours = [7, 11, 15, 19, 23]
            values = (ORG, "portals", "Europe/Amsterdam", hours, MORNING)
            db.execute("insert into schedule (org, code, zone, hours, since) values (%s, %s, %s, %s, %s)", values)

    def outcomes(self) -> dict[datetime, tuple[Any, Any]]:
        return {slot.slot: (slot.outcome, slot.reason) for slot in past(self.gateway, ORG, 100)}


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    office = Office(database_url)
    yield office
    office.database.close()


def test_nothing_is_due_before_the_slot(office: Office) -> None:
    assert claim_due(office.gateway, ORG) is None


def test_a_due_slot_is_run_by_one_of_many_that_ask_at_once(office: Office) -> None:
    office.clock.move_to(SEVEN)

    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda _: claim_due(office.gateway, ORG), range(4)))

    won = [claim for claim in claims if claim is not None]
    assert [claim.slot for claim in won] == [SEVEN]
    finish(office.gateway, won[0], "ran")
    assert office.outcomes() == {SEVEN: ("ran", None)}


def test_missed_slots_coalesce_into_the_newest_once(office: Office) -> None:
    office.clock.move_to(SEVEN + timedelta(days=1, hours=1))

    claim = claim_due(office.gateway, ORG)

    assert claim is not None
    finish(office.gateway, claim, "ran")
    outcomes = office.outcomes()
    assert len(outcomes) == 6
    assert outcomes.pop(SEVEN + timedelta(days=1)) == ("ran", None)
    assert set(outcomes.values()) == {("coalesced", "missed")}
    assert claim_due(office.gateway, ORG) is None


def test_a_slot_whose_process_died_is_gone_on_with_when_its_lease_has_run_out(office: Office) -> None:
    office.clock.move_to(SEVEN)
    dead = claim_due(office.gateway, ORG)
    assert dead is not None
    assert claim_due(office.gateway, ORG) is None

    office.clock.move_to(SEVEN + LEASE + timedelta(seconds=1))
    heir = claim_due(office.gateway, ORG)

    assert heir is not None
    assert (heir.id, heir.fence) == (dead.id, dead.fence + 1)
    with pytest.raises(Conflict):
        finish(office.gateway, dead, "ran")
    with pytest.raises(Conflict):
        renew(office.gateway, dead)
    finish(office.gateway, heir, "ran")
    assert office.outcomes() == {SEVEN: ("ran", None)}


def test_a_slot_that_was_cut_off_gives_way_to_a_newer_one(office: Office) -> None:
    office.clock.move_to(SEVEN)
    assert claim_due(office.gateway, ORG) is not None

    office.clock.move_to(SEVEN + timedelta(hours=4))
    newer = claim_due(office.gateway, ORG)

    assert newer is not None
    finish(office.gateway, newer, "ran")
    assert office.outcomes() == {SEVEN: ("coalesced", "cut-off"), SEVEN + timedelta(hours=4): ("ran", None)}
    assert claim_due(office.gateway, ORG) is None


def test_an_older_slot_that_was_cut_off_is_not_run_again_after_a_newer_one(office: Office) -> None:
    office.clock.move_to(SEVEN + timedelta(hours=4) - timedelta(seconds=30))
    assert claim_due(office.gateway, ORG) is not None

    office.clock.move_to(SEVEN + timedelta(hours=4))
    newer = claim_due(office.gateway, ORG)
    assert newer is not None
    finish(office.gateway, newer, "ran")

    office.clock.move_to(SEVEN + timedelta(hours=4, minutes=5))
    assert claim_due(office.gateway, ORG) is None
    assert office.outcomes()[SEVEN] == ("coalesced", "cut-off")
