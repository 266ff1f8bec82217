"""The connector of the portal contract, against the real sample portal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey

from connectors.portals.member_fhir import PORTAL, TYPES
from connectors.portals.member_fhir.bundle import transaction
from gateway.clock import system_clock
from gateway.connector import Context, DeliveryItem, SinkConnector
from gateway.errors import AmbiguousError, Misconfigured, PermanentError, Rejected, TransientError
from gateway.jsonbytes import loads
from gateway.testing.portal_contract import AT, CANARY, PortalBench, PortalContract, item
from tests.integration.delivery_world import RunningPortal, running_portal

MEMBER = "2b0f8b0e-6a58-4c0a-9b0f-0d9d8f1e7c11"


@dataclass(frozen=True, kw_only=True)
class PlainContext:
    """What the engine gives a connector, without an engine."""

    settings: Mapping[str, Any]
    client: httpx2.Client
    zone: str = "Europe/Amsterdam"

    def http(self) -> httpx2.Client:
        return self.client

    @contextmanager
    def permit(self) -> Iterator[None]:
        yield

    def secret(self, name: str) -> str:
        return Path(self.settings["secrets"][name]).read_text()

    def now(self) -> datetime:
        return system_clock()

    def cancelled(self) -> bool:
        return False

    def log(self, event: str, **fields: Any) -> None:
        """Say nothing."""

    def partitions(self, stream: str) -> Sequence[str]:
        return ()


@dataclass(frozen=True, kw_only=True)
class SampleFarSide:
    """The sample portal's faults."""

    portal: RunningPortal

    def behave(self) -> None:
        self.portal.behave()

    def be_down(self) -> None:
        self.portal.plan("down", times=None)

    def refuse_credentials(self) -> None:
        self.portal.plan("401", times=None)

    def throttle(self, retry_after_s: float) -> None:
        self.portal.plan("429", times=None, retry_after=retry_after_s)

    def fail(self) -> None:
        self.portal.plan("503", times=None)

    def refuse_entry(self, type_: str, id_: str) -> None:
        self.portal.plan("422-entry", match=f"{type_}/{id_}$", times=None)

    def lose_answer(self) -> None:
        self.portal.plan("reset-after-write")

    def writes(self, target: str) -> Sequence[tuple[str, str, str]]:
        return [(one["type"], one["id"], one["op"]) for one in self.portal.dump() if one["member"] == target]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def bench(portal: RunningPortal, http: httpx2.Client, tmp_path: Path) -> PortalBench:
    portal.behave()
    key = tmp_path / "stranger.jwk"
    key.write_text(json.dumps(ECKey.generate_key("P-384", private=True).as_dict(private=True)))
    known = portal.settings()
    stranger = {**known, "client_id": "stranger", "secrets": {"key": str(key)}}
    nowhere = {**known, "base_url": "http://127.0.0.1:1"}
    return PortalBench(
        sink=PORTAL,
        context=PlainContext(settings=known, client=http),
        stranger=PlainContext(settings=stranger, client=http),
        nowhere=PlainContext(settings=nowhere, client=http),
        far_side=SampleFarSide(portal=portal),
    )


