"""What a portal holds other than our ledger says is found, counted with its reason, a task, and mended; a sample a night is the same for all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from connectors.portals.member_fhir.sink import MemberFhir
from gateway import consent
from gateway.connector import Context, DeliveryItem
from gateway.context import context_for
from gateway.errors import NotFound
from gateway.jsonbytes import dumps
from gateway.portals import portals
from gateway.verify.drift import Drift, drift, note, repair
from gateway.verify.portals import at_portals
from schedules.nightly import claim_night, compare_sample
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal
from tests.integration.rights_world import at_portal, furnish, granted, linked

DAY = date(2026, 11, 20)
TASKS = "select kind, detail, closed_at is null as open from task where kind = 'drift' order by id"


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
        furnish(world)
        yield world


def tamper(world: World, member: str, *items: DeliveryItem) -> None:
    """Write at the portal, behind the gateway's back."""
    [portal] = portals(world.gateway, world.org)
    portal.sink.deliver(context_for(world.gateway, world.org, portal), member, list(items))


def body(resource: dict[str, Any]) -> bytes:
    return dumps(resource)


def looked(world: World) -> Drift:
    [found], unasked = drift(world.gateway, world.org, day=DAY)
    assert unasked == []
    return found


def test_a_portal_that_holds_what_was_delivered_shows_no_drift(world: World) -> None:
    linked(world, "private-medical", "63")
    linked(world, "basic", "62")

    found = looked(world)
    assert (found.portal, len(found.members), found.any, found.because()) == ("familie", 2, False, {})
    assert found.equal == sum(len(world.portal.holds(one.member)) for one in found.members) >= 5


def test_each_kind_of_drift_is_counted_with_its_reason_and_mended(world: World) -> None:
    member = linked(world, "private-medical")
    gone = DeliveryItem(type="Appointment", id="visit", body=None)
    other = DeliveryItem(type="Observation", id="weight", body=body({**observation("weight"), "status": "amended"}))
    world.store({"resourceType": "Goal", "id": "hidden"})
    never = DeliveryItem(type="Goal", id="hidden", body=body({"resourceType": "Goal", "id": "hidden"}))
    foreign = DeliveryItem(type="Goal", id="theirs", body=body({"resourceType": "Goal", "id": "theirs"}))
    tamper(world, member, gone, other, never, foreign)

    found = looked(world)
    assert found.missing() == [f"Appointment/visit for {member}"]
    assert found.differing() == [f"Observation/weight for {member}"]
    assert found.extra() == [f"Goal/hidden for {member}", f"Goal/theirs for {member}"]
    assert found.because() == {"changed-there": 1, "never-delivered": 2, "removed-there": 1}

    assert repair(world.gateway, world.org, [found]) == 1
    world.clock.forward(minutes=1)
    world.deliver()
    assert set(at_portal(world, member)) == {"Patient/p1", "Appointment/visit", "Observation/weight", "Goal/theirs"}
    assert "72.50" in at_portal(world, member)["Observation/weight"]
    assert looked(world).because() == {"never-delivered": 1}


def test_what_was_never_delivered_and_is_there_is_in_the_trail_once_it_is_found(world: World) -> None:
    member = linked(world, "private-medical")
    rkey = world.store({"resourceType": "Goal", "id": "hidden"})
    stray = {"resourceType": "Goal", "id": "hidden", "meta": {"versionId": "1"}}
    tamper(world, member, DeliveryItem(type="Goal", id="hidden", body=body(stray)))

    repair(world.gateway, world.org, [looked(world)])
    world.deliver()

    [given, taken] = [event for event in world.audited() if event.rkey == rkey]
    assert (given.event, given.detail["resource"], given.detail["version"], given.detail["adopted"]) == (
        *("delivery", "Goal/hidden"),
        *(1, True),
    )
    assert taken.event == "retraction"


def test_what_came_back_at_the_portal_is_taken_back_again(world: World) -> None:
    member = linked(world, "private-medical")
    granted(world, "basic")
    world.clock.forward(minutes=1)
    tamper(world, member, DeliveryItem(type="Observation", id="weight", body=body(observation("weight"))))

    found = looked(world)
    assert (found.extra(), found.because()) == ([f"Observation/weight for {member}"], {"came-back": 1})

    assert repair(world.gateway, world.org, [found]) == 0
    world.deliver()
    assert set(at_portal(world, member)) == {"Patient/p1", "Appointment/visit"}
    assert not looked(world).any


def test_a_repair_by_an_old_comparison_loses_no_retraction_that_was_decided_since(world: World) -> None:
    member = linked(world, "private-medical")
    visit = at_portal(world, member)["Appointment/visit"]
    tamper(world, member, DeliveryItem(type="Appointment", id="visit", body=None))
    found = looked(world)
    assert found.missing() == [f"Appointment/visit for {member}"]
    # The portal gets it back by itself, and the right ends.
    tamper(world, member, DeliveryItem(type="Appointment", id="visit", body=visit.encode()))
    consent.withdraw(world.gateway, world.org, client=world.client_id)
    waiting = world.rows("select ledger_id, op from outbox order by id")

    repair(world.gateway, world.org, [found])

    assert world.rows("select ledger_id, op from outbox order by id") == waiting
    world.deliver()
    assert at_portal(world, member) == {}


