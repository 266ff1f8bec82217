"""The age clock: under twelve parents decide, at twelve and sixteen what they gave waits for confirmation, at eighteen it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import psycopg
import pytest
from alembic import command

from gateway import consent, migrate
from gateway.database import Database
from gateway.errors import Rejected
from gateway.ledger import due_now
from tests.integration.consent_acts import ALL, born, call, grant, rights, types
from tests.integration.store_world import World, filled_world


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        yield opened


@pytest.mark.parametrize(
    ("said", "known"), [("2014-03-20", date(2014, 3, 20)), ("2014-03", None), ("2014", None), ("2014-02-30", None)]
)
def test_the_birth_date_is_kept_as_the_patient_has_it(world: World, said: str, known: date | None) -> None:
    born(world, said)
    world.disclose()

    assert world.one("select birth_date from client where id = %s", world.client()).birth_date == known


def test_clients_that_were_there_before_are_looked_at_once_for_their_birth_date(empty_database_url: str) -> None:
    config = migrate._config()
    config.attributes["dsn"] = empty_database_url
    command.upgrade(config, "0008_disclosure")
    with psycopg.connect(empty_database_url) as db:
        db.execute("insert into organisation (code, name) values ('een', 'Een'), ('twee', 'Twee')")
        for org in (1, 2):
            db.execute("select set_config('app.org', %s, true)", (str(org),))
            db.execute("insert into client (org, patient_rid) values (%s, 'x')", (org,))

    migrate.upgrade(empty_database_url)

    for org in (1, 2):
        with Database(empty_database_url, max_size=1) as database, database.transaction(org) as db:
            assert [tuple(row) for row in db.execute("select org, cause from disclose_due")] == [(org, "birth-date")]


def test_a_birth_date_that_was_just_stored_counts_at_once(world: World) -> None:
    world.link("50")
    born(world, "2020-05-01")

    grant(world)

    assert types(world) == set()


def test_a_birth_date_that_is_corrected_takes_back_at_once_what_a_parent_can_no_longer_give(world: World) -> None:
    born(world, "2015-05-05")
    world.link("50")
    call(world, consent.add_mandate, person="50", kind="parent-authority")
    grant(world, basis="representative", representative="50")
    assert types(world) == ALL

    born(world, "2009-05-05")

    assert due_now(world.gateway, world.org, 10) == [world.client()]
    assert types(world) == set()
    born(world, "2009-05-05")
    assert due_now(world.gateway, world.org, 10) == []


def test_the_birth_date_of_who_has_no_members_can_wait_for_a_slot(world: World) -> None:
    born(world, "2015-05-05")

    assert due_now(world.gateway, world.org, 10) == []


def test_what_a_parent_gave_waits_for_confirmation_from_the_twelfth_birthday(world: World) -> None:
    born(world, "2014-03-20")
    world.link("50")
    call(world, consent.add_mandate, person="51", kind="parent-authority")
    grant(world, basis="representative", representative="51")
    assert rights(world)[-1].parental
    assert types(world) == ALL
    (told,) = consent.review(world.gateway, world.org)
    # Midnight in Amsterdam, still winter time.
    assert (told.what, told.about, told.persons, told.due_at) == (
        "age-review",
        "12",
        ("50",),
        datetime(2026, 3, 19, 23, 0, tzinfo=UTC),
    )

    world.clock.at = datetime(2026, 3, 19, 22, 59, tzinfo=UTC)
    assert types(world) == ALL
    world.clock.at = datetime(2026, 3, 19, 23, 0, tzinfo=UTC)
    assert types(world) == set()

    call(world, consent.confirm, person="50")
    assert types(world) == ALL
    assert consent.review(world.gateway, world.org) == []


@pytest.mark.parametrize("confirmed_at_twelve", [False, True])
def test_a_confirmation_before_the_birthday_is_refused_with_the_day_from_which_it_counts(
    world: World, confirmed_at_twelve: bool
) -> None:
    born(world, "2010-03-20" if confirmed_at_twelve else "2014-03-20")
    world.link("50")
    call(world, consent.add_mandate, person="51", kind="parent-authority")
    grant(world, basis="representative", representative="51")
    if confirmed_at_twelve:
        call(world, consent.confirm, person="50")

    with pytest.raises(Rejected, match="2026-03-20"):
        call(world, consent.confirm, person="50")

    assert types(world) == ALL
    assert [one.about for one in consent.review(world.gateway, world.org)] == ["16" if confirmed_at_twelve else "12"]
    world.clock.at = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
    assert types(world) == set()
    call(world, consent.confirm, person="50")
    assert types(world) == ALL


def test_a_right_by_law_is_a_parents_as_long_as_parental_authority_is_all_that_gives_it(world: World) -> None:
    born(world, "2013-05-01")
    world.link("50")
    grant(world, basis="statutory")
    call(world, consent.add_mandate, person="50", kind="administrator-finance")
    call(world, consent.add_mandate, person="50", kind="parent-authority")
    assert types(world) == set()
    assert [(one.what, one.about, one.persons) for one in consent.review(world.gateway, world.org)] == [
        ("age-review", "12", ("50",))
    ]

    number = call(world, consent.add_mandate, person="50", kind="mentor")
    assert types(world) == ALL
    call(world, consent.end_mandate, mandate=number)
    assert types(world) == set()

    call(world, consent.confirm, person="50")
    assert types(world) == ALL


def test_a_parents_authority_ends_at_eighteen(world: World) -> None:
    born(world, "2008-03-20")
    world.link("50")
    call(world, consent.add_mandate, person="50", kind="parent-authority")
    grant(world, basis="statutory")
    call(world, consent.confirm, person="50")
    assert types(world) == ALL
    assert [(one.what, one.about) for one in consent.review(world.gateway, world.org)] == [("age-review", "18")]

    world.clock.at = datetime(2026, 3, 20, 0, 0, tzinfo=UTC)

    assert types(world) == set()
    assert [one.what for one in consent.review(world.gateway, world.org)] == ["mandate-ended"]
    with pytest.raises(Rejected, match="no mandate"):
        grant(world, basis="representative", representative="50")


def test_a_child_under_twelve_gives_nothing_and_that_is_told_before_it_would(world: World) -> None:
    born(world, "2014-03-20")
    world.link("50", "private-medical")
    assert types(world) == set()
    assert [(one.what, one.about) for one in consent.review(world.gateway, world.org)] == [("age-review", "12")]
