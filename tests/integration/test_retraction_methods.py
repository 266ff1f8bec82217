"""Taking back by the way that a portal has, against the real sample portal: gone, blanked, no longer shared, or said to stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import Config, OrganisationConfig, PortalConfig
from gateway.database import Database
from gateway.errors import Misconfigured
from gateway.installation import install
from gateway.outbox.tombstone import tombstone
from gateway.retractions import review_late, review_staying
from gateway.runtime import Gateway
from gateway.verify import verify
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal

NAME = "Observation/weight"
TASKS = "select kind, about, detail ->> 'resources' as resources, closed_at, closed_by, due_at from task order by id"


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


def taken_back_by(world: World, method: str) -> tuple[str, int]:
    """Deliver one resource to a portal of this kind, decide that it is to go, and deliver; return the member and the resource."""
    world.rows("update portal set retraction = %s", method)
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.deliver()
    assert NAME in world.portal.holds(member)
    world.decide(member, rkey, None)
    world.deliver()
    return member, rkey


@pytest.mark.parametrize("method", ["delete", "tombstone", "unshare"])
def test_what_was_taken_back_is_retracted_only_when_the_portal_shows_nothing_of_it(world: World, method: str) -> None:
    member, _ = taken_back_by(world, method)

    ledger = world.ledger(NAME)
    assert (ledger.state, ledger.held_hash, ledger.etag, world.outbox()) == ("retracted", None, None, [])
    left = world.portal.holds(member).get(NAME)
    assert left == (tombstone("Observation", "weight") or b"").decode() if method == "tombstone" else left is None
    assert "72.50" not in str(left)
    assert [event.event for event in world.audited()] == ["delivery", "retraction"]


@pytest.mark.parametrize("method", ["delete", "tombstone", "unshare"])
def test_what_was_taken_back_can_be_given_again(world: World, method: str) -> None:
    member, rkey = taken_back_by(world, method)

    world.decide(member, rkey)
    world.deliver()

    assert "72.50" in world.portal.holds(member)[NAME]
    assert (world.ledger(NAME).state, world.outbox()) == ("delivered", [])


@pytest.mark.parametrize("method", ["delete", "tombstone", "unshare"])
def test_an_answer_that_was_lost_is_read_back_and_nothing_is_taken_back_twice(world: World, method: str) -> None:
    world.rows("update portal set retraction = %s", method)
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.deliver()
    world.decide(member, rkey, None)
    world.portal.plan("reset-after-write", match=member)

    world.deliver()
    assert world.ledger(NAME).state == "retract_pending"
    world.clock.forward(minutes=20)
    world.deliver()

    assert (world.ledger(NAME).state, world.outbox()) == ("retracted", [])
    assert len([write for write in world.portal.dump() if write["member"] == member]) == 2
    assert world.audited()[-1].detail["adopted"] is True


def test_a_blanked_resource_counts_as_not_there_when_the_portal_is_read(world: World, database_url: str) -> None:
    taken_back_by(world, "tombstone")

    with Database(database_url, role="zorgsluis_engine", clock=world.clock) as database:
        engine = Gateway(database=database, clock=world.clock, keys=lambda _: world.ring)
        assert [one for one in verify(engine, world.org, read_back=True) if one.invariant != "audit"] == []


def test_a_portal_that_does_not_let_go_is_asked_until_it_does(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.deliver()
    world.portal.plan("422-entry", match=f"{member}/Observation/weight$", times=3)
    world.decide(member, rkey, None)

    for _ in range(4):
        world.deliver()
        world.clock.forward(minutes=20)

    assert world.portal.holds(member) == {}
    assert (world.ledger(NAME).state, world.outbox()) == ("retracted", [])


def test_who_may_see_less_loses_the_whole_when_the_portal_refuses_the_smaller_form(world: World) -> None:
    appointment = {
        "resourceType": "Appointment",
        "id": "a",
        "status": "booked",
        "patientInstruction": "nuchter",
        "participant": [],
    }
    member = world.member()
    rkey = world.store(appointment)
    world.decide(member, rkey)
    world.deliver()
    world.portal.plan("422-entry", match=f"{member}/Appointment/a$", times=1)
    world.decide(member, rkey, "reduced")
    world.rows("update disclosure_ledger set state = 'retract_pending'")

    for _ in range(3):
        world.deliver()
        world.clock.forward(minutes=1)

    assert [write["op"] for write in world.portal.dump() if write["member"] == member] == ["put", "delete", "put"]
    assert "nuchter" not in world.portal.holds(member)["Appointment/a"]


# Tasks ---------------------------------------------------------------------------------------------------------------------------


def staying(world: World) -> None:
    with world.gateway.database.transaction(world.org) as db:
        review_staying(db, world.client_id)


def test_what_a_portal_cannot_take_back_is_one_task_until_it_is_due_again(world: World) -> None:
    member, rkey = taken_back_by(world, "cannot")
    assert NAME in world.portal.holds(member)
    assert world.ledger(NAME).state == "cannot_retract"

    for _ in range(2):
        staying(world)
    assert [(row.kind, row.resources, row.closed_at) for row in world.rows(TASKS)] == [("cannot-retract", "1", None)]

    world.rows("update task set closed_at = app_now(), closed_by = 'operator'")
    staying(world)
    assert len(world.rows(TASKS)) == 1, "who closed it has seen to it"

    world.rows("update task set closed_at = null, closed_by = null")
    world.decide(member, rkey)
    world.deliver()
    staying(world)
    assert [row.closed_by for row in world.rows(TASKS)] == ["gateway"]


def test_a_retraction_that_takes_a_quarter_of_an_hour_is_a_task_and_after_four_hours_another(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.deliver()
    world.portal.plan("down", times=None)
    world.decide(member, rkey, None)
    asked = world.clock()

    def tasks_after(**span: float) -> list[tuple[str, bool]]:
        world.clock.forward(**span)
        world.deliver()
        review_late(world.gateway, world.org)
        return [(row.about, row.closed_at is None) for row in world.rows(TASKS)]

    assert tasks_after(minutes=14) == []
    assert tasks_after(minutes=2) == [("urgent", True)]
    assert tasks_after(minutes=20) == [("urgent", True)]
    assert (world.rows(TASKS)[0].due_at - asked).total_seconds() == 4 * 3600
    assert tasks_after(hours=4) == [("urgent", True), ("deadline", True)]
    world.portal.behave()
    assert tasks_after(minutes=20) == [("urgent", False), ("deadline", False)]
    assert world.portal.holds(member) == {}


# What a portal says of itself ----------------------------------------------------------------------------------------------------


def portal_row(database: Database, tmp_path: Path, world: World, **manifest: object) -> object:
    settings = {**world.portal.settings(), "origin": "caren", "manifest": manifest}
    portals = (PortalConfig(code="ander", connector="member-fhir", settings=settings),)
    config = Config(organisations=(OrganisationConfig(code="berk", name="De Berk", portals=portals),))
    (org,) = install(database, config, tmp_path, world.clock)
    with database.transaction(org) as db:
        return tuple(
            db.execute("select retraction, step_up, acr, max_entries, audiences from portal where code = 'ander'").fetchone()
            or ()
        )


def test_what_the_configuration_says_of_a_portal_is_what_decisions_and_delivery_judge_by(world: World, tmp_path: Path) -> None:
    database = world.gateway.database
    every = ["circle", "provider-and-trust-group", "trust-group"]

    assert portal_row(database, tmp_path, world) == ("delete", True, 2, 100, every)
    told = {"retraction": "tombstone", "step_up": False, "acr": 3, "max_entries": 7, "audiences": ["circle"]}
    assert portal_row(database, tmp_path, world, **told) == ("tombstone", False, 3, 7, ["circle"])


@pytest.mark.parametrize(
    ("manifest", "place"),
    [
        ({"retraction": "forget"}, r"settings\.manifest\.retraction"),
        ({"acr": 9}, r"settings\.manifest\.acr"),
        ({"max_entries": 0}, r"settings\.manifest\.max_entries"),
        ({"granularity": "client"}, r"settings\.manifest\.granularity"),
        ({"colour": "green"}, r"settings\.manifest has a key"),
    ],
)
def test_a_manifest_that_no_portal_can_have_is_refused_at_the_start(
    world: World, tmp_path: Path, manifest: dict[str, object], place: str
) -> None:
    with pytest.raises(Misconfigured, match=place):
        portal_row(world.gateway.database, tmp_path, world, **manifest)


def test_a_bundle_is_no_longer_than_the_portal_takes(world: World) -> None:
    world.rows("update portal set max_entries = 3")
    member = world.member()
    world.queue(member, 8)

    world.deliver()

    transactions = [write["at"] for write in world.portal.dump() if write["member"] == member]
    assert sorted(transactions.count(one) for one in set(transactions)) == [2, 3, 3]


def test_what_a_tombstone_holds_is_json_of_the_resource_it_stands_for() -> None:
    assert json.loads(tombstone("Patient", "p") or b"") == {"resourceType": "Patient", "id": "p", "active": False}
