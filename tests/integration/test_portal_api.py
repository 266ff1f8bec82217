"""The portal API: linking a care page by a letter's code, who may call, and what a request looks like."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api.portal.bearer import callers
from gateway import consent
from gateway.config import Config
from gateway.consent.codes import ALPHABET, redeem_code
from gateway.errors import Misconfigured, NotFound, Throttled
from tests.integration.portal_api_world import Portal, held, portals, wrong


@pytest.fixture
def both(module_database_url: str, tmp_path: Path) -> Iterator[tuple[Portal, Portal]]:
    with portals(module_database_url, tmp_path) as found:
        yield found


@pytest.fixture
def portal(both: tuple[Portal, Portal]) -> Portal:
    return both[0]


# Codes --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.row("C3")
def test_a_code_from_a_letter_links_the_page_and_begins_what_the_letter_promised(portal: Portal) -> None:
    code = portal.letter()
    assert len(code) == 11
    assert set(code) <= {*ALPHABET, "-"}
    assert portal.world.rows("select * from link") == []

    answer = portal.redeem(code)

    told = answer.json()
    organisation = portal.world.one("select code, name from organisation where id = %s", portal.world.org)
    assert answer.status_code == 201
    assert told["organisation"] == {"code": organisation.code, "name": organisation.name}
    assert told["client"] == {"patient": portal.world.id("Patient", "1001")}
    assert told["administrator"] is True
    assert "Observation" in held(portal, told["member"])


@pytest.mark.row("C3")
def test_without_a_link_a_page_has_nothing_and_says_so(portal: Portal) -> None:
    code = portal.letter()
    page = str(uuid4())
    assert portal.ask("GET", f"pages/{page}").json() == {"page": page, "state": "unknown", "days": None}
    portal.world.disclose()
    assert portal.world.rows("select * from disclosure_ledger") == []

    assert portal.redeem(code, page=page).json()["page"] == page

    assert portal.ask("GET", f"pages/{page}").json() == {"page": page, "state": "active", "days": None}


@pytest.mark.row("C1")
def test_an_account_is_not_a_client_and_one_account_opens_pages_of_several(portal: Portal) -> None:
    portal.world.store(portal.world.patient("1002"), portal.world.report("9", client="1002"))
    first = portal.redeem(portal.letter(), account="acc-1").json()
    second = portal.redeem(portal.letter("60", client="1002"), account="acc-1").json()

    assert first["member"] != second["member"]
    assert first["client"] != second["client"]
    accounts = {bytes(row.account) for row in portal.world.rows("select account from link")}
    assert len(accounts) == 1
    assert b"acc-1" not in accounts


@pytest.mark.row("C3")
def test_wrong_used_withdrawn_expired_and_foreign_codes_get_one_answer(both: tuple[Portal, Portal]) -> None:
    portal, other = both
    used, withdrawn, expired = portal.letter("50"), portal.letter("51"), portal.letter("52")
    portal.redeem(used)
    portal.letter("51")
    foreign = portal.letter("53")
    answers = [wrong(portal.redeem("AAAAA-AAAAA", "a")), wrong(portal.redeem(used, "b")), wrong(portal.redeem(withdrawn, "c"))]
    answers += [wrong(other.redeem(foreign, "d")), wrong(portal.redeem("?", "e"))]
    portal.world.clock.pass_time(days=42)
    answers.append(wrong(portal.redeem(expired, "f")))

    assert {status for status, _ in answers} == {404}
    assert len({content for _, content in answers}) == 1


def test_wrong_used_and_expired_codes_take_the_same_way_through_the_database(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, expired = portal.letter("50"), portal.letter("51")
    portal.redeem(used)
    portal.world.clock.pass_time(days=42)

    def statements(code: str, account: str) -> list[str]:
        """Return what the server was told, by the server's own log of this organisation's last try."""
        said: list[str] = []
        original = type(portal.world.database).transaction

        def noted(self: Any, org: int | None) -> Any:
            return _Noted(original(self, org), said)

        with monkeypatch.context() as patched:
            patched.setattr(type(portal.world.database), "transaction", noted)
            with pytest.raises(NotFound):
                redeem_code(portal.world.gateway, portal.world.org, portal="familie", code=code, account=account, page=uuid4())
        return said

    ways = [statements(code, account) for code, account in (("AAAAA-AAAAA", "a"), (used, "b"), (expired, "c"))]
    assert len(ways[0]) > 3
    assert ways[0] == ways[1] == ways[2]


class _Noted:
    """A transaction that notes what it is told."""

    def __init__(self, whole: Any, said: list[str]) -> None:
        self._whole, self._said = whole, said

    def __enter__(self) -> Any:
        self._db = self._whole.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        return self._whole.__exit__(*error)

    def execute(self, query: str, values: Any = None, **more: Any) -> Any:
        self._said.append(query)
        return self._db.execute(query, values, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


@pytest.mark.row("C3")
def test_only_a_keyed_hash_of_a_code_is_kept(portal: Portal) -> None:
    code = portal.letter()
    portal.redeem(code)

    plain = code.replace("-", "").encode()
    for table in ("link_code", "link_attempt", "audit_event"):
        rows = portal.world.rows(f"select {table}::text as said from {table}")
        assert rows
        assert not [row for row in rows if code in row.said or plain.decode() in row.said or plain.hex() in row.said]


def test_a_code_is_read_as_people_write_it(portal: Portal) -> None:
    code = portal.letter().replace("-", " ").lower().replace("0", "o").replace("1", "l")

    assert portal.redeem(code).status_code == 201


@pytest.mark.row("C3")
def test_of_two_who_redeem_a_code_at_once_one_wins(portal: Portal) -> None:
    code = portal.letter()
    statuses: list[int] = []
    together = threading.Barrier(2)

    def redeem(account: str) -> None:
        together.wait()
        statuses.append(portal.redeem(code, account).status_code)

    threads = [threading.Thread(target=redeem, args=(account,)) for account in ("acc-1", "acc-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201, 404]
    assert portal.world.one("select count(*) as n from link").n == 1


@pytest.mark.row("C3")
def test_five_wrong_codes_of_an_account_close_the_door_for_a_quarter_of_an_hour(portal: Portal) -> None:
    good = portal.letter()
    for _ in range(5):
        assert portal.redeem("AAAAA-AAAAA").status_code == 404

    refused = portal.redeem(good)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "900")
    assert portal.redeem(portal.letter("51"), account="acc-2").status_code == 201
    portal.world.clock.pass_time(minutes=14, seconds=59)
    assert portal.redeem(good).headers["retry-after"] == "1"
    portal.world.clock.pass_time(seconds=1)
    assert portal.redeem(good).status_code == 201


def test_fifty_wrong_codes_close_a_portal_whatever_the_account(both: tuple[Portal, Portal]) -> None:
    portal, other = both
    world = portal.world
    for number in range(50):
        with pytest.raises(NotFound):
            redeem_code(world.gateway, world.org, portal="familie", code="AAAAA-AAAAA", account=f"acc-{number}", page=uuid4())

    with pytest.raises(Throttled) as refused:
        redeem_code(world.gateway, world.org, portal="familie", code=portal.letter(), account="new", page=uuid4())

    assert refused.value.retry_after == 900
    assert other.redeem(other.letter("51")).status_code == 201


def test_many_wrong_codes_at_once_are_counted_one_by_one(portal: Portal) -> None:
    statuses: list[int] = []

    def guess() -> None:
        statuses.append(portal.redeem("AAAAA-AAAAA").status_code)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses.count(404), statuses.count(429)) == (5, 3)


def test_the_trail_is_told_once_a_window_of_tries_that_came_too_often(portal: Portal) -> None:
    refused = "select event from audit_event where event = 'link-refused' and detail ->> 'what' = 'throttled'"
    for _ in range(8):
        portal.redeem("AAAAA-AAAAA")
    assert len(portal.world.rows(refused)) == 1

    portal.world.clock.pass_time(minutes=15)
    for _ in range(6):
        portal.redeem("AAAAA-AAAAA")
    assert len(portal.world.rows(refused)) == 2


def test_tries_are_forgotten_after_a_day(portal: Portal) -> None:
    portal.redeem("AAAAA-AAAAA")
    consent.turn_clock(portal.world.gateway, portal.world.org)
    assert len(portal.world.rows("select id from link_attempt")) == 1

    portal.world.clock.pass_time(days=1, seconds=1)
    consent.turn_clock(portal.world.gateway, portal.world.org)
    assert portal.world.rows("select id from link_attempt") == []


def test_right_codes_are_no_wrong_tries(portal: Portal) -> None:
    for person in range(60, 70):
        assert portal.redeem(portal.letter(str(person)), account=f"acc-{person}").status_code == 201
    assert portal.world.one("select count(*) filter (where succeeded) as n from link_attempt").n == 10


def test_an_account_is_one_person_to_a_client(portal: Portal) -> None:
    portal.page("50")

    again = portal.redeem(portal.letter("51"), account="acc-1")

    assert again.status_code == 409
    assert portal.world.one("select count(*) as n from link").n == 1


def test_a_page_is_about_one_client(portal: Portal) -> None:
    portal.world.store(portal.world.patient("1002"))
    page, _ = portal.page()

    assert portal.redeem(portal.letter("60", client="1002"), account="acc-2", page=page).status_code == 404
    assert portal.world.one("select count(*) as n from link").n == 1


def test_a_second_letter_brings_its_reader_onto_the_page_and_leaves_its_administrator(portal: Portal) -> None:
    page, administrator = portal.page("50")

    told = portal.redeem(portal.letter("51", "basic"), account="acc-2", page=page).json()

    assert told["administrator"] is False
    assert portal.ask("GET", f"pages/{page}/rights?administrator={told['member']}").status_code == 404
    assert portal.ask("GET", f"pages/{page}/rights?administrator={administrator}").status_code == 200


# Who is calling -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer token-of-nobody", "Basic token-of-familie"])
def test_who_has_no_token_gets_nothing(portal: Portal, header: str) -> None:
    answer = portal.ask("POST", "links", {"code": "x"}, Authorization=header)

    assert wrong(answer)[0] == 401
    assert portal.world.rows("select * from link_attempt") == []


def test_a_token_stands_for_its_own_portal_only(both: tuple[Portal, Portal]) -> None:
    portal, other = both
    page, administrator = portal.page()

    assert other.redeem(portal.letter("51")).status_code == 404
    assert other.ask("GET", f"pages/{page}/rights?administrator={administrator}").status_code == 404
    assert other.ask("GET", f"pages/{page}").json()["state"] == "unknown"


@pytest.mark.parametrize(
    ("token", "mode", "says"),
    [
        ("same", 0o600, "two portals have the same bearer"),
        ("other", 0o644, "others may read ander.token"),
        (" ", 0o600, "ander.token is empty"),
        (None, 0o600, "ander.token can't be read"),
    ],
)
def test_a_token_that_can_not_be_used_is_refused_at_the_start(tmp_path: Path, token: str | None, mode: int, says: str) -> None:
    files = {"familie": "same", "ander": token}
    for name, text in files.items():
        if text is not None:
            (tmp_path / f"{name}.token").write_text(text)
            (tmp_path / f"{name}.token").chmod(mode)
    (tmp_path / "familie.token").chmod(0o600)
    places = [{"code": name, "connector": "member-fhir", "bearer": str(tmp_path / f"{name}.token")} for name in files]
    config = Config.model_validate({"organisations": [{"code": "delinde", "name": "De Linde", "portals": places}]})

    with pytest.raises(Misconfigured, match=says):
        callers(config, {"delinde": 1})


def test_a_token_that_went_bad_closes_the_door_to_its_own_portal_only(both: tuple[Portal, Portal], tmp_path: Path) -> None:
    portal, other = both
    (tmp_path / "ander.token").chmod(0o644)

    assert other.ask("GET", f"pages/{uuid4()}").status_code == 401
    assert portal.ask("GET", f"pages/{uuid4()}").status_code == 200


@pytest.mark.parametrize(
    "body", [None, [], {}, {"code": "x"}, {"code": "x", "account": "a", "page": "no"}, {"code": 1, "account": "a", "page": "no"}]
)
def test_a_request_that_is_not_right_says_what_is_wrong_and_counts_for_nothing(portal: Portal, body: object) -> None:
    assert wrong(portal.ask("POST", "links", body))[0] == 400
    assert portal.world.rows("select * from link_attempt") == []


def test_a_request_that_is_too_large_is_refused_and_the_log_says_whose_and_how_large(
    portal: Portal, capfd: pytest.CaptureFixture[str]
) -> None:
    assert wrong(portal.ask("POST", "links", {"code": "x" * 20_000}))[0] == 413
    [said] = [line for line in capfd.readouterr().out.splitlines() if "portal_api.oversize" in line]
    assert "familie" in said
    assert "20011" in said
    assert "xx" not in said


@pytest.mark.parametrize("path", ["", "links", "pages/1", "pages/1/rights", "elsewhere"])
def test_what_is_not_there_is_a_problem_of_one_kind(portal: Portal, path: str) -> None:
    assert wrong(portal.ask("GET", path)) == wrong(portal.ask("GET", f"pages/{uuid4()}/rights?administrator=x"))
