"""What is sent in which order and at which pace, and when a portal's failures are the fault of what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import limits
from gateway.outbox import parked, release
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


def writes(world: World, member: str, op: str) -> list[str]:
    return [write["id"] for write in world.portal.dump() if (write["member"], write["op"]) == (member, op)]


def test_what_refers_is_written_after_and_taken_back_before_what_it_refers_to(world: World) -> None:
    world.rows("update portal set max_entries = 1")
    member = world.member()
    refers = {"first": ["Observation/second"], "second": ["Observation/third"], "third": []}
    rows = [world.store(observation(name, refers_to=others)) for name, others in refers.items()]
    for rkey in rows:
        world.decide(member, rkey)
    world.deliver()
    assert writes(world, member, "put") == ["third", "second", "first"]

    for rkey in reversed(rows):
        world.decide(member, rkey, None)
    world.deliver()
    assert writes(world, member, "delete") == ["first", "second", "third"]


def test_what_refers_to_each_other_goes_together_although_a_bundle_holds_less(world: World) -> None:
    world.rows("update portal set max_entries = 1")
    member = world.member()
    for name, other in (("here", "there"), ("there", "here")):
        world.decide(member, world.store(observation(name, refers_to=[f"Observation/{other}"])))

    world.deliver()

    assert len({write["at"] for write in world.portal.dump() if write["member"] == member}) == 1
    assert world.outbox() == []


def days(world: World, member: str, count: int) -> None:
    """Let days pass in which other things are delivered every two hours."""
    for number in range(12 * count):
        world.clock.forward(hours=2)
        world.decide(member, world.store(observation(f"other{number}")))
        world.deliver()


def test_what_a_portal_fails_over_for_a_day_is_set_aside_with_its_reason_and_what_refers_to_it(world: World) -> None:
    member = world.member()
    world.portal.plan("503", match=f"{member}/Observation/poison$", times=None)
    world.decide(member, world.store(observation("poison")))
    world.decide(member, world.store(observation("refers", refers_to=["Observation/poison"])))

    days(world, member, 1)
    assert [row.state for row in world.outbox() if row.name == "Observation/poison"] == ["ready"]
    days(world, member, 1)

    cause, waiting = parked(world.gateway, world.org)
    assert (cause.resource, cause.error_code) == ("Observation/poison", "transient")
    assert "tries since 2026-11-20T07:00Z" in (cause.error_detail or "")
    assert (waiting.resource, waiting.error_code) == ("Observation/refers", "waits-for")
    assert len(world.portal.holds(member)) == 12

    world.portal.behave()
    release(world.gateway, world.org, cause.id)
    world.deliver()
    assert {"Observation/poison", "Observation/refers"} <= set(world.portal.holds(member))


def test_nothing_is_set_aside_because_a_portal_was_away_for_days(world: World) -> None:
    member = world.member()
    names = world.queue(member, 5)
    world.portal.plan("503", times=None)
    for _ in range(60):
        world.clock.forward(hours=2)
        world.deliver()
    assert {row.state for row in world.outbox()} == {"ready"}

    world.portal.behave()
    world.clock.forward(hours=2)
    world.deliver()
    assert set(world.portal.holds(member)) == set(names)
    assert parked(world.gateway, world.org) == []


def test_a_retraction_is_never_set_aside(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("poison"))
    world.decide(member, rkey)
    world.deliver()
    world.portal.plan("503", match=f"{member}/Observation/poison$", times=None)
    world.decide(member, rkey, None)

    days(world, member, 2)
    assert parked(world.gateway, world.org) == []
    world.portal.behave()
    days(world, member, 1)
    assert "Observation/poison" not in world.portal.holds(member)


def test_what_a_portal_will_not_narrow_for_a_day_is_taken_away_and_then_offered_smaller(world: World) -> None:
    member = world.member()
    rkey = world.store({"resourceType": "Appointment", "id": "a", "status": "booked", "patientInstruction": "nuchter"})
    world.decide(member, rkey)
    world.deliver()
    world.portal.plan("503", match=f"{member}/Appointment/a$", times=None)
    world.decide(member, rkey, "reduced")
    world.rows("update disclosure_ledger set state = 'retract_pending'")

    days(world, member, 2)
    assert parked(world.gateway, world.org) == []
    assert [(row.op, row.state) for row in world.outbox() if row.name == "Appointment/a"] == [("delete", "ready")]

    world.portal.behave()
    days(world, member, 1)
    assert writes(world, member, "delete") == ["a"]
    assert "nuchter" not in world.portal.holds(member)["Appointment/a"]


@pytest.mark.parametrize(
    ("manifest", "least_s"),
    [("{}", None), ('{"per_second": 5, "max_concurrency": 1}', 0.2), ('{"per_second": 8, "max_concurrency": 2}', 0.25)],
)
def test_deliveries_keep_to_what_the_portal_takes_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch, manifest: str, least_s: float | None
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(limits, "pause", waited.append)
    world.rows("update portal set settings = settings || jsonb_build_object('manifest', %s::jsonb)", manifest)
    member = world.member()
    names = world.queue(member, 3)

    world.deliver()

    assert set(world.portal.holds(member)) == set(names)
    assert bool(waited) == (least_s is not None)
    # What is left of the share once the answer is there.
    assert all(0 < seconds <= (least_s or 0) for seconds in waited)
