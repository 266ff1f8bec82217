"""What was decided and waits to be sent is looked at once more: nothing leaves that its source, a class or the time forbids by then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway import consent
from gateway.ledger import due_now
from schedules.sweeper import sweep
from schedules.threads import Threads
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal
from tests.integration.rights_world import VISIT, at_portal, furnish, linked, stored

EVERYTHING = {"Patient/p1", "Appointment/visit", "Observation/weight"}
WEIGHT = "rtype = 'Observation' and rid = 'weight'"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    """The portal refuses everything until it behaves again."""
    portal.behave()
    portal.plan("503", times=None)
    world = a_world(database_url, portal)
    with world.gateway.database:
        furnish(world)
        yield world


def well_again(world: World, **span: float) -> None:
    world.portal.behave()
    world.clock.forward(**span)
    world.deliver()


def due_for_the_slot(world: World) -> None:
    world.rows("insert into disclose_due (org, client_id, cause) values (%s, %s, 'store')", world.org, world.client_id)


def swept(world: World) -> None:
    """Let the sweeper take two turns: one decides, and what waited for that goes with the next."""
    for _ in range(2):
        with Threads() as each:
            sweep(world.gateway, world.org, each)
        world.clock.forward(minutes=1)


@pytest.mark.parametrize(
    "change",
    ["withdrawn = true", *(f"labels = '{{{label}}}'" for label in ("confidential", "V", "hidden", "third-party"))],
)
def test_what_its_source_took_back_or_marked_while_it_waited_is_never_sent(world: World, change: str) -> None:
    member = linked(world, "private-medical")
    # The next version is stored; what the store makes due waits for the slot.
    world.rows(f"update resource set {change}, version = version + 1 where {WEIGHT}")
    due_for_the_slot(world)

    well_again(world, hours=2)
    assert "Observation/weight" not in world.portal.holds(member)

    swept(world)
    assert set(at_portal(world, member)) == EVERYTHING - {"Observation/weight"}
    assert world.outbox() == []


def test_what_became_of_another_class_while_it_waited_goes_only_as_that_and_only_to_who_may_see_that(world: World) -> None:
    basic, trusted = linked(world, "basic", "62"), linked(world, "private-medical")
    stored(world, {**VISIT, "description": "wondzorg thuis"}, "report")
    due_for_the_slot(world)

    well_again(world, hours=2)
    assert "Appointment/visit" not in {**world.portal.holds(basic), **world.portal.holds(trusted)}

    swept(world)
    assert (set(at_portal(world, basic)), set(at_portal(world, trusted))) == ({"Patient/p1"}, EVERYTHING)
    [only] = [one for one in world.portal.dump() if one["id"] == "visit" and one["member"] in (basic, trusted)]
    assert "wondzorg thuis" in only["body"]
    assert world.outbox() == []


# With the bytes as they were too: a class, a mark, and what day it is about stand beside them.
@pytest.mark.parametrize(
    "change",
    [
        "class_key = 'report', version = version + 1",
        "audience = 'provider', version = version + 1",
        "class_key = 'report'",
        "data_at = app_now() - interval '1 year'",
    ],
)
def test_what_is_judged_otherwise_now_is_never_sent_as_it_was_decided(world: World, change: str) -> None:
    member = consent.link(world.gateway, world.org, portal="familie", client=world.client_id, person="61")
    world.rows("update resource set data_at = app_now() where rid = 'visit'")
    since = world.clock() - timedelta(days=9)
    consent.set_grant(world.gateway, world.org, client=world.client_id, person="61", level="basic", data_from=since)
    world.deliver()
    world.rows(f"update resource set {change} where rid = 'visit'")
    due_for_the_slot(world)

    well_again(world, hours=2)
    assert "Appointment/visit" not in world.portal.holds(member)

    swept(world)
    assert set(at_portal(world, member)) == {"Patient/p1"}
    assert world.outbox() == []


def test_what_is_judged_otherwise_and_still_permitted_is_decided_once_and_sent_once(world: World) -> None:
    member = linked(world, "private-medical")
    # Equal bytes: there is nothing to decide otherwise, and still the lane has to drain.
    world.rows("update resource set class_key = 'report' where rid = 'visit'")
    due_for_the_slot(world)

    well_again(world, hours=2)
    swept(world)

    assert set(at_portal(world, member)) == EVERYTHING
    assert world.outbox() == world.rows("select from disclose_due") == []
    world.clock.forward(hours=2)
    swept(world)
    assert [one["id"] for one in world.portal.dump() if one["member"] == member].count("visit") == 1


def test_a_newer_version_that_is_judged_as_the_one_before_holds_nothing_up(world: World) -> None:
    member = linked(world, "private-medical")
    stored(world, observation("weight", "71.90"), "report")
    due_for_the_slot(world)

    well_again(world, hours=2)

    assert set(at_portal(world, member)) == EVERYTHING
    assert "72.50" in at_portal(world, member)["Observation/weight"]


def test_a_change_of_rights_decides_what_is_judged_otherwise_and_its_delivery_waits_for_nothing(world: World) -> None:
    world.portal.behave()
    linked(world, "private-medical")
    stored(world, {**VISIT, "description": "wondzorg thuis"}, "report")
    due_for_the_slot(world)

    other = linked(world, "private-medical", "62")

    assert set(at_portal(world, other)) == EVERYTHING


def test_a_name_of_the_directory_is_not_sent_with_what_its_member_may_no_longer_see(world: World) -> None:
    nurse = {"resourceType": "Practitioner", "id": "nurse", "name": [{"family": "Bos"}]}
    world.rows(
        "insert into class_map (org, system, class_key, class, audience) values (%s, 'test', 'nurse', 'directory', 'circle')",
        world.org,
    )
    of_nobody = stored(world, nurse, "nurse")
    world.rows("update resource set client_id = null where rkey = %s", of_nobody)
    stored(world, {**observation("weight"), "performer": [{"reference": "Practitioner/nurse"}]}, "report")
    member = linked(world, "private-medical")
    assert "Practitioner/nurse" in {row.name for row in world.outbox()}
    world.rows(f"update resource set audience = 'provider', version = version + 1 where {WEIGHT}")
    due_for_the_slot(world)

    well_again(world, hours=2)
    swept(world)

    assert set(at_portal(world, member)) == EVERYTHING - {"Observation/weight"}
    assert [one for one in world.portal.dump() if one["member"] == member and one["id"] == "nurse"] == []
    assert world.outbox() == []


def test_nothing_of_a_client_is_sent_after_a_right_ended_until_it_is_decided_again(world: World) -> None:
    ended = consent.link(world.gateway, world.org, portal="familie", client=world.client_id, person="61")
    until = world.clock() + timedelta(hours=1)
    consent.set_grant(world.gateway, world.org, client=world.client_id, person="61", level="private-medical", valid_to=until)
    stays = linked(world, "private-medical", "62")

    well_again(world, hours=2)
    assert (world.portal.holds(ended), world.portal.holds(stays)) == ({}, {})

    swept(world)
    assert (world.portal.holds(ended), set(at_portal(world, stays))) == ({}, EVERYTHING)
    assert world.outbox() == []


def test_what_the_sweeper_noticed_is_not_sent_before_it_is_decided(world: World) -> None:
    member = consent.link(world.gateway, world.org, portal="familie", client=world.client_id, person="61")
    until = world.clock() + timedelta(hours=1)
    consent.set_grant(world.gateway, world.org, client=world.client_id, person="61", level="private-medical", valid_to=until)
    world.clock.forward(hours=2)
    assert due_now(world.gateway, world.org, 10) == [world.client_id]

    well_again(world, minutes=1)

    assert world.portal.holds(member) == {}


def test_a_class_that_was_taken_away_while_its_items_waited_holds_them_until_it_is_decided(world: World) -> None:
    member = linked(world, "private-medical")
    world.rows("delete from class_map where class_key = 'report'")
    world.rows("insert into disclose_due (org, client_id, cause) values (%s, %s, 'configuration')", world.org, world.client_id)

    well_again(world, hours=2)
    assert world.portal.holds(member) == {}

    swept(world)
    assert set(at_portal(world, member)) == EVERYTHING - {"Observation/weight"}
    assert world.outbox() == []


def test_a_client_that_cannot_be_decided_becomes_due_once(world: World) -> None:
    linked(world, "private-medical")
    world.rows("update client set next_change_at = app_now()")
    for _ in range(3):
        well_again(world, hours=1)

    assert [row.cause for row in world.rows("select cause from disclose_due")] == ["epoch"]