def test_what_a_repair_corrects_is_decided_in_the_same_transaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    member = linked(world, "private-medical")
    tamper(world, member, DeliveryItem(type="Appointment", id="visit", body=None))
    found = looked(world)
    before = world.rows("select id, held_hash from disclosure_ledger order by id")
    monkeypatch.setattr("gateway.ledger.disclose_locked", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        repair(world.gateway, world.org, [found])

    assert world.rows("select id, held_hash from disclosure_ledger order by id") == before


def test_a_member_whom_the_portal_does_not_know_is_told_and_costs_no_other_its_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(world, "private-medical", "63")
    linked(world, "basic", "62")
    closed = world.one(
        "select link.member::text as member from link join person on person.id = person_id where code = '63'"
    ).member
    listing = MemberFhir.listing

    def listed(self: MemberFhir, ctx: Context, target: str) -> object:
        if target == closed:
            raise NotFound("no such member", status=404)
        return listing(self, ctx, target)

    monkeypatch.setattr(MemberFhir, "listing", listed)
    held = world.rows("select id, held_hash from disclosure_ledger order by id")

    found = looked(world)
    assert (len(found.members), found.because(), found.missing()) == (2, {"unknown-member": 1}, [])
    assert found.equal > 0
    assert repair(world.gateway, world.org, [found]) == 0
    assert world.rows("select id, held_hash from disclosure_ledger order by id") == held
    there = at_portals(world.gateway, world.org)
    assert (there.asked, there.unasked) == (["familie"], [])
    assert [one.keys for one in there.violations if "no such member" in one.what] == [(closed,)]


def test_drift_is_one_task_for_a_client_until_it_is_gone(world: World) -> None:
    member = linked(world, "private-medical")
    tamper(world, member, DeliveryItem(type="Appointment", id="visit", body=None))

    for _ in range(2):
        note(world.gateway, world.org, [looked(world)])
    assert [(row.detail, row.open) for row in world.rows(TASKS)] == [({"removed-there": 1}, True)]

    repair(world.gateway, world.org, [looked(world)])
    world.deliver()
    note(world.gateway, world.org, [looked(world)])
    assert [row.open for row in world.rows(TASKS)] == [False]


def test_the_members_of_a_night_follow_from_its_date_and_every_member_has_a_turn(world: World) -> None:
    members = {linked(world, "basic", f"person{number}") for number in range(6)}

    def asked(day: date) -> set[str]:
        found, _ = drift(world.gateway, world.org, day=day, sample=2)
        return {one.member for client in found for one in client.members}

    assert asked(DAY) == asked(DAY)
    assert len(asked(DAY)) == 2
    assert set().union(*(asked(date(2026, 12, day)) for day in range(1, 29))) == members


def test_one_process_compares_once_a_night_and_writes_down_what_it_found(world: World) -> None:
    member = linked(world, "basic")
    tamper(world, member, DeliveryItem(type="Appointment", id="visit", body=None))
    world.clock.at = datetime(2026, 11, 21, 2, 59, tzinfo=UTC)
    assert claim_night(world.gateway, world.org) is None
    world.clock.forward(minutes=1)

    night = claim_night(world.gateway, world.org)
    assert night == date(2026, 11, 21)
    assert claim_night(world.gateway, world.org) is None, "another process was first"
    compare_sample(world.gateway, world.org, night)

    row = world.one("select members, missing, extra, differing, error_code, finished_at from drift_night")
    assert (row.members, row.missing, row.extra, row.differing, row.error_code) == (1, 1, 0, 0, None)
    assert row.finished_at is not None
    assert len(world.rows(TASKS)) == 1


def test_a_portal_that_is_down_at_night_is_written_down_as_such(world: World) -> None:
    linked(world, "basic")
    world.clock.at = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    night = claim_night(world.gateway, world.org)
    assert night is not None
    world.portal.plan("down", times=None)

    assert compare_sample(world.gateway, world.org, night) == []
    assert world.one("select error_code from drift_night").error_code == "familie: transient"


def test_a_portal_that_is_down_at_night_costs_no_other_portal_its_turn(world: World) -> None:
    linked(world, "basic")
    down = {"base_url": "http://127.0.0.1:1", "secrets": {"key": str(world.portal.key)}}
    # The lower number has its turn first.
    first = world.one(
        "insert into portal (id, org, code, connector, settings) overriding system value values (-1, %s, 'buiten', 'member-fhir', %s)"
        " returning id",
        *(world.org, Jsonb(down)),
    ).id
    world.rows(
        "with elsewhere as ("
        "  insert into link (org, portal_id, client_id, person_id, member, state, linked_at)"
        "  select org, %s, client_id, person_id, gen_random_uuid(), state, linked_at from link returning id)"
        " insert into disclosure_ledger (org, portal_id, client_id, link_id, rkey, code, epoch, decided_at, state)"
        " select org, %s, client_id, elsewhere.id, rkey, code, epoch, decided_at, 'retracted' from disclosure_ledger, elsewhere",
        *(first, first),
    )
    world.clock.at = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    night = claim_night(world.gateway, world.org)
    assert night is not None

    [compared] = compare_sample(world.gateway, world.org, night)

    assert (compared.portal, compared.any) == ("familie", False)
    row = world.one("select members, missing, error_code from drift_night")
    assert (row.members, row.missing, row.error_code) == (1, 0, "buiten: transient")