class TestMemberFhir(PortalContract):
    """All promises of a portal connector."""

    def test_it_is_a_sink(self) -> None:
        assert isinstance(PORTAL, SinkConnector)

    def test_a_token_that_the_portal_ended_early_is_renewed_once(
        self, bench: PortalBench, portal: RunningPortal, member: str
    ) -> None:
        bench.sink.deliver(bench.context, member, [item("a")])
        portal.plan("401", times=1)

        [receipt] = bench.sink.deliver(bench.context, member, [item("b")])
        assert receipt.ok

    def test_history_shows_every_write_oldest_first(self, bench: PortalBench, member: str) -> None:
        for body in ("1", "2"):
            bench.sink.deliver(bench.context, member, [item("a", body)])
        bench.sink.deliver(bench.context, member, [DeliveryItem(type="Observation", id="a", body=None)])

        history = PORTAL.history(bench.context, member, ("Observation", "a"))
        assert [state.body for state in history] == [item("a", "1").body, item("a", "2").body, None]
        assert list(PORTAL.history(bench.context, member, ("Observation", "never"))) == []

    def test_a_listing_of_more_than_a_page_follows_the_portal_to_its_end(
        self, bench: PortalBench, member: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connectors.portals.member_fhir.sink.PAGE", 2)
        bench.sink.deliver(bench.context, member, [item(f"o{number}") for number in range(5)])

        assert len(list(bench.sink.listing(bench.context, member))) == 5

    @pytest.mark.parametrize("key", ["not json", "{}", '{"kty": "EC", "crv": "P-384"}', '{"kty": "oct", "k": "c2VjcmV0"}'])
    def test_a_key_file_that_holds_no_key_is_a_matter_for_a_human(self, bench: PortalBench, tmp_path: Path, key: str) -> None:
        file = tmp_path / "broken.jwk"
        file.write_text(key)
        settings = {**bench.context.settings, "client_id": "broken", "secrets": {"key": str(file)}}
        with pytest.raises(Misconfigured, match=r"secrets\.key"):
            PORTAL.check(PlainContext(settings=settings, client=bench.context.http()))


def answering(handler: Any, **settings: Any) -> Context:
    """A context whose portal gives a token and then answers as the handler says."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/token":
            return httpx2.Response(200, json={"access_token": "t", "expires_in": 300})
        answer: httpx2.Response = handler(request)
        return answer

    key = ECKey.generate_key("P-384", private=True).as_dict(private=True)

    class Answering(PlainContext):
        def secret(self, name: str) -> str:
            return json.dumps(key)

    client = httpx2.Client(transport=httpx2.MockTransport(handle))
    known = {"base_url": f"https://portal-{id(client)}.example", "secrets": {"key": ""}}
    return Answering(settings={**known, **settings}, client=client)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Rejected), (413, Rejected), (422, Rejected), (500, AmbiguousError), (502, AmbiguousError), (503, TransientError)],
)
def test_a_status_becomes_what_the_gateway_does_about_it(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        PORTAL.deliver(answering(lambda _: httpx2.Response(status)), MEMBER, [item("a")])


@pytest.mark.parametrize("body", [b"", b"[]", b'{"resourceType":"Bundle","type":"transaction-response","entry":[]}'])
def test_an_answer_that_does_not_match_what_was_sent_leaves_it_in_doubt(body: bytes) -> None:
    with pytest.raises(AmbiguousError):
        PORTAL.deliver(answering(lambda _: httpx2.Response(200, content=body)), MEMBER, [item("a")])


@pytest.mark.parametrize(("given", "etag"), [("7", 'W/"7"'), ('W/"7"', 'W/"7"'), ('"7"', '"7"'), ("a b", None), ("", None)])
def test_an_etag_without_its_quotes_is_the_bare_version(given: str, etag: str | None) -> None:
    entry = {"response": {"status": "200 OK", "etag": given}}
    answer = {"resourceType": "Bundle", "type": "transaction-response", "entry": [entry]}

    [receipt] = PORTAL.deliver(answering(lambda _: httpx2.Response(200, json=answer)), MEMBER, [item("a")])
    assert (receipt.ok, receipt.etag) == (True, etag)


def test_a_portal_may_leave_the_word_about_slots_out() -> None:
    PORTAL.announce(answering(lambda _: httpx2.Response(404)), AT, AT)


def test_unsharing_names_the_member_and_what_is_not_there_is_done() -> None:
    asked: list[Any] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.url.path, loads(request.content)["parameter"]))
        return httpx2.Response(204 if len(asked) == 1 else 410)

    receipts = PORTAL.unshare(answering(handle), MEMBER, [("Observation", "a"), ("Goal", "b")])
    assert [(receipt.ok, receipt.status) for receipt in receipts] == [(True, 204), (True, 410)]
    named = [{"name": "member", "valueUuid": f"urn:uuid:{MEMBER}"}]
    assert asked == [(f"/fhir/{MEMBER}/Observation/a/$unshare", named), (f"/fhir/{MEMBER}/Goal/b/$unshare", named)]


def test_a_next_page_elsewhere_is_not_followed_with_our_token() -> None:
    page = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": "https://elsewhere.example/x"}]}
    with pytest.raises(Misconfigured):
        list(PORTAL.listing(answering(lambda _: httpx2.Response(200, json=page)), MEMBER))


def test_a_listing_without_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.portals.member_fhir.sink.MAX_PAGES", 3)
    page = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": "?again"}]}
    with pytest.raises(PermanentError):
        list(PORTAL.listing(answering(lambda _: httpx2.Response(200, json=page)), MEMBER))


def test_the_words_of_a_portal_are_left_out_and_its_codes_kept() -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"code": "invalid", "diagnostics": CANARY, "expression": ["Bundle.entry[3].resource", f"bad {CANARY}"]}],
    }
    with pytest.raises(Rejected) as raised:
        PORTAL.deliver(answering(lambda _: httpx2.Response(422, json=outcome)), MEMBER, [item("a")])
    assert str(raised.value) == "422; invalid at Bundle.entry[3].resource"


@pytest.mark.parametrize(("header", "seconds"), [("120", 120.0), ("1.5", 1.5), ("soon", None), ("", None)])
def test_retry_after_is_read_in_seconds(header: str, seconds: float | None) -> None:
    with pytest.raises(TransientError) as raised:
        PORTAL.deliver(answering(lambda _: httpx2.Response(503, headers={"Retry-After": header})), MEMBER, [item("a")])
    assert raised.value.retry_after == seconds


def test_a_bundle_is_joined_from_the_bytes_of_its_resources() -> None:
    body = b'{"resourceType":"Observation","id":"a","valueQuantity":{"value":72.50}}'
    bundle = transaction(
        [DeliveryItem(type="Observation", id="a", body=body, etag='W/"3"'), DeliveryItem(type="Goal", id="b", body=None)]
    )

    assert body in bundle
    assert loads(bundle)["entry"] == [
        {"resource": loads(body), "request": {"method": "PUT", "url": "Observation/a", "ifMatch": 'W/"3"'}},
        {"request": {"method": "DELETE", "url": "Goal/b"}},
    ]


def test_every_type_that_a_map_makes_is_looked_for_in_a_listing() -> None:
    maps = (Path(__file__).parents[2] / "mappings").rglob("*.yaml")
    made = {
        line.split("->")[1].split("@")[0].strip(' "')
        for path in maps
        for line in path.read_text().splitlines()
        if line.startswith("map:")
    }
    assert len(made) > 5
    assert made | {"CareTeam"} <= set(TYPES)


@pytest.mark.parametrize("body", [b'{"type":"\xff"}', b'{"type":"x","y":' + b"[" * 100_000], ids=["no-utf8", "deep"])
def test_an_answer_that_cannot_be_read_has_a_class(body: bytes) -> None:
    ctx = answering(lambda _: httpx2.Response(200, content=body))
    with pytest.raises(AmbiguousError):
        PORTAL.deliver(ctx, MEMBER, [item("a")])
    with pytest.raises(PermanentError):
        list(PORTAL.listing(ctx, MEMBER))


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.portals.member_fhir.answers.MAX_BODY_BYTES", 1000)
    ctx = answering(lambda _: httpx2.Response(200, content=b"x" * 1001))
    with pytest.raises(PermanentError):
        PORTAL.read_back(ctx, MEMBER, [("Observation", "a")])
    with pytest.raises(AmbiguousError):
        PORTAL.deliver(ctx, MEMBER, [item("a")])
