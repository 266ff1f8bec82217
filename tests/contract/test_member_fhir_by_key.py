"""A portal that gives its own ids, as a small working server: each key is made once, and all comes back as it was sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from connectors.portals.member_fhir import PORTAL
from gateway.canonical import RESOURCE
from gateway.canonicalise import content_hash
from gateway.connector import Context, DeliveryItem
from gateway.errors import AmbiguousError, AuthError, TransientError
from gateway.jsonbytes import dumps, loads
from tests.contract.test_member_fhir import MEMBER, answering

PATIENT = {"resourceType": "Patient", "id": "p-1", "identifier": [{"system": "urn:other", "value": "7"}], "active": True}
WEIGHT = {
    "resourceType": "Observation",
    "id": "w-1",
    "status": "final",
    "code": {"text": "weight"},
    "subject": {"reference": "Patient/p-1"},
}


@dataclass
class Server:
    """Resources by type and the id that the server gave; what it is asked, in order."""

    member: str = MEMBER
    held: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    rival: dict[str, Any] | None = None
    down_after: int | None = None
    refuses_after: int | None = None
    garbled_after: int | None = None
    finds: bool = True
    tells_place: bool = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.down_after is not None and len(self.asked) >= self.down_after:
            return httpx2.Response(503)
        if self.refuses_after is not None and len(self.asked) >= self.refuses_after:
            return httpx2.Response(403)
        if self.garbled_after is not None and len(self.asked) >= self.garbled_after:
            return httpx2.Response(200, content=b"<html>")
        self.asked.append(f"{request.method} {request.url.path.removeprefix(f'/fhir/{self.member}/')}")
        kind, _, given = request.url.path.removeprefix(f"/fhir/{self.member}/").partition("/")
        if request.method == "POST":
            if self.rival is not None:
                self.make(kind, self.rival)
            return self.make(kind, loads(request.content))
        if not given:
            return self.search(kind, dict(request.url.params).get("identifier"))
        return self.one(request, (kind, given))

    def make(self, kind: str, body: dict[str, Any]) -> httpx2.Response:
        given = str(1000 + len(self.held))
        self.held[kind, given] = {**body, "id": given, "meta": {"versionId": "1"}}
        place = {"Location": f"https://portal.example/fhir/{self.member}/{kind}/{given}/_history/1"}
        return httpx2.Response(201, headers=place if self.tells_place else {})

    def one(self, request: httpx2.Request, key: tuple[str, str]) -> httpx2.Response:
        known = self.held.get(key)
        if known is None:
            return httpx2.Response(404)
        if request.method == "DELETE":
            del self.held[key]
            return httpx2.Response(204)
        if request.method == "PUT":
            version = known["meta"]["versionId"]
            if request.headers["If-Match"] != f'W/"{version}"':
                return httpx2.Response(412)
            known = self.held[key] = {**loads(request.content), "meta": {"versionId": str(int(version) + 1)}}
        return httpx2.Response(200, content=dumps(known), headers={"ETag": f'W/"{known["meta"]["versionId"]}"'})

    def search(self, kind: str, identifier: str | None) -> httpx2.Response:
        hits = [body for (type_, _), body in self.held.items() if type_ == kind and identifier in (None, *keys(body))]
        hits = hits if self.finds or identifier is None else []
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": body} for body in hits]}
        return httpx2.Response(200, content=dumps(bundle))


def keys(body: dict[str, Any]) -> list[str]:
    given = body.get("identifier", [])
    return [f"{one.get('system')}|{one.get('value')}" for one in (given if isinstance(given, list) else [given])]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def context(server: Server) -> Context:
    return answering(server, ids="portal")


def item(body: dict[str, Any], etag: str | None = None) -> DeliveryItem:
    return DeliveryItem(type=body["resourceType"], id=body["id"], body=dumps(body), etag=etag)


def gone(body: dict[str, Any]) -> DeliveryItem:
    return DeliveryItem(type=body["resourceType"], id=body["id"], body=None)


def test_what_was_made_is_found_by_its_key_and_reads_back_as_it_was_sent(server: Server, context: Context) -> None:
    receipts = PORTAL.deliver(context, MEMBER, [item(PATIENT), item(WEIGHT)])

    assert [(one.id, one.ok, one.status, one.etag) for one in receipts] == [
        ("p-1", True, 201, 'W/"1"'),
        ("w-1", True, 201, 'W/"1"'),
    ]
    assert server.held["Observation", "1001"]["subject"] == {"reference": "Patient/1000"}
    assert {"system": RESOURCE, "value": "p-1"} in server.held["Patient", "1000"]["identifier"]
    states = PORTAL.read_back(context, MEMBER, [("Patient", "p-1"), ("Observation", "w-1"), ("Observation", "never")])
    assert [state.body and content_hash(loads(state.body)) for state in states] == [
        content_hash(PATIENT),
        content_hash(WEIGHT),
        None,
    ]
    assert {(one.type, one.id) for one in PORTAL.listing(context, MEMBER)} == {("Patient", "p-1"), ("Observation", "w-1")}


def test_an_id_of_ours_is_in_no_address(server: Server, context: Context) -> None:
    PORTAL.deliver(context, MEMBER, [item(PATIENT), item(WEIGHT)])
    PORTAL.deliver(context, MEMBER, [item({**PATIENT, "active": False}), gone(WEIGHT)])

    assert {asked.partition("/")[2] for asked in server.asked} <= {"", "1000", "1001"}


def test_the_same_key_is_replaced_under_its_etag_and_another_version_is_refused(server: Server, context: Context) -> None:
    [first] = PORTAL.deliver(context, MEMBER, [item(PATIENT)])
    [second] = PORTAL.deliver(context, MEMBER, [item({**PATIENT, "active": False}, etag=first.etag)])
    assert (second.ok, second.etag, len(server.held)) == (True, 'W/"2"', 1)

    [third] = PORTAL.deliver(context, MEMBER, [item(PATIENT, etag=first.etag)])
    assert (third.ok, third.error, third.status) == (False, "rejected", 412)


def test_two_under_one_key_are_told_and_taken_back_together(server: Server, context: Context) -> None:
    """Another made the same between our search and our making: the search after it finds two."""
    keyed = {**PATIENT, "identifier": [{"system": RESOURCE, "value": "p-1"}]}
    server.rival = keyed

    with pytest.raises(AmbiguousError, match="several"):
        PORTAL.deliver(context, MEMBER, [item(PATIENT)])
    [state] = PORTAL.read_back(context, MEMBER, [("Patient", "p-1")])
    assert (len(server.held), state.body) == (2, b"")
    [receipt] = PORTAL.deliver(context, MEMBER, [item(PATIENT)])
    assert (receipt.ok, receipt.error) == (False, "rejected")

    [receipt] = PORTAL.deliver(context, MEMBER, [gone(PATIENT)])
    assert (receipt.ok, server.held) == (True, {})


def test_a_reference_that_leads_nowhere_refuses_its_item_and_no_other(server: Server, context: Context) -> None:
    lost = {**WEIGHT, "id": "w-2", "subject": {"reference": "Patient/p-9"}}

    receipts = PORTAL.deliver(context, MEMBER, [item(lost), item(PATIENT), item(WEIGHT)])
    assert [(one.id, one.ok) for one in receipts] == [("w-2", False), ("p-1", True), ("w-1", True)]


def test_what_had_its_turn_before_a_failure_has_its_receipt(server: Server, context: Context) -> None:
    server.down_after = 3
    [receipt] = PORTAL.deliver(context, MEMBER, [item(PATIENT), item(WEIGHT)])
    assert (receipt.id, receipt.ok) == ("p-1", True)

    server.down_after = 0
    with pytest.raises(TransientError):
        PORTAL.deliver(context, MEMBER, [item(WEIGHT)])


@pytest.mark.parametrize("failing", ["down_after", "refuses_after"])
def test_what_was_made_and_cannot_be_asked_for_never_counts_as_not_sent(server: Server, context: Context, failing: str) -> None:
    """The search, the making, and then no answer to the search after it: it is the first of its batch, and it is there."""
    setattr(server, failing, 2)

    with pytest.raises(AmbiguousError):
        PORTAL.deliver(context, MEMBER, [item(PATIENT), item(WEIGHT)])
    assert [kind for kind, _ in server.held] == ["Patient"]


def test_a_refusal_that_stops_the_portal_keeps_the_receipts_of_what_was_written(server: Server, context: Context) -> None:
    server.refuses_after = 3

    [receipt] = PORTAL.deliver(context, MEMBER, [item(PATIENT), item(WEIGHT)])
    assert (receipt.id, receipt.ok) == ("p-1", True)
    with pytest.raises(AuthError):
        PORTAL.deliver(context, MEMBER, [item(WEIGHT)])


def test_what_a_portal_takes_and_does_not_find_by_its_key_is_in_doubt(server: Server, context: Context) -> None:
    server.finds = False

    with pytest.raises(AmbiguousError, match="doesn't find"):
        PORTAL.deliver(context, MEMBER, [item(PATIENT)])

    server.finds = True
    [state] = PORTAL.read_back(context, MEMBER, [("Patient", "p-1")])
    assert content_hash(loads(state.body or b"")) == content_hash(PATIENT)


def test_what_a_portal_does_not_find_by_its_key_is_gone_again_where_the_answer_says_what_was_made(
    server: Server, context: Context
) -> None:
    """What isn't found can't be taken back later; once it is gone, it is a refusal like any other."""
    server.finds, server.tells_place = False, True

    [receipt] = PORTAL.deliver(context, MEMBER, [item(PATIENT)])
    assert (receipt.ok, receipt.error, server.held) == (False, "rejected", {})


def test_of_a_member_whom_the_portal_does_not_know_nothing_is_there() -> None:
    elsewhere = answering(lambda _: httpx2.Response(404), ids="portal")

    [state] = PORTAL.read_back(elsewhere, MEMBER, [("Patient", "p-1")])
    assert state.body is None


def test_a_resource_with_one_identifier_keeps_it_or_is_refused(server: Server, context: Context) -> None:
    report = {"resourceType": "Composition", "id": "c-1", "status": "final"}
    numbered = {**report, "id": "c-2", "identifier": {"system": "urn:other", "value": "1"}}

    first, second = PORTAL.deliver(context, MEMBER, [item(report), item(numbered)])
    assert (first.ok, second.ok, second.error) == (True, False, "rejected")
    [state] = PORTAL.read_back(context, MEMBER, [("Composition", "c-1")])
    assert content_hash(loads(state.body or b"")) == content_hash(report)
