"""Each invariant, broken on purpose: ``verify`` names it with its key, and says nothing while all is well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import schedules.firing
from gateway.connector import DeliveryItem
from gateway.context import context_for
from gateway.database import Database
from gateway.portals import portals
from gateway.runtime import Gateway
from gateway.verify import CHECKS, verify
from gateway.verify.database import VALUES
from tests.integration.delivery_world import RunningPortal, World, a_world, observation, running_portal

NAME = "Observation/weight"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    folder: Path = tmp_path_factory.mktemp("portal")
    with running_portal(folder) as portal:
        yield portal


@pytest.fixture
def world(database_url: str, portal: RunningPortal) -> Iterator[World]:
    """What is held here is held by no right: the client is due, so that ledger and view aren't compared."""
    portal.behave()
    world = a_world(database_url, portal)
    with world.gateway.database:
        world.rows("insert into disclose_due (org, client_id, cause) values (%s, %s, 'store')", world.org, world.client_id)
        yield world


@pytest.fixture
def engine(world: World, database_url: str) -> Iterator[Gateway]:
    with Database(database_url, role="zorgsluis_engine", clock=world.clock) as database:
        yield Gateway(database=database, clock=world.clock, keys=lambda _: world.ring)


@pytest.fixture
def member(world: World) -> str:
    """Someone who was delivered one resource."""
    member = world.member()
    world.decide(member, world.store(observation("weight")))
    world.deliver()
    return member


def found(engine: Gateway, world: World, *, read_back: bool = False) -> list[tuple[str, str]]:
    """Return (invariant, key) of every violation."""
    # Some of these worlds get their damage by rows that no chain of the trail sealed: test_audit.py has what verify says of those.
    return [
        (one.invariant, key)
        for one in verify(engine, world.org, read_back=read_back)
        if one.invariant != "audit"
        for key in one.keys
    ]


def a_run(world: World, **slice_values: int) -> int:
    """A run of one slice of reports, with its counters."""
    values = {"received": 0, "duplicates": 0, "journalled": 0} | slice_values
    source = world.one(
        "insert into source (org, code, connector, system, zone) values (%s, 'ons', 'ons', 'ons-delinde', 'Europe/Amsterdam') returning id",
        world.org,
    ).id
    run = world.one(
        "insert into run (org, source_id, number, started_at, finished_at, outcome) values (%s, %s, 1, app_now(), app_now(), 'done')"
        " returning id",
        *(world.org, source),
    ).id
    world.rows(
        "insert into slice (org, run_id, source_id, stream, state, received, duplicates, journalled)"
        " values (%s, %s, %s, 'reports', 'done', %s, %s, %s)",
        *(world.org, run, source, values["received"], values["duplicates"], values["journalled"]),
    )
    return int(run)


def a_journal_row(world: World, run: int, state: str = "quarantined") -> int:
    row = world.one(
        "insert into journal (org, source_id, run_id, stream, kind, record_key, op, body, body_hash, received_at, state)"
        " select org, source_id, id, 'reports', 'report', '7', 'upsert', 'x', 'x', app_now(), %s from run where id = %s returning id",
        *(state, run),
    )
    return int(row.id)


def slots(world: World, *moments: str, outcome: str | None = "ran") -> None:
    schedule = world.one(
        "insert into schedule (org, code, zone, hours, since) values (%s, 'portals', 'Europe/Amsterdam', '{7,11,15,19,23}', '2026-10-01Z')"
        " on conflict (org, code) do update set zone = excluded.zone returning id",
        world.org,
    )
    for moment in moments:
        world.rows(
            "insert into run_slot (org, schedule_id, slot, outcome) values (%s, %s, %s, %s)",
            world.org,
            schedule.id,
            moment,
            outcome,
        )


