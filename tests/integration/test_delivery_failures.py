"""A portal that is down, refuses, throttles or loses answers: nothing is lost, nothing is written twice, and the reason shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from gateway.outbox import due_lanes, next_due_s, parked, release
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal

CAP_S = 3600.0


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


def standing(world: World) -> tuple[str | None, int]:
    row = world.one("select breaker_reason, failures from portal")
    return row.breaker_reason, row.failures


def written(world: World, member: str) -> Counter[str]:
    """Count the writes that the portal accepted, by resource."""
    return Counter(f"{version['type']}/{version['id']}" for version in world.portal.dump() if version["member"] == member)


def test_a_lost_answer_is_read_back_and_adopted_without_writing_again(world: World) -> None:
    member = world.member()
    names = world.queue(member, 7)
    world.portal.plan("reset-after-write", match=member)

    world.deliver()
    assert all(row.sent_at for row in world.outbox())
    world.clock.forward(minutes=20)
    world.deliver()

    assert written(world, member) == Counter(names)
    assert world.outbox() == []
    assert {world.ledger(name).etag for name in names} == {'W/"1"'}
    assert {event.detail["adopted"] for event in world.audited()} == {True}


def test_what_did_not_arrive_is_sent_after_it_was_looked_for(world: World) -> None:
    member = world.member()
    names = world.queue(member, 3)
    world.portal.plan("down", match=member)

    world.deliver()
    world.clock.forward(minutes=20)
    world.deliver()

    assert written(world, member) == Counter(names)
    assert world.outbox() == []


def test_a_decision_that_changed_while_the_answer_was_lost_is_carried_out_on_what_is_really_there(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight", "72.50"))
    world.decide(member, rkey)
    world.portal.plan("reset-after-write", match=member)
    world.deliver()
    world.decide(member, world.store(observation("weight", "71.90")))
    world.clock.forward(minutes=20)

    world.deliver()

    assert '"value":71.90' in world.portal.holds(member)["Observation/weight"]
    assert (world.ledger("Observation/weight").held_version, world.ledger("Observation/weight").etag) == (2, 'W/"2"')
    assert written(world, member) == Counter({"Observation/weight": 2})


def test_a_retraction_of_something_whose_delivery_is_in_doubt_takes_it_away(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.portal.plan("reset-after-write", match=member)
    world.deliver()
    world.decide(member, rkey, None)
    world.clock.forward(minutes=20)

    world.deliver()

    assert world.portal.holds(member) == {}
    assert world.ledger("Observation/weight").state == "retracted"


@pytest.mark.parametrize(("then", "told"), [("whole", "delivery"), (None, "retraction")])
def test_what_a_lost_answer_turns_out_to_have_given_is_in_the_trail_before_what_followed(
    world: World, then: str | None, told: str
) -> None:
    member = world.member()
    world.decide(member, world.store(observation("weight", "72.50")))
    world.portal.plan("reset-after-write", match=member)
    world.deliver()
    world.decide(member, world.store(observation("weight", "71.90")), then)
    world.clock.forward(minutes=20)

    world.deliver()

    given, after = world.audited()
    assert (given.event, given.detail["version"], given.detail["adopted"], given.detail["etag"]) == ("delivery", 1, True, 'W/"1"')
    assert (after.event, after.detail["adopted"]) == (told, False)


def test_what_a_member_was_known_to_hold_is_not_told_of_again_when_it_is_read_back(world: World) -> None:
    member = world.member()
    world.decide(member, world.store(observation("weight", "72.50")))
    world.deliver()
    world.decide(member, world.store(observation("weight", "71.90")))
    world.portal.plan("down", match=member)
    world.deliver()
    world.clock.forward(minutes=20)

    world.deliver()

    assert [event.detail["version"] for event in world.audited()] == [1, 2]


def test_a_lost_answer_to_a_retraction_is_settled_by_reading_back(world: World) -> None:
    member = world.member()
    rkey = world.store(observation("weight"))
    world.decide(member, rkey)
    world.deliver()
    world.decide(member, rkey, None)
    world.portal.plan("reset-after-write", match=member)

    world.deliver()
    world.clock.forward(minutes=20)
    world.deliver()

    assert world.ledger("Observation/weight").state == "retracted"
    assert [version["op"] for version in world.portal.dump() if version["member"] == member] == ["put", "delete"]


def test_one_refused_entry_is_parked_with_its_codes_and_the_rest_arrives(world: World) -> None:
    member = world.member()
    names = world.queue(member, 20)
    world.portal.plan("422-entry", match="Observation/o13$", times=None)

    world.deliver()

    assert set(world.portal.holds(member)) == set(names) - {"Observation/o13"}
    [only] = parked(world.gateway, world.org)
    assert (only.resource, only.error_code) == ("Observation/o13", "rejected")
    assert only.error_detail == "422; processing at Bundle.entry[0].resource"
    assert max(written(world, member).values()) == 1
    assert standing(world) == (None, 0)


def test_what_refers_to_a_refused_resource_waits_for_it_and_follows_it(world: World) -> None:
    member = world.member()
    for id_, refers_to in (("a", ()), ("b", ("Observation/a",)), ("c", ("Observation/b",)), ("d", ())):
        world.decide(member, world.store(observation(id_, refers_to=refers_to)))
    world.portal.plan("422-entry", match="Observation/a$", times=None)
    world.deliver()
    assert set(world.portal.holds(member)) == {"Observation/d"}
    assert [(row.resource, row.error_code, row.error_detail) for row in parked(world.gateway, world.org)][1:] == [
        ("Observation/b", "waits-for", "Observation/a"),
        ("Observation/c", "waits-for", "Observation/a"),
    ]

    world.portal.behave()
    world.decide(member, world.store(observation("a", "70.00")))
    world.deliver()

    assert set(world.portal.holds(member)) == {"Observation/a", "Observation/b", "Observation/c", "Observation/d"}
    assert parked(world.gateway, world.org) == []


def dropped(world: World, name: str) -> None:
    """Decide, as the ledger does, that what was never sent isn't to be sent."""
    world.rows("delete from outbox where ledger_id = %s", world.ledger(name).id)
    world.rows("update disclosure_ledger set content_hash = null, state = 'retracted' where id = %s", world.ledger(name).id)


