"""The properties of disclosure that apply to stored data, through the view, the ledger and the outbox, in worlds that are undone after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Rollback

from gateway.canonicalise import content_hash
from gateway.disclosure.batch import Batch
from gateway.disclosure.decide import Exclusion, Policy
from gateway.disclosure.projections import names_for, project
from gateway.jsonbytes import dumps, loads
from gateway.model import Mapped
from gateway.store import store_records
from tests.integration import store_world
from tests.integration.far_side import FarSide
from tests.unit.disclosure.cases import NOW, World, worlds
from tests.unit.disclosure.test_properties import bodies

stored = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def shared(module_database_url: str) -> Iterator[store_world.World]:
    opened = store_world.open_world(module_database_url)
    opened.clock.at = NOW
    yield opened
    opened.database.close()


@contextmanager
def far_side(shared: store_world.World, world: World) -> Iterator[FarSide]:
    """Yield the world with all that is due delivered, and undo everything."""
    with shared.database.transaction(shared.org) as db:
        side = FarSide(db, shared.org, world)
        side.settle()
        assert side.held == side.view()
        yield side
        raise Rollback


@stored
@given(world=worlds)
def test_another_grant_takes_nothing_back(shared: store_world.World, world: World) -> None:
    """Property 2: grants are monotone; nothing that was there goes or is narrowed."""
    with far_side(shared, world) as side:
        before = dict(side.held)
        side.add(Policy(grants=[world.grant]))
        side.settle()
        assert before.keys() <= side.held.keys()
        assert all(side.held[key] == "whole" for key, projection in before.items() if projection == "whole" != side.held[key])


@stored
@given(world=worlds)
def test_an_exclusion_delivers_nothing_and_leaves_nothing_of_what_it_names(shared: store_world.World, world: World) -> None:
    """Property 3: exclusions are antitone, and win."""
    with far_side(shared, world) as side:
        before = dict(side.held)
        named = Exclusion(valid_from=NOW, person=world.subscriber.person)
        side.add(Policy(exclusions=[world.exclusion]))
        side.settle()
        assert side.held.items() <= before.items()
        side.add(Policy(exclusions=[named]))
        side.settle()
        assert side.of(0) == {}


@stored
@given(world=worlds)
def test_what_is_decided_about_one_person_makes_no_work_for_another(shared: store_world.World, world: World) -> None:
    """Property 4: non-interference across people."""
    with far_side(shared, world) as side:
        before, other = side.of(1), world.subscriber.person
        side.add(
            Policy(
                grants=[replace(world.grant, person=other)],
                exclusions=[replace(world.exclusion, person=other)],
                representations=[replace(world.mandate, person=other)],
                external=[replace(world.consent, person=other)],
            )
        )
        side.disclose()
        assert all(row.link_id == side.links[0] for row in side.waiting())
        side.deliver()
        assert side.of(1) == before


@stored
@given(world=worlds)
def test_what_a_member_may_not_see_makes_no_work_however_it_changes(shared: store_world.World, world: World) -> None:
    """Property 5: non-interference of hidden data."""
    with far_side(shared, world) as side:
        before = dict(side.held)
        held = {rkey for _, rkey in before}
        side.version(2, *(rkey for rkey in side.rkeys.values() if rkey not in held))
        side.disclose()
        assert side.waiting() == []
        assert side.held == before == side.view()


@stored
@given(world=worlds)
def test_withdrawing_everything_leaves_nothing_there(shared: store_world.World, world: World) -> None:
    """Property 8: withdrawing all empties, also what may have been sent without a receipt."""
    with far_side(shared, world) as side:
        side.add(Policy(grants=[world.grant]))
        side.disclose()
        side.deliver(crash="after")
        side.become(Policy())
        side.settle()
        assert side.held == {}


@stored
@given(world=worlds)
def test_after_any_epochs_the_far_side_holds_the_view(shared: store_world.World, world: World) -> None:
    """Property 9: the ledger converges, and a second decision finds nothing to do."""
    with far_side(shared, world) as side:
        for policy in (world.later, world.policy):
            side.become(policy)
            side.disclose()
        side.settle()
        assert side.held == side.view()
        side.disclose()
        assert side.waiting() == []


@stored
@given(world=worlds)
def test_the_view_decides_a_whole_client_as_the_batch_does(shared: store_world.World, world: World) -> None:
    """Property 10: batch = single, here: one statement for all items and members."""
    with far_side(shared, world) as side:
        decided, view = Batch(NOW).client(world.items, side.subscribers, world.policy), side.view()
        for place, link in enumerate(side.links):
            for item, verdict in zip(world.items, decided.of_member(place), strict=True):
                assert view.get((link, side.rkeys[item.rkey])) == verdict.projection


@stored
@given(world=worlds)
def test_until_the_next_change_time_changes_nothing(shared: store_world.World, world: World) -> None:
    """Property 11: time shift; the client's next change is the first moment at which the view can be another."""
    with far_side(shared, world) as side:
        row = side.db.execute("select next_change_at from client where id = %s", (side.client,)).fetchone()
        last = (row.next_change_at if row and row.next_change_at else NOW + timedelta(days=20_000)) - timedelta(seconds=1)
        before = side.view()
        side.db.execute("select set_config('app.at', %s, true)", (last.isoformat(),))
        assert side.view() == before


@stored
@given(type_=st.sampled_from(("Appointment", "Patient", "RelatedPerson")), body=bodies)
def test_what_a_projection_leaves_is_what_the_store_keeps_the_hash_of(
    shared: store_world.World, type_: str, body: dict[str, object]
) -> None:
    """Property 12: a projection is idempotent, from the stored bytes as well."""
    plain = {key: value for key, value in body.items() if key not in ("serviceType", "participant") or isinstance(value, list)}
    patient, rid = shared.patient(), shared.id(type_, "projected")
    mapped = Mapped(
        type=type_,
        id=rid,
        body={"resourceType": type_, "id": rid, **plain},
        class_="agenda",
        patient=shared.id("Patient", "1001"),
    )
    with shared.database.transaction(shared.org) as db:
        entries = [shared.entry(db, *patient), shared.entry(db, "agenda", "projected", [mapped])]
        store_records(db, shared.gateway, shared.org, entries)
        row = db.execute("select rkey, body from resource where rid = %s", (rid,)).fetchone()
        assert row is not None
        hashes = {
            one.name: bytes(one.hash) for one in db.execute("select * from resource_projection where rkey = %s", (row.rkey,))
        }
        assert set(hashes) == set(names_for(type_))
        for name, digest in hashes.items():
            once = project(name, loads(bytes(row.body)))
            assert content_hash(once) == digest == content_hash(project(name, loads(dumps(once))))
        raise Rollback


STEPS = st.lists(st.sampled_from(("later", "back", "lost before", "lost after", "sent", "undone")), max_size=6)


@stored
@given(world=worlds, steps=STEPS)
def test_wherever_it_crashes_nothing_stays_that_is_not_permitted(
    shared: store_world.World, world: World, steps: list[str]
) -> None:
    """Property 13: a crash between decision and receipt, or in the decision, leaves exactly the view once all was sent."""
    with far_side(shared, world) as side:
        for step in steps:
            if step in ("later", "back"):
                side.become(world.later if step == "later" else world.policy)
                side.disclose()
            elif step == "undone":
                with side.db.transaction():
                    side.become(Policy())
                    side.disclose()
                    raise Rollback
            else:
                side.deliver(crash={"lost before": "before", "lost after": "after"}.get(step))  # type: ignore[arg-type]
        side.settle()
        assert side.held == side.view()