def test_a_world_in_order_breaks_nothing_also_when_read_back(engine: Gateway, world: World, member: str) -> None:
    run = a_run(world, received=2, duplicates=1, journalled=1)
    a_journal_row(world, run)
    slots(world, "2026-11-20T06:00Z", "2026-11-20T10:00Z", "2026-11-20T14:00Z")

    assert verify(engine, world.org, read_back=True) == []


def test_work_that_fell_out_of_its_queue_breaks_i1(engine: Gateway, world: World, member: str) -> None:
    world.decide(member, world.store(observation("weight", "71.90")))
    world.rows("delete from outbox")

    assert found(engine, world) == [("I1", f"{NAME} for {member}")]


def test_a_retraction_that_fell_out_of_its_queue_breaks_i1(engine: Gateway, world: World, member: str) -> None:
    rkey = world.one("select rkey from resource").rkey
    world.decide(member, rkey, None)
    world.rows("delete from outbox")

    assert found(engine, world) == [("I1", f"{NAME} for {member}")]


def test_what_a_freeze_leaves_at_the_portal_breaks_nothing(engine: Gateway, world: World, member: str) -> None:
    world.rows("update disclosure_ledger set content_hash = null, projection = null, version = null, code = 'client-stop'")
    world.rows("update client set stop_reason = 'deceased', frozen = true")

    assert found(engine, world, read_back=True) == []


def test_a_view_that_the_ledger_does_not_follow_breaks_i1_unless_the_client_is_due(
    engine: Gateway, world: World, member: str
) -> None:
    world.rows(
        "insert into class_map (org, system, class_key, class, audience) values (%s, 'test', 'test', 'report', 'circle')",
        world.org,
    )
    world.rows(
        "insert into trust_grant (org, client_id, person_id, level, valid_from, status, granted_by, basis, recorded_at)"
        " select org, client_id, person_id, 'private-medical', linked_at, 'active', 'test', 'client', linked_at from link"
    )
    rkey = world.store(observation("unseen"))
    world.rows(
        "insert into resource_projection (org, rkey, name, hash) select org, rkey, 'whole', hash from resource where rkey = %s",
        rkey,
    )
    assert found(engine, world) == []
    world.rows("delete from disclose_due")

    assert found(engine, world) == [("I1", f"Observation/unseen for {member}")]


def test_a_ledger_that_the_view_contradicts_breaks_i1_unless_the_client_is_due(
    engine: Gateway, world: World, member: str
) -> None:
    assert found(engine, world) == []
    world.rows("delete from disclose_due")

    assert found(engine, world) == [("I1", f"{NAME} for {member}")]


def test_a_record_mapped_to_nothing_breaks_i1(engine: Gateway, world: World) -> None:
    run = a_run(world, received=1, journalled=1)
    journal = a_journal_row(world, run, "mapped")
    world.rows(
        "insert into source_record (org, source_id, stream, record_key, journal_id, body_hash)"
        " select org, source_id, stream, record_key, id, body_hash from journal where id = %s",
        journal,
    )

    assert found(engine, world) == [("I1", "ons-delinde/reports#7")]


def test_a_version_that_was_never_stored_breaks_i3(engine: Gateway, world: World, member: str) -> None:
    world.rows("update disclosure_ledger set held_version = 9")

    assert found(engine, world) == [("I3", f"{NAME} for {member} version 9")]


def test_an_older_version_delivered_after_a_newer_one_breaks_i3(engine: Gateway, world: World, member: str) -> None:
    world.clock.forward(hours=1)
    world.decide(member, world.store(observation("weight", "71.90")))
    world.deliver()
    assert found(engine, world) == []
    world.rows(
        "insert into audit_event (chain_id, seq, org, at, event, action, agent, link_id, rkey, detail, mac)"
        " select chain_id, seq + 1000, org, at + interval '3 hours', event, action, agent, link_id, rkey, detail, mac"
        " from audit_event where event = 'delivery' and detail ->> 'version' = '1'"
    )

    assert found(engine, world) == [("I3", f"{NAME} for {member}")]


