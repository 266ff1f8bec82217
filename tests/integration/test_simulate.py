"""What a change would do: the figures of the real change, and no trace of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import consent
from gateway.database import Connection
from gateway.errors import NotFound
from gateway.insight.simulate import (
    Counts,
    Simulation,
    simulate,
    simulate_change,
    simulate_exclusion,
    simulate_letter,
    simulate_stop,
    simulate_withdrawal,
)
from gateway.runtime import Gateway
from gateway.together import rehearsal
from tests.integration.store_world import START, World, filled_world

TABLES = "select tablename as name from pg_tables where schemaname = 'public' order by 1"


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url, "50", "51") as opened:
        yield opened


def everything(world: World) -> dict[str, list[str]]:
    """Return every row of every table."""
    return {
        table.name: sorted(row.line for row in world.rows(f'select t::text as line from "{table.name}" t'))
        for table in world.rows(TABLES)
    }


def cannot_retract(world: World) -> None:
    world.rows("update portal set retraction = 'cannot' where code = 'familie' returning id")


def test_a_simulated_grant_has_the_figures_of_the_real_one(world: World) -> None:
    world.link("50", "none")
    world.link("51", "basic")
    world.deliver()

    told = simulate(world.gateway, world.org, client="1001", person="50", level="private-medical")
    change = consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")

    assert (told.total.delivering, told.total.retracting + told.total.narrowing) == (change.delivering, change.retracting)
    own = {effect.class_: effect.counts.delivering for effect in told.effects if effect.person == "50"}
    assert own == {"profile": 3, "care-team": 1, "calendar": 1, "report": 1, "directory": 3}


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("set"),
            st.sampled_from(["50", "51"]),
            st.fixed_dictionaries(
                {"level": st.sampled_from(["none", "basic", "private-medical"])},
                optional={
                    "classes": st.lists(st.sampled_from(["report", "calendar"]), unique=True),
                    "status": st.sampled_from(["active", "suspended"]),
                },
            ),
        ),
        st.tuples(
            st.just("exclude"), st.sampled_from([None, "50"]), st.fixed_dictionaries({}, optional={"class_": st.just("report")})
        ),
        st.tuples(st.just("stop"), st.none(), st.fixed_dictionaries({"freeze": st.booleans(), "reason": st.just("other")})),
        st.tuples(st.just("deliver"), st.none(), st.just({})),
    ),
    max_size=4,
)


def perform(world: World, gateway: Gateway, db: Connection, step: tuple[str, str | None, dict[str, Any]]) -> object:
    what, person, values = step
    if what == "set":
        return consent.set_grant(gateway, world.org, client="1001", person=person or "", **values)
    if what == "exclude":
        return consent.exclude(gateway, world.org, client="1001", reason_code="other", set_by="x", person=person, **values)
    if what == "stop":
        return consent.stop(gateway, world.org, client="1001", **values)
    db.execute(
        "update disclosure_ledger set state = case when content_hash is null then 'retracted' else 'delivered' end, "
        "held_hash = content_hash, held_projection = projection, held_version = version where org = %s",
        (world.org,),
    )
    return db.execute("delete from outbox where org = %s", (world.org,))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS, level=st.sampled_from(["none", "basic", "private-medical"]))
def test_whatever_went_before_a_simulation_has_the_figures_of_the_change(
    shared: World, steps: list[tuple[str, str | None, dict[str, Any]]], level: str
) -> None:
    with rehearsal(shared.gateway, shared.org) as (gateway, db):
        for step in steps:
            perform(shared, gateway, db, step)
        told = simulate(gateway, shared.org, client="1001", person="50", level=level).total
        change = consent.set_grant(gateway, shared.org, client="1001", person="50", level=level)

    assert (told.delivering, told.retracting + told.narrowing) == (change.delivering, change.retracting)


def test_the_sentence_counts_each_class_and_names_nobody(world: World) -> None:
    world.link("50", "none")

    told = simulate(world.gateway, world.org, client="1001", person="50", level="private-medical")

    assert told.nl == (
        "+9 stukken voor deze persoon (3 gegevens over zorgverleners, 3 persoonsgegevens, 1 afspraak, 1 vertrouwensgroep, "
        "1 rapportage), 0 ingetrokken."
    )
    assert told.en == (
        "+9 items for this person (3 entries on care workers, 3 personal records, 1 appointment, 1 trust group, 1 report), 0 taken back."
    )
    assert told.warnings == ()


CHANGES: list[Callable[[World], Simulation]] = [
    lambda world: simulate(world.gateway, world.org, client="1001", person="51", level="private-medical"),
    lambda world: simulate(world.gateway, world.org, client="1001", person="404", level="basic"),
    lambda world: simulate(world.gateway, world.org, client="1001", person="50", level="basic", classes=["calendar"]),
    lambda world: simulate_withdrawal(world.gateway, world.org, client="1001", person="50"),
    lambda world: simulate_exclusion(world.gateway, world.org, client="1001", class_="report"),
    lambda world: simulate_stop(world.gateway, world.org, client="1001", freeze=False),
]


@pytest.mark.parametrize("ask", CHANGES)
def test_a_simulation_leaves_every_table_as_it_was(world: World, ask: Callable[[World], Simulation]) -> None:
    world.link("50", "private-medical")
    world.link("51", "basic")
    world.deliver()
    before, hints = everything(world), list(world.hints)

    ask(world)

    assert everything(world) == before
    assert world.hints == hints


def test_a_simulation_that_is_refused_leaves_nothing_either(world: World) -> None:
    before = everything(world)

    with pytest.raises(NotFound):
        simulate_exclusion(world.gateway, world.org, client="1001", person="404")

    assert everything(world) == before


def test_setting_what_is_set_would_do_nothing(world: World) -> None:
    world.link("50", "basic")

    told = simulate(world.gateway, world.org, client="1001", person="50", level="basic")

    assert (told.effects, told.total) == ((), Counts())
    assert told.nl == "+0 stukken voor deze persoon, 0 ingetrokken."


def test_a_lower_level_takes_back_and_cuts_down_and_says_that_reading_can_not_be_undone(world: World) -> None:
    world.link("50", "private-medical")
    world.deliver()

    told = simulate(world.gateway, world.org, client="1001", person="50", level="basic")

    assert told.classes["report"] == Counts(retracting=1)
    assert told.classes["calendar"] == Counts(narrowing=1)
    assert [warned.code for warned in told.warnings] == ["read-stays-read"]
    assert "2 ingeperkt" in told.nl


def test_what_was_not_sent_yet_is_cancelled_not_taken_back(world: World) -> None:
    world.link("50", "private-medical")

    told = simulate_withdrawal(world.gateway, world.org, client="1001", person="50")

    assert told.total == Counts(cancelling=9)
    assert told.warnings == ()


def test_a_portal_that_takes_nothing_back_says_so_before_a_right_is_given(world: World) -> None:
    cannot_retract(world)
    world.link("50", "none")

    (warned,) = simulate(world.gateway, world.org, client="1001", person="50", level="private-medical").warnings

    assert (warned.code, warned.portal, warned.count) == ("cannot-retract-later", "familie", 9)
    assert "voorgoed" in warned.nl


def test_a_portal_that_takes_nothing_back_says_so_before_a_right_is_withdrawn(world: World) -> None:
    world.link("50", "private-medical")
    world.deliver()
    cannot_retract(world)

    told = simulate_withdrawal(world.gateway, world.org, client="1001", person="50")

    assert told.total.retracting == 0
    found: dict[str, Any] = {warned.code: warned.count for warned in told.warnings}
    assert found == {"cannot-retract": 9, "read-stays-read": 0}


def test_counts_are_told_per_portal(world: World) -> None:
    world.link("50", "none")
    world.link("50", portal="ander")

    told = simulate(world.gateway, world.org, client="1001", person="50", level="private-medical")

    assert {portal: counts.delivering for portal, counts in told.portals.items()} == {"familie": 9, "ander": 9}


def test_an_exclusion_of_a_class_takes_it_from_everybody(world: World) -> None:
    world.link("50", "private-medical")
    world.link("51", "private-medical")
    world.deliver()

    told = simulate_exclusion(world.gateway, world.org, client="1001", class_="report")

    assert told.classes["report"] == Counts(retracting=2)
    assert told.nl.startswith("+0 stukken voor iedereen samen, ")


def test_stopping_takes_everything_back_and_freezing_leaves_it(world: World) -> None:
    world.link("50", "private-medical")
    world.deliver()

    taken = simulate_stop(world.gateway, world.org, client="1001", freeze=False)
    frozen = simulate_stop(world.gateway, world.org, client="1001", freeze=True)

    assert taken.total == Counts(retracting=9)
    assert frozen.total == Counts(staying=9)


def test_a_right_that_begins_later_is_told_as_of_that_moment(world: World) -> None:
    world.link("50", "none")
    begins = START + timedelta(days=3)
    terms: dict[str, Any] = {
        "client": "1001",
        "person": "50",
        "level": "private-medical",
        "valid_from": begins,
        "classes": ["report"],
    }

    told = simulate(world.gateway, world.org, **terms)
    consent.set_grant(world.gateway, world.org, **terms)
    before = world.one("select count(*) as n from outbox").n
    world.clock.pass_time(days=3)
    world.disclose()

    assert (told.at, told.total.delivering) == (begins, world.one("select count(*) as n from outbox").n - before)
    assert told.total.delivering > 0


def test_an_end_to_come_is_told_as_of_that_moment_and_leaves_everything(world: World) -> None:
    world.link("50", "private-medical")
    world.deliver()
    before, ends = everything(world), START + timedelta(days=3)

    told = simulate_change(
        world.gateway,
        world.org,
        lambda rehearsed: consent.expire(rehearsed, world.org, client="1001", person="50", at=ends),
        client="1001",
        person="50",
        at=ends,
    )

    assert (told.at, told.total) == (ends, Counts(retracting=9))
    assert everything(world) == before


def test_a_letter_is_told_as_if_its_code_were_used_now(world: World) -> None:
    told = simulate_letter(world.gateway, world.org, "familie", "1001", "50", "private-medical", None)

    assert told.total == Counts(delivering=9)


@pytest.mark.parametrize("expiry", ["retract", "freeze"])
@pytest.mark.parametrize("begins", [None, timedelta(days=1)], ids=["now", "later"])
def test_what_the_end_of_a_right_will_take_away_is_told_with_the_figures_of_the_real_end(
    world: World, expiry: str, begins: timedelta | None
) -> None:
    world.one("update organisation set expiry = %s where id = %s returning id", expiry, world.org)
    world.link("50", "none")
    world.link("51", "basic")
    world.deliver()
    ends = world.clock() + timedelta(days=3)
    terms: dict[str, Any] = {
        "person": "50",
        "level": "private-medical",
        "valid_from": begins and world.clock() + begins,
        "valid_to": ends,
    }

    told = simulate(world.gateway, world.org, client="1001", **terms).end
    assert told is not None
    consent.set_grant(world.gateway, world.org, client="1001", **terms)
    world.deliver()
    world.clock.pass_time(days=2)
    world.disclose()
    world.deliver()
    held = world.held("50")
    world.clock.pass_time(days=1)
    work = world.disclose()

    assert told.at == ends
    assert told.total.delivering + told.total.retracting + told.total.narrowing == work
    own = sum((effect.counts for effect in told.effects if effect.person == "50"), Counts())
    assert own == (Counts(retracting=len(held)) if expiry == "retract" else Counts(staying=len(held)))


def test_the_end_of_a_right_is_told_by_class_and_only_where_it_has_one(world: World) -> None:
    world.link("50", "none")
    ends = world.clock() + timedelta(days=3)
    terms: dict[str, Any] = {"client": "1001", "person": "50", "level": "private-medical"}

    told = simulate(world.gateway, world.org, **terms, valid_to=ends).end

    assert told is not None
    assert told.nl == (
        "+0 stukken voor deze persoon, 9 ingetrokken (3 gegevens over zorgverleners, 3 persoonsgegevens, 1 afspraak, "
        "1 vertrouwensgroep, 1 rapportage)."
    )
    assert simulate(world.gateway, world.org, **terms).end is None
