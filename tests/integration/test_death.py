"""What a source says of a client's death stops sharing, once, and starts it again when the source takes it back; a person has the last word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from gateway import consent
from gateway.ledger import due_now
from tests.integration.consent_acts import ALL, call, types
from tests.integration.store_world import World, filled_world

STANDS = "select stop_reason, frozen, stopped_by, deceased from client where id = %s"
TOLD = "select agent, detail from audit_event where event = 'client' and client_id = %s order by at, seq"
DIED = {"deceasedDateTime": "2026-03-01"}


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        opened.link("50", "private-medical")
        assert types(opened) == ALL
        yield opened


def stored(world: World, family: str = "Jansen", **said: Any) -> None:
    """Let the source say this of the client."""
    world.clock.pass_time(minutes=1)
    stream, key, (mapped,) = world.patient(family=family)
    world.store((stream, key, [replace(mapped, body={**mapped.body, **said})]))


def told(world: World) -> list[dict[str, Any]]:
    return [row.detail for row in world.rows(TOLD, world.client()) if row.agent == "gateway"]


@pytest.mark.parametrize(("rule", "kept"), [(True, ALL), (False, set())])
@pytest.mark.parametrize("said", [DIED, {"deceasedBoolean": True}], ids=["on a day", "just so"])
def test_a_death_at_the_source_stops_sharing_without_waiting_for_a_slot(
    world: World, said: dict[str, Any], rule: bool, kept: set[str]
) -> None:
    world.rows("update organisation set freeze_on_death = %s where id = %s returning id", rule, world.org)
    stored(world, **said)
    world.store(world.report("9"))

    assert due_now(world.gateway, world.org, 10) == [world.client()]
    assert types(world) == kept

    assert world.ref("Observation", "9") not in world.held("50")
    stands = world.one(STANDS, world.client())
    assert tuple(stands) == ("death", rule, "source", True)
    [event] = told(world)
    assert (event["stop"], event["freeze"], event["resource"]) == ("death", rule, f"Patient/{world.id('Patient', '1001')}")
    assert (event["version"], event["retracting"] > 0) == (2, not rule)


@pytest.mark.parametrize("said", [{}, {"deceasedBoolean": False}], ids=["nothing", "alive"])
def test_a_client_of_whom_no_death_is_told_is_no_more_urgent_than_before(world: World, said: dict[str, Any]) -> None:
    stored(world, family="Bos", **said)

    assert due_now(world.gateway, world.org, 10) == []
    assert types(world) == ALL
    assert told(world) == []


def test_who_restarted_by_hand_is_not_stopped_again_by_the_same_word(world: World) -> None:
    stored(world, **DIED)
    types(world)
    call(world, consent.resume)
    assert types(world) == ALL

    stored(world, family="Bos", **DIED)

    assert due_now(world.gateway, world.org, 10) == []
    assert types(world) == ALL
    assert [event["stop"] for event in told(world)] == ["death"]


def test_a_death_that_the_source_takes_back_starts_sharing_again_and_a_new_one_stops_it_again(world: World) -> None:
    world.rows("update organisation set freeze_on_death = false where id = %s returning id", world.org)
    stored(world, **DIED)
    assert types(world) == set()

    stored(world, deceasedBoolean=False)
    assert due_now(world.gateway, world.org, 10) == [world.client()]
    assert types(world) == ALL
    assert tuple(world.one(STANDS, world.client())) == (None, False, None, False)

    stored(world, **DIED)
    assert types(world) == set()
    assert [event["stop"] for event in told(world)] == ["death", None, "death"]


def test_what_was_stopped_by_hand_is_not_started_again_by_a_source(world: World) -> None:
    call(world, consent.died)
    stored(world, **DIED)
    types(world)
    stored(world, deceasedBoolean=False)
    types(world)

    assert tuple(world.one(STANDS, world.client())) == ("death", True, "operator", False)
    assert told(world) == []


@pytest.mark.parametrize("rule", [True, False], ids=["freeze", "retract"])
def test_a_death_during_a_stop_for_something_else_is_told_and_stops_sharing_when_that_stop_ends(world: World, rule: bool) -> None:
    world.rows("update organisation set freeze_on_death = %s where id = %s returning id", rule, world.org)
    call(world, consent.stop, reason="client-asked", freeze=True)
    stored(world, **DIED)
    types(world)
    stored(world, family="Bos", **DIED)
    types(world)
    [waits] = world.rows("select agent, detail from audit_event where event = 'death'")
    assert (waits.agent, waits.detail["during"], waits.detail["version"]) == ("gateway", "client-asked", 2)

    change = call(world, consent.resume)

    assert (change.stop, change.delivering) == ("death", 0)
    assert types(world) == (ALL if rule else set())
    assert tuple(world.one(STANDS, world.client())) == ("death", rule, "source", True)
    assert [row.detail["stop"] for row in world.rows(TOLD, world.client())] == ["client-asked", None, "death"]
    assert call(world, consent.resume).stop is None
    assert types(world) == ALL


def test_who_stopped_for_the_death_during_another_stop_restarts_once(world: World) -> None:
    call(world, consent.stop, reason="incident", freeze=False)
    stored(world, **DIED)
    types(world)
    call(world, consent.died)

    assert call(world, consent.resume).stop is None
    assert types(world) == ALL


def test_a_death_that_was_overruled_is_not_taken_up_by_a_later_stop(world: World) -> None:
    stored(world, **DIED)
    types(world)
    call(world, consent.resume)
    call(world, consent.stop, reason="incident", freeze=False)
    stored(world, family="Bos", **DIED)
    types(world)

    assert call(world, consent.resume).stop is None
    assert types(world) == ALL
    assert world.rows("select from audit_event where event = 'death'") == []


def test_a_death_that_is_taken_back_before_the_other_stop_ends_stops_nothing(world: World) -> None:
    call(world, consent.stop, reason="incident", freeze=False)
    stored(world, **DIED)
    types(world)
    stored(world, deceasedBoolean=False)

    assert call(world, consent.resume).stop is None
    assert types(world) == ALL


def test_nobody_is_given_a_right_to_who_died_before_the_gateway_looked(world: World) -> None:
    world.link("51")
    stored(world, **DIED)

    change = consent.set_grant(world.gateway, world.org, client="1001", person="51", level="private-medical")

    assert (change.delivering, world.one(STANDS, world.client()).stop_reason) == (0, "death")
