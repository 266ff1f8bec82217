"""The sample portal keeps the portal contract, over real sockets."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from joserfc.jwk import ECKey, RSAKey

from tests import portal_bundles as made
from tests.portal_visits import signed_in
from tests.sample_portal import Member, RunningPortal, delete, put, running_portal

WEIGHT = b'{"resourceType": "Observation", "id": "w1",  "valueQuantity": {"value": 72.50, "unit": "kg"}}'


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture
def member(portal: RunningPortal) -> Iterator[Member]:
    """A compartment of its own for each test, at a portal that behaves."""
    yield portal.member(str(uuid4()))
    portal.http.delete(f"{portal.base}/_sample/faults")


def note(identity: str, text: str = "Goed geslapen.") -> dict[str, Any]:
    return {"resourceType": "Observation", "id": identity, "valueString": text}


def statuses(answer: httpx2.Response) -> list[str]:
    return [entry["response"]["status"][:3] for entry in answer.json()["entry"]]


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    issue = answer.json()["issue"][0]
    return answer.status_code, issue.get("expression", [""])[0]


# Tokens


def test_a_right_assertion_gives_a_bearer_that_expires(portal: RunningPortal) -> None:
    answer = portal.ask_token(portal.assertion())

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["expires_in"] == 300
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "http://127.0.0.1:1/token"},
        {"aud": None},
        {"exp": int(time.time()) - 1},
        {"exp": int(time.time()) + 3600},
        {"exp": None},
        {"jti": None},
        {"sub": "somebody-else"},
    ],
    ids=["wrong-aud", "no-aud", "expired", "lasts-too-long", "no-exp", "no-jti", "iss-is-not-sub"],
)
def test_an_assertion_that_breaks_a_rule_gets_no_token(portal: RunningPortal, changes: dict[str, Any]) -> None:
    answer = portal.ask_token(portal.assertion(**changes))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_is_used_once(portal: RunningPortal) -> None:
    assertion = portal.assertion()

    assert [portal.ask_token(assertion).status_code for _ in range(2)] == [200, 401]


def test_only_the_registered_key_signs(portal: RunningPortal) -> None:
    stranger = ECKey.generate_key("P-384", {"kid": "test"}, private=True)

    assert portal.ask_token(portal.assertion(key=stranger)).status_code == 401


def test_only_strong_algorithms_are_read(portal: RunningPortal) -> None:
    rsa = RSAKey.generate_key(2048, {"kid": "test"}, private=True)
    claims = portal.assertion().split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"test"}').rstrip(b"=").decode()

    assert portal.ask_token(f"{header}.{claims}.").status_code == 401
    assert portal.ask_token(portal.assertion(key=rsa, alg="RS256")).status_code == 401
    assert portal.ask_token("not a token").status_code == 401


def test_without_a_valid_bearer_there_is_nothing(portal: RunningPortal) -> None:
    url = f"{portal.base}/fhir/{uuid4()}/Observation"

    assert portal.http.get(url).status_code == 401
    assert portal.http.get(url, headers={"Authorization": "Bearer made-up"}).status_code == 401


def test_an_expired_bearer_is_refused(tmp_path: Path) -> None:
    with running_portal(tmp_path, "--token-seconds", "0") as portal:
        assert portal.member(str(uuid4())).get("Observation").status_code == 401


# Transactions


def test_each_write_is_answered_with_its_own_version(member: Member) -> None:
    first = member.put(note("a"), note("b"))
    second = member.send([put(note("a")), delete("Observation/b"), delete("Observation/never-there")])

    assert statuses(first) == ["201", "201"]
    assert statuses(second) == ["200", "204", "204"]
    assert [entry["response"].get("etag") for entry in second.json()["entry"]] == ['W/"2"', 'W/"2"', None]
    assert "lastModified" in second.json()["entry"][0]["response"]


def test_one_bad_entry_refuses_the_whole_transaction_and_is_named(member: Member) -> None:
    other = put(note("c"), url="Observation/d")

    assert refusal(member.send([put(note("a")), put(note("b")), other])) == (400, "Bundle.entry[2].resource")
    assert member.get("Observation/a").status_code == 404


def test_a_known_etag_must_be_the_present_one(member: Member) -> None:
    member.put(note("a"))

    stale = member.send([put(note("b")), put(note("a"), ifMatch='W/"7"')])
    fresh = member.send([put(note("a", "Nieuw."), ifMatch='W/"1"')])

    assert refusal(stale) == (412, "Bundle.entry[1].request.ifMatch")
    assert member.get("Observation/b").status_code == 404
    assert fresh.json()["entry"][0]["response"]["etag"] == 'W/"2"'


@pytest.mark.parametrize(
    "entry",
    [
        put(note("a"), ifNoneExist="identifier=1"),
        put(note("a"), ifNoneMatch="*"),
        put(note("a"), url="Observation?identifier=1"),
        put(note("a"), method="POST", url="Observation"),
        put(note("a"), method="PATCH"),
        put(note("a"), ifMatch="1"),
        delete("Observation?status=final"),
        b'{"request":{"method":"PUT","url":"Observation/a"}}',
        b'{"resource":{"resourceType":"Observation","id":"a"}}',
        b'{"request":{"method":1,"url":"Observation/a"}}',
    ],
)
def test_what_the_contract_does_not_know_is_refused_by_name(member: Member, entry: bytes) -> None:
    status, expression = refusal(member.send([put(note("z")), entry]))

    assert status == 400
    assert expression.startswith("Bundle.entry[1]")


def test_a_resource_stands_in_a_transaction_once(member: Member) -> None:
    assert refusal(member.put(note("a"), note("a"))) == (400, "Bundle.entry[1]")


def test_a_transaction_has_a_hundred_entries_at_most(member: Member) -> None:
    assert member.put(*(note(f"n{number}") for number in range(101))).status_code == 413
    assert member.put(*(note(f"n{number}") for number in range(100))).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 5000,
        b'{"resourceType":"Bundle","x":"\xff"}',
        b'{"resourceType":"Bundle","type":"batch","entry":[]}',
    ],
)
def test_anything_but_a_transaction_is_refused(member: Member, body: bytes) -> None:
    headers = member.headers | {"Content-Type": "application/fhir+json"}

    assert member.portal.http.post(f"{member.base}/", content=body, headers=headers).status_code == 400


def test_there_is_no_other_way_to_write(member: Member) -> None:
    answer = member.portal.http.put(f"{member.base}/Observation/a", json=note("a"), headers=member.headers)

    assert answer.status_code == 405


# Reading back


def test_the_bytes_received_are_the_bytes_served(member: Member) -> None:
    member.send([put(WEIGHT)])

    answer = member.get("Observation/w1")

    assert answer.content == WEIGHT
    assert answer.headers["etag"] == 'W/"1"'
    assert b"72.50" in member.get("Observation").content


def test_never_there_and_deleted_are_told_apart(member: Member) -> None:
    member.put(note("a"))
    member.send([delete("Observation/a")])

    gone = member.get("Observation/a")

    assert member.get("Observation/b").status_code == 404
    assert (gone.status_code, gone.headers["etag"]) == (410, 'W/"2"')
    assert member.get("Observation").json()["total"] == 0


def test_a_compartment_is_its_members_alone(member: Member) -> None:
    member.put(note("a"))

    assert member.portal.member(str(uuid4())).get("Observation/a").status_code == 404


def test_history_keeps_every_write_also_the_same_again(member: Member) -> None:
    member.send([put(WEIGHT)])
    member.send([put(WEIGHT)])
    member.send([delete("Observation/w1")])
    member.send([put(WEIGHT)])

    entries = member.get("Observation/w1/_history").json()["entry"]
    mine = [row for row in member.portal.dump() if member.base.endswith(row["member"])]

    assert [entry["response"]["etag"] for entry in entries] == ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    assert [row["op"] for row in mine] == ["put", "put", "delete", "put"]
    assert {row["sha256"] for row in mine if row["body"]} == {hashlib.sha256(WEIGHT).hexdigest()}
    assert member.get("Observation/w1/_history/2").content == WEIGHT


def test_a_search_is_paged_and_loses_nothing(member: Member) -> None:
    member.put(*(note(f"n{number:02}") for number in range(25)))
    member.put({"resourceType": "Appointment", "id": "other"})

    found, url = [], f"{member.base}/Observation?_lastUpdated=ge2020-01-01T00:00:00%2B01:00&_count=10"
    for _ in range(3):
        page = member.portal.http.get(url, headers=member.headers).json()
        found += [entry["resource"]["id"] for entry in page["entry"]]
        assert page["total"] == 25
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")

    assert found == [f"n{number:02}" for number in range(25)]
    assert url == ""


def test_a_found_entry_names_its_version(member: Member) -> None:
    member.put(note("a"))
    member.put(note("a"))

    entry = member.get("Observation").json()["entry"][0]

    assert entry["link"] == [{"relation": "self", "url": f"{member.base}/Observation/a/_history/2"}]


def test_last_updated_bounds_what_is_found(member: Member) -> None:
    at = member.put(note("a")).json()["entry"][0]["response"]["lastModified"]

    totals = {prefix: member.get(f"Observation?_lastUpdated={prefix}{at}").json()["total"] for prefix in ("ge", "gt", "le", "lt")}

    assert totals == {"ge": 1, "gt": 0, "le": 1, "lt": 0}


@pytest.mark.parametrize("query", ["code=1", "_lastUpdated=2020", "_lastUpdated=ge2020-01-01", "_count=-1", "_include=x"])
def test_a_search_that_would_be_answered_wrongly_is_refused(member: Member, query: str) -> None:
    assert member.get(f"Observation?{query}").status_code == 400


def test_what_it_can_do_is_stated_for_all(portal: RunningPortal) -> None:
    assert portal.http.get(f"{portal.base}/fhir/metadata").json()["resourceType"] == "CapabilityStatement"


# The word about slots


def test_sync_status_takes_instants_from_the_gateway_alone(portal: RunningPortal) -> None:
    url, slots = f"{portal.base}/sync-status", {"last": "2026-03-02T11:00:00+01:00", "next": "2026-03-02T14:00:00Z"}

    assert portal.http.post(url, json=slots).status_code == 401
    assert portal.http.post(url, json=slots, headers=portal.bearer()).status_code == 204
    assert portal.http.post(url, json=slots | {"next": "15:00"}, headers=portal.bearer()).status_code == 400


@pytest.fixture
def visitor(portal: RunningPortal) -> Iterator[httpx2.Client]:
    """A browser without scripts, signed in to two compartments of one account."""
    account = {"account": "visitor", "name": "Bezoeker", "members": [made.PIET, made.NIEK]}
    portal.http.post(f"{portal.base}/_sample/accounts", json=[account])
    for member in account["members"]:
        team = made.care_team({"piet": "basic"})
        team["participant"][0]["member"]["identifier"]["value"] = member
        portal.member(str(member)).put(team)
    with httpx2.Client(base_url=portal.base) as client:
        signed_in(client, "visitor")
        yield client


def slots_on_page(visitor: httpx2.Client, member: str) -> list[str]:
    text = re.search(r'<p class="sync">(.*?)</p>', visitor.get(f"/zorg/{member}/agenda").text, re.DOTALL)
    assert text is not None
    return re.findall(r'datetime="([^"]+)"', text[1])


def test_a_page_never_claims_to_be_more_up_to_date_than_it_is(portal: RunningPortal, visitor: httpx2.Client) -> None:
    def announce(hour: int, *behind: str) -> None:
        slots = {"last": f"2026-03-02T{hour:02}:00:00+01:00", "next": f"2026-03-02T{hour + 4:02}:00:00+01:00"}
        answer = portal.http.post(f"{portal.base}/sync-status", json=slots | {"behind": behind}, headers=portal.bearer())
        assert answer.status_code == 204

    announce(7)
    announce(11, made.PIET)
    announce(15, made.PIET)

    assert slots_on_page(visitor, made.NIEK) == ["2026-03-02T15:00+01:00", "2026-03-02T19:00+01:00"]
    assert slots_on_page(visitor, made.PIET) == ["2026-03-02T07:00+01:00", "2026-03-02T19:00+01:00"]

    announce(19)

    assert slots_on_page(visitor, made.PIET)[0] == "2026-03-02T19:00+01:00"


def test_without_a_word_about_slots_the_last_write_counts(tmp_path: Path) -> None:
    with running_portal(tmp_path) as portal, httpx2.Client(base_url=portal.base) as visitor:
        account = {"account": "visitor", "name": "Bezoeker", "members": [made.PIET]}
        portal.http.post(f"{portal.base}/_sample/accounts", json=[account])
        answer = portal.member(made.PIET).put(made.care_team())
        at = answer.json()["entry"][0]["response"]["lastModified"]
        signed_in(visitor, "visitor")

        [shown] = slots_on_page(visitor, made.PIET)

        assert datetime.fromisoformat(shown) == datetime.fromisoformat(at).replace(second=0, microsecond=0)


# Faults


def test_a_lost_answer_leaves_the_write_in_place(member: Member) -> None:
    member.portal.plan(kind="reset-after-write", match="Observation/a$")

    with pytest.raises(httpx2.TransportError):
        member.put(note("a"))

    assert member.get("Observation/a").headers["etag"] == 'W/"1"'
    assert statuses(member.put(note("a"))) == ["200"]


def test_a_portal_that_is_down_wrote_nothing(member: Member) -> None:
    member.portal.plan(kind="down", times=2)

    for _ in range(2):
        with pytest.raises(httpx2.TransportError):
            member.put(note("a"))

    assert member.get("Observation/a").status_code == 404


@pytest.mark.parametrize("kind", ["401", "503", "429"])
def test_a_planned_answer_is_given_as_often_as_planned(member: Member, kind: str) -> None:
    member.portal.plan(kind=kind, times=2, retry_after=3)

    answers = [member.put(note("a")) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [int(kind), int(kind), 200]
    assert answers[0].headers["retry-after"] == "3"


def test_one_entry_can_be_made_unacceptable(member: Member) -> None:
    member.portal.plan(kind="422-entry", match="Observation/b", times=None)

    assert refusal(member.put(note("a"), note("b"))) == (422, "Bundle.entry[1].resource")
    assert statuses(member.put(note("a"))) == ["201"]


def test_a_slow_portal_still_answers(member: Member) -> None:
    member.portal.plan(kind="slow", seconds=0.05)

    assert statuses(member.put(note("a"))) == ["201"]


def test_a_fault_in_no_known_shape_is_refused(portal: RunningPortal) -> None:
    for fault in ({"kind": "odd"}, {"kind": "503", "match": "("}):
        assert portal.http.post(f"{portal.base}/_sample/faults", json=fault).status_code == 400


def test_the_admin_secret_closes_the_controls(tmp_path: Path) -> None:
    with running_portal(tmp_path, "--admin-secret", "open sesame") as portal:
        url = f"{portal.base}/_sample/dump"

        assert portal.http.get(url).status_code == 401
        assert portal.http.get(url, headers={"Authorization": "Bearer open sesame"}).status_code == 200


# The store


def test_what_was_accepted_is_there_after_a_restart(tmp_path: Path) -> None:
    identity = str(uuid4())
    with running_portal(tmp_path) as portal:
        portal.member(identity).put(note("a"))
    with running_portal(tmp_path) as portal:
        assert portal.member(identity).get("Observation/a").json() == note("a")


def test_the_store_can_be_read_as_documented(member: Member) -> None:
    member.send([put(WEIGHT)])

    with sqlite3.connect(f"file:{member.portal.store / 'portal.sqlite'}?mode=ro", uri=True) as db:
        rows = db.execute("select type, id, version, op, sha256, body from version where body = ?", (WEIGHT,)).fetchall()
    db.close()

    assert ("Observation", "w1", 1, "put", hashlib.sha256(WEIGHT).hexdigest(), WEIGHT) in rows
    assert json.loads(rows[0][5])["valueQuantity"]["unit"] == "kg"
