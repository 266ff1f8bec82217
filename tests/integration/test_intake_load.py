"""Mapping steps back while more is pushed than it keeps up with, and never for longer than it may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import fixed_clock
from gateway.database import Database
from gateway.intake.load import MANY, PATIENCE_S, QUIET_S, SPAN_S, steps_back
from gateway.translate import map_batch
from tests.integration.inbound_world import Inbound, adt, codes, framed, inbound

NOW = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)


def sent(world: Inbound, count: int) -> None:
    with world.client() as client:
        client.send(b"".join(framed(adt(str(n))) for n in range(count)))
        assert [codes(client.ack()) for _ in range(count)] == [["AA"]] * count


def stands_back(world: Inbound, after_s: float) -> bool:
    with (
        Database(world.dsn, clock=fixed_clock(NOW + timedelta(seconds=after_s))) as database,
        database.transaction(world.org) as db,
    ):
        return steps_back(db, world.source)


def test_mapping_waits_while_much_is_coming_and_goes_on_once_it_is_quiet(database_url: str) -> None:
    with inbound(database_url, clock=fixed_clock(NOW)) as world:
        sent(world, MANY)

        assert map_batch(world.gateway, world.org, world.source) == 0
        assert {row.state for row in world.journal()} == {"waiting"}
        assert [stands_back(world, after) for after in (QUIET_S / 2, QUIET_S * 2)] == [True, False]


def test_a_few_messages_are_mapped_at_once(database_url: str) -> None:
    with inbound(database_url, clock=fixed_clock(NOW)) as world:
        sent(world, MANY - 1)
        assert not stands_back(world, 0)


@pytest.mark.parametrize("waited_s", [SPAN_S + 1, PATIENCE_S + 1])
def test_what_has_waited_long_enough_is_mapped_under_any_load(database_url: str, waited_s: float) -> None:
    """The oldest of one more than many: its age alone decides."""
    older = "update journal set received_at = received_at - make_interval(secs => %s) where id = (select min(id) from journal)"
    with inbound(database_url, clock=fixed_clock(NOW)) as world:
        sent(world, MANY + 1)
        with world.gateway.database.transaction(world.org) as db:
            db.execute(older, (waited_s,))

        assert stands_back(world, 0) == (waited_s < PATIENCE_S)


def test_what_is_read_by_runs_holds_up_no_mapping(database_url: str) -> None:
    with inbound(database_url, clock=fixed_clock(NOW)) as world:
        sent(world, MANY)
        with world.gateway.database.transaction(world.org) as db:
            run = db.execute(
                "insert into run (org, source_id, number, started_at) values (app_org(), %s, 1, app_now()) returning id",
                (world.source,),
            ).fetchone()
            assert run is not None
            db.execute("update journal set run_id = %s", (run.id,))

        assert not stands_back(world, 0)
