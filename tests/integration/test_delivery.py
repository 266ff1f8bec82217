"""Delivery over a real database and a real portal process: what is promised when nothing goes wrong, and when consent moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.outbox import due_lanes
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal


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


def test_what_was_decided_arrives_byte_for_byte_and_the_ledger_says_so(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight", "72.50"))
    world.decide(member, rkey)

    world.deliver()

    stored = bytes(world.one("select body from resource where rkey = %s", rkey).body).decode()
    assert world.portal.holds(member) == {"Observation/weight": stored}
    assert '"value":72.50' in stored
    held = world.ledger("Observation/weight")
    assert (held.state, held.held_version, held.etag) == ("delivered", 1, 'W/"1"')
    assert held.held_hash == held.content_hash
    assert world.outbox() == []


def test_more_than_a_bundle_holds_goes_in_several_and_each_once(world: World) -> None:
    member = world.member()
    names = world.queue(member, 205)

    world.deliver()

    assert set(world.portal.holds(member)) == set(names)
    assert [version["version"] for version in world.portal.dump() if version["member"] == member] == [1] * 205


def test_each_member_gets_only_what_was_decided_for_that_member(world: World) -> None:
    one, other = world.member(), world.member()
    world.decide(one, world.store(observation("mine")))
    world.decide(other, world.store(observation("theirs")))

    world.deliver()

    assert set(world.portal.holds(one)) == {"Observation/mine"}
    assert set(world.portal.holds(other)) == {"Observation/theirs"}


def test_a_reduced_projection_leaves_only_what_it_names(world: World) -> None:
    patient = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Linde"}], "birthDate": "1940-01-01"}
    rkey = world.store(patient)
    member = world.member()
    world.decide(member, rkey, "name-only")

    world.deliver()

    [held] = world.portal.holds(member).values()
    assert "Linde" in held
    assert "1940" not in held


def test_a_newer_version_names_the_etag_of_the_one_it_replaces(world: World) -> None:
    member = world.member()
    world.decide(member, world.store(observation("weight", "72.50")))
    world.deliver()
    world.decide(member, world.store(observation("weight", "71.90")))
    world.deliver()

    held = world.ledger("Observation/weight")
    assert (held.held_version, held.etag) == (2, 'W/"2"')
    assert '"value":71.90' in world.portal.holds(member)["Observation/weight"]


def test_a_retraction_is_believed_only_after_it_was_read_back(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.deliver()
    world.clock.forward(hours=4)
    world.decide(member, rkey, None)
    world.deliver()

    gone = world.ledger("Observation/weight")
    assert (gone.state, gone.held_hash, gone.etag) == ("retracted", None, None)
    assert gone.retracted_at == world.clock()
    assert world.portal.holds(member) == {}
    assert [row.event for row in world.audited()] == ["delivery", "retraction"]


def test_what_was_retracted_and_allowed_again_arrives_again(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight"))
    for projection in ("whole", None, "whole"):
        world.decide(member, rkey, projection)
        world.deliver()

    assert set(world.portal.holds(member)) == {"Observation/weight"}
    assert [version["op"] for version in world.portal.dump() if version["member"] == member] == ["put", "delete", "put"]


def test_a_retraction_of_what_was_never_there_is_done(world: World) -> None:
    member = world.member()
    world.decide(member, world.store(observation("weight")), None)

    world.deliver()

    assert world.ledger("Observation/weight").state == "retracted"


def test_retractions_go_before_deliveries(world: World) -> None:
    member = world.member()
    old = world.store(observation("old"))
    world.decide(member, old)
    world.deliver()
    world.decide(member, world.store(observation("new")))
    world.decide(member, old, None)

    world.deliver()

    written = [(version["op"], version["id"]) for version in world.portal.dump() if version["member"] == member]
    assert written == [("put", "old"), ("delete", "old"), ("put", "new")]


def test_what_is_referred_to_goes_first_across_bundles(world: World) -> None:
    member = world.member()
    world.queue(member, 120)
    for type_ in ("PractitionerRole", "Patient", "Organization", "Practitioner"):
        world.decide(member, world.store({"resourceType": type_, "id": "x"}))

    world.deliver()

    written = [version["type"] for version in world.portal.dump() if version["member"] == member]
    assert written[:4] == ["Organization", "Practitioner", "PractitionerRole", "Patient"]


def test_a_decision_from_before_the_last_change_of_rights_is_decided_again_and_not_sent(world: World) -> None:
    member = world.member()
    world.decide(member, world.store(observation("weight")))
    world.rows("update link set epoch = epoch + 1 where id = %s", world.links[member])

    world.deliver()

    assert world.portal.holds(member) == {}
    assert [row.cause for row in world.rows("select cause from disclose_due where client_id = %s", world.client_id)] == ["epoch"]

    world.rows("update outbox set epoch = link.epoch from link where link.id = link_id")
    world.rows("delete from disclose_due")
    world.clock.forward(minutes=1)
    world.deliver()
    assert set(world.portal.holds(member)) == {"Observation/weight"}


def test_a_retraction_goes_whatever_the_epoch(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.deliver()
    world.decide(member, rkey, None)
    world.rows("update link set epoch = epoch + 1, state = 'ended' where id = %s", world.links[member])

    world.deliver()

    assert world.portal.holds(member) == {}


def test_what_its_source_deleted_waits_for_the_decision_about_it(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.rows("update resource set deleted = true, version = version + 1 where rkey = %s", rkey)

    world.deliver()

    assert world.portal.holds(member) == {}
    assert [row.sent_at for row in world.outbox()] == [None]


def test_every_delivery_leaves_an_audit_row_with_its_receipt(world: World) -> None:
    member = world.member()
    world.queue(member, 3)

    world.deliver()

    events = world.audited()
    assert [event.event for event in events] == ["delivery"] * 3
    assert {event.detail["etag"] for event in events} == {'W/"1"'}
    assert {event.detail["status"] for event in events} == {201}


def test_a_lane_with_nothing_to_do_is_not_due(world: World) -> None:
    world.queue(world.member(), 1)
    world.deliver()

    assert due_lanes(world.gateway, world.org, 10) == []
    lane = world.one("select * from lane")
    assert (lane.lease_until, lane.attempt, lane.not_before) == (None, 0, None)