def test_what_waits_for_something_that_nobody_is_to_have_any_more_goes_on(world: World) -> None:
    member = world.member()
    for id_, refers_to in (("a", ()), ("b", ()), ("c", ("Observation/a", "Observation/b"))):
        world.decide(member, world.store(observation(id_, refers_to=refers_to)))
    world.portal.plan("422-entry", match="Observation/[ab]$", times=None)
    world.deliver()

    dropped(world, "Observation/a")
    world.deliver()
    assert [(row.resource, row.error_detail) for row in parked(world.gateway, world.org)][1:] == [
        ("Observation/c", "Observation/b")
    ]

    dropped(world, "Observation/b")
    world.deliver()
    assert set(world.portal.holds(member)) == {"Observation/c"}
    assert parked(world.gateway, world.org) == []


def test_a_parked_row_that_someone_releases_is_tried_again(world: World) -> None:
    member = world.member()
    world.queue(member, 1)
    world.portal.plan("422-entry", match=member)
    world.deliver()
    [only] = parked(world.gateway, world.org)

    release(world.gateway, world.org, only.id)
    world.deliver()

    assert set(world.portal.holds(member)) == {"Observation/o0"}


@pytest.mark.parametrize("outages", [0, 3])
def test_a_newer_version_at_the_portal_than_we_know_is_reconciled_also_after_an_outage(world: World, outages: int) -> None:
    member = world.member()
    world.decide(member, world.store(observation("weight", "72.50")))
    world.deliver()
    world.rows("update disclosure_ledger set etag = 'W/\"9\"'")
    world.decide(member, world.store(observation("weight", "71.90")))
    if outages:
        world.portal.plan("503", match=member, times=outages)
    for _ in range(outages):
        world.deliver()
        world.clock.forward(minutes=20)

    world.deliver()

    assert '"value":71.90' in world.portal.holds(member)["Observation/weight"]
    assert world.outbox() == []
    assert world.ledger("Observation/weight").etag == 'W/"2"'