def test_a_clock_that_was_set_back_between_two_deliveries_breaks_nothing(engine: Gateway, world: World, member: str) -> None:
    world.clock.forward(hours=-3)
    world.decide(member, world.store(observation("weight", "71.90")))
    world.deliver()
    told = world.rows("select detail ->> 'version' as version from audit_event where event = 'delivery' order by at")

    assert [row.version for row in told] == ["2", "1"]
    assert found(engine, world) == []


@pytest.mark.parametrize(("versions", "broken"), [((0, 1), False), ((1, 0), True)], ids=["in order", "out of order"])
def test_deliveries_of_before_the_trail_was_numbered_are_judged_by_their_time(
    engine: Gateway, world: World, member: str, versions: tuple[int, int], broken: bool
) -> None:
    for hours, version in zip((2, 1), versions, strict=True):
        world.rows(
            "insert into audit_event (chain_id, seq, org, at, event, action, agent, link_id, rkey, detail, mac, written)"
            " select chain_id, seq + 1000 + %s, org, at - make_interval(hours => %s), event, action, agent, link_id, rkey,"
            " jsonb_set(detail, '{version}', %s::text::jsonb), mac, null from audit_event where event = 'delivery' and written > 0",
            *(hours, hours, version),
        )

    assert found(engine, world) == ([("I3", f"{NAME} for {member}")] if broken else [])


def test_a_gap_in_history_breaks_i3(engine: Gateway, world: World, member: str) -> None:
    for value in ("71.90", "71.40"):
        world.decide(member, world.store(observation("weight", value)))
    world.deliver()
    world.rows("delete from resource_history where version = 2")

    assert found(engine, world) == [("I3", NAME)]


def test_ready_work_that_nobody_takes_breaks_i5_only_while_the_portal_is_in_use(engine: Gateway, world: World) -> None:
    world.queue(world.member(), 1)
    world.clock.forward(minutes=1)
    assert found(engine, world) == []
    world.clock.forward(minutes=2)
    assert found(engine, world) == [("I5", f"lane {world.lane}")]

    world.rows("update portal set breaker_reason = 'auth 401', breaker_until = app_now()")
    assert found(engine, world) == []


def test_a_lease_that_nobody_took_over_breaks_i6(engine: Gateway, world: World) -> None:
    world.rows("update lane set lease_until = app_now() - interval '3 minutes'")

    assert found(engine, world) == [("I6", f"lane {world.lane}")]


@pytest.mark.parametrize("counters", [{"received": 2, "journalled": 2}, {"received": 0, "journalled": 0}])
def test_a_miscounted_slice_breaks_i7(engine: Gateway, world: World, counters: dict[str, int]) -> None:
    run = a_run(world, **counters)
    a_journal_row(world, run)

    assert found(engine, world) == [("I7", f"run {run} reports")]


def test_a_slice_whose_counters_do_not_add_up_breaks_i7(engine: Gateway, world: World) -> None:
    run = a_run(world, received=5, duplicates=1, journalled=1)
    a_journal_row(world, run)

    assert [invariant for invariant, _ in found(engine, world)] == ["I7"]


def test_a_slot_without_outcome_breaks_i8(engine: Gateway, world: World) -> None:
    slots(world, "2026-11-20T06:00Z", outcome=None)

    assert found(engine, world) == [("I8", "slot 2026-11-20T06:00Z")]


def test_a_slot_that_was_left_out_breaks_i8_also_over_a_clock_change(engine: Gateway, world: World) -> None:
    slots(world, "2026-10-24T21:00Z", "2026-10-25T06:00Z", "2026-10-25T14:00Z")

    assert found(engine, world) == [("I8", "slot 2026-10-25T10:00Z")]


