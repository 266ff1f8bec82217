"""Codes and one-time links of the sample portal: short-lived, single, and of one browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from samples.portal.accounts import AccountEntry, Accounts
from samples.portal.confirmations import LIFETIME, TRIES, Confirmations
from samples.portal.database import Database
from samples.portal.sessions import Session, Sessions

NINE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class World:
    """A store with one account, and a clock that stands still until it is moved."""

    def __init__(self, folder: Path) -> None:
        self.now = NINE
        database = Database(folder)
        self.accounts = Accounts(database)
        self.accounts.set([AccountEntry(account="anna", name="Anna", members=[])], replace=False)
        self.sessions = Sessions(database, self.accounts, lambda: self.now)
        self.confirmations = Confirmations(database, lambda: self.now)

    def session(self) -> Session:
        found = self.sessions.of(self.sessions.sign_in("anna", ""))
        assert found is not None
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.mark.row("M2")
def test_a_link_works_for_three_minutes_and_once(world: World) -> None:
    session = world.session()
    late, used = (world.confirmations.link(session, "dossier") for _ in range(2))

    assert timedelta(minutes=3) == LIFETIME
    assert world.confirmations.follow(session, late) is None, "a newer link takes the place of an older one"
    world.now += LIFETIME - SECOND
    assert world.confirmations.follow(session, used) is not None
    assert world.confirmations.follow(session, used) is None
    late = world.confirmations.link(session, "dossier")
    world.now += LIFETIME
    assert world.confirmations.follow(session, late) is None


@pytest.mark.row("M1")
def test_a_link_is_worth_nothing_in_another_browser_of_the_same_account(world: World) -> None:
    asked, other = world.session(), world.session()
    token = world.confirmations.link(asked, "device")

    assert world.confirmations.follow(other, token) is None
    assert world.confirmations.follow(asked, token) is not None


@pytest.mark.row("C18")
def test_a_code_has_six_digits_and_works_for_three_minutes_and_once(world: World) -> None:
    session = world.session()
    code = world.confirmations.code(session, "dossier", onward="/zorg/x/")

    assert len(code) == 6
    assert code.isdecimal()
    done = world.confirmations.enter(session, code)
    assert done is not None
    assert done.detail["onward"] == "/zorg/x/"
    assert world.confirmations.enter(session, code) is None
    code = world.confirmations.code(session, "dossier")
    world.now += LIFETIME
    assert world.confirmations.enter(session, code) is None


def test_after_five_wrong_codes_the_right_one_is_wrong_too(world: World) -> None:
    session = world.session()
    code = world.confirmations.code(session, "dossier")

    for _ in range(TRIES):
        assert world.confirmations.state(session) == "awaited"
        assert world.confirmations.enter(session, wrong(code)) is None
    assert world.confirmations.enter(session, code) is None
    assert world.confirmations.state(session) == "over"


def test_asking_for_new_codes_doesnt_give_endless_tries(world: World) -> None:
    for _ in range(4):
        session = world.session()
        code = world.confirmations.code(session, "dossier")
        for _ in range(TRIES):
            world.confirmations.enter(session, wrong(code))

    session = world.session()
    assert world.confirmations.enter(session, world.confirmations.code(session, "dossier")) is None
    assert world.confirmations.state(session) == "too-many"
    world.now += timedelta(minutes=16)
    assert world.confirmations.enter(session, world.confirmations.code(session, "dossier")) is not None


@pytest.mark.row("C18")
def test_what_was_confirmed_ends_with_the_session(world: World) -> None:
    secret = world.sessions.sign_in("anna", "")
    session = world.sessions.of(secret)
    assert session is not None
    world.sessions.confirm(session)
    confirmed = world.sessions.of(secret)
    assert confirmed is not None
    assert confirmed.confirmed

    world.sessions.sign_out(secret)

    assert world.sessions.of(secret) is None
    assert not world.session().confirmed


@pytest.mark.row("M1")
def test_a_device_is_known_to_the_account_that_proved_it_alone(world: World) -> None:
    world.accounts.set([AccountEntry(account="piet", name="Piet", members=[])], replace=False)
    device = world.sessions.know_device(world.session(), "")

    def begun(account: str) -> bool:
        found = world.sessions.of(world.sessions.sign_in(account, device))
        assert found is not None
        return found.begun

    assert begun("anna")
    assert not begun("piet")