def test_refused_credentials_stop_the_portal_with_one_alert_and_cost_no_attempt(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.queue(world.member(), 3)
    world.portal.plan("401", times=None)

    world.deliver()
    world.clock.forward(minutes=16)
    world.deliver()

    assert standing(world)[0] == "auth 401"
    assert {(row.attempt, row.sent_at) for row in world.outbox()} == {(0, None)}
    assert capsys.readouterr().out.count("portal.stopped") == 1

    world.portal.behave()
    world.clock.forward(minutes=16)
    world.deliver()
    assert world.outbox() == []
    assert standing(world) == (None, 0)


def test_a_key_that_the_portal_does_not_know_stops_it_too(world: World, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.jwk"
    stranger.write_text(json.dumps(ECKey.generate_key("P-384", private=True).as_dict(private=True)))
    stranger.chmod(0o600)
    world.rows("update portal set settings = jsonb_set(settings, '{secrets,key}', to_jsonb(%s::text))", str(stranger))
    world.rows('update portal set settings = settings || \'{"client_id": "stranger"}\'')
    world.queue(world.member(), 1)

    world.deliver()

    assert standing(world)[0] == "auth 401"


def test_a_portal_that_asks_for_patience_is_not_called_before_its_time(world: World) -> None:
    member = world.member()
    world.queue(member, 1)
    world.portal.plan("429", match=member, retry_after=120)

    world.deliver()

    assert standing(world) == ("throttled 429", 0)
    until = world.one("select breaker_until from portal").breaker_until
    assert until - world.clock() >= timedelta(seconds=120)
    world.clock.forward(seconds=119)
    assert due_lanes(world.gateway, world.org, 10) == []
    wait = next_due_s(world.gateway, world.org)
    assert wait is not None
    world.clock.forward(seconds=wait)
    world.deliver()
    assert set(world.portal.holds(member)) == {"Observation/o0"}


def test_the_breaker_opens_at_the_fifth_failure_and_lets_one_probe_through(world: World) -> None:
    world.queue(world.member(), 1)
    world.portal.plan("503", times=None)
    for failure in range(1, 6):
        world.deliver()
        assert standing(world)[1] == failure
        world.rows("update lane set not_before = null")
    assert standing(world)[0] == "transient 503"

    assert due_lanes(world.gateway, world.org, 10) == []
    world.clock.forward(seconds=31)
    assert due_lanes(world.gateway, world.org, 10) == [world.lane]
    world.deliver()
    assert standing(world)[1] == 6
    world.clock.forward(seconds=5)
    assert due_lanes(world.gateway, world.org, 10) == []

    world.portal.behave()
    world.clock.forward(hours=1)
    world.deliver()
    assert standing(world) == (None, 0)
    assert world.outbox() == []


def test_a_failed_lane_backs_off_longer_each_time_and_never_past_the_cap(world: World) -> None:
    world.queue(world.member(), 1)
    world.portal.plan("503", times=None)
    for _ in range(4):
        world.deliver()
        lane = world.one("select * from lane")
        assert timedelta(0) <= lane.not_before - world.clock() <= timedelta(minutes=15)
        world.rows("update lane set not_before = null")
        world.clock.forward(minutes=1)
    assert lane.attempt == 4


def test_a_portal_that_falls_over_one_resource_still_gets_the_others(world: World) -> None:
    member = world.member()
    names = world.queue(member, 16)
    world.portal.plan("503", match="Observation/o5$", times=None)

    for _ in range(60):
        world.deliver()
        world.clock.forward(hours=1)

    assert set(world.portal.holds(member)) == set(names) - {"Observation/o5"}
    [left] = world.outbox()
    assert left.name == "Observation/o5"
    assert left.attempt > 4
    assert max(written(world, member).values()) == 1


def test_a_connector_that_is_not_installed_stops_its_portal_only(world: World) -> None:
    world.queue(world.member(), 1)
    world.rows("update portal set connector = 'unheard-of'")

    world.deliver()

    assert standing(world)[0] == "config"
    assert len(world.outbox()) == 1