def test_slots_from_before_the_hours_were_changed_are_not_judged_by_those_of_today(engine: Gateway, world: World) -> None:
    slots(world, "2026-11-18T06:00Z", "2026-11-18T10:00Z", "2026-11-18T14:00Z", "2026-11-18T18:00Z", "2026-11-18T22:00Z")
    world.rows("update schedule set hours = '{7,9,11,15,19,23}', since = '2026-11-18T22:30Z'")
    assert found(engine, world) == []

    slots(world, "2026-11-19T06:00Z", "2026-11-19T10:00Z")
    assert found(engine, world) == [("I8", "slot 2026-11-19T08:00Z")]


def test_a_deleted_resource_that_kept_its_body_breaks_i9(engine: Gateway, world: World) -> None:
    rkey = world.store(observation("weight"))
    world.rows("update resource set deleted = true, body = '' where rkey = %s", rkey)
    assert found(engine, world) == []

    world.rows("update resource set body = 'x' where rkey = %s", rkey)
    assert found(engine, world) == [("I9", NAME)]


def written_directly(world: World, member: str, type_: str, id_: str, body: bytes | None) -> None:
    """Write to the portal beside the ledger, as a worker without its fence would."""
    [portal] = portals(world.gateway, world.org)
    portal.sink.deliver(context_for(world.gateway, world.org, portal), member, [DeliveryItem(type=type_, id=id_, body=body)])


def test_equal_content_written_twice_breaks_i2(engine: Gateway, world: World, member: str) -> None:
    body = world.portal.holds(member)[NAME].encode()
    written_directly(world, member, "Observation", "weight", body)

    assert found(engine, world, read_back=True) == [("I2", f"{NAME} for {member}")]


def test_equal_content_on_both_sides_of_a_retraction_breaks_nothing(engine: Gateway, world: World, member: str) -> None:
    rkey = world.one("select rkey from resource").rkey
    for projection in (None, "whole"):
        world.clock.forward(hours=1)
        world.decide(member, rkey, projection)
        world.deliver()

    assert found(engine, world, read_back=True) == []


def test_something_at_the_portal_that_nothing_explains_breaks_i4(engine: Gateway, world: World, member: str) -> None:
    written_directly(world, member, "Observation", "leak", json.dumps(observation("leak", "1")).encode())

    assert found(engine, world, read_back=True) == [("I4", f"Observation/leak for {member}")]
    [leak] = verify(engine, world.org, read_back=True)
    assert "the portal's people" in leak.remedy
    assert "--repair" not in leak.remedy


def test_a_retraction_that_was_believed_and_not_done_breaks_i4(engine: Gateway, world: World, member: str) -> None:
    world.rows("update disclosure_ledger set content_hash = null, held_hash = null, held_version = null, state = 'retracted'")

    assert found(engine, world, read_back=True) == [("I4", f"{NAME} for {member}")]


def test_other_content_than_was_delivered_breaks_i4(engine: Gateway, world: World, member: str) -> None:
    written_directly(world, member, "Observation", "weight", json.dumps(observation("weight", "1")).encode())

    assert found(engine, world, read_back=True) == [("I4", f"{NAME} for {member}")]


def test_something_delivered_that_the_portal_lost_breaks_i1(engine: Gateway, world: World, member: str) -> None:
    written_directly(world, member, "Observation", "weight", None)

    assert found(engine, world, read_back=True) == [("I1", f"{NAME} for {member}")]


def test_an_organisation_is_judged_by_its_own_rows_only(engine: Gateway, world: World, member: str) -> None:
    world.rows("update disclosure_ledger set held_version = 9")
    with engine.database.transaction(None) as db:
        other = db.execute("insert into organisation (code, name) values ('other', 'Other') returning id").fetchone()
    assert other is not None

    assert verify(engine, other.id, read_back=True) == []


def test_every_check_says_what_to_do() -> None:
    assert {check.invariant for check in CHECKS} == {"I1", "I3", "I5", "I6", "I7", "I8", "I9"}
    assert all(check.remedy and check.what for check in CHECKS)


def test_verify_knows_the_lease_of_a_slot_as_the_schedules_give_it() -> None:
    assert VALUES["slot_lease"] == schedules.firing.LEASE
