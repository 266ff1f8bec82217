# ruff: noqa: S101  (a kit of tests: asserts are its words)
"""What every portal connector promises, as tests: a new portal adds one subclass and a far side that can misbehave.

    class TestNewPortal(PortalContract):
        @pytest.fixture
        def bench(self, …) -> PortalBench: …

The far side must be a real one, or a small working stand-in over sockets: what is promised here is about lost answers and bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import jsonschema
import pytest

from gateway.connector import CONTRACT_VERSION, Context, DeliveryItem, Receipt, RemoteState, SinkConnector, Unshares
from gateway.errors import AmbiguousError, AuthError, GatewayError, Misconfigured, Rejected, Retryable, Throttled
from gateway.outbox.tombstone import is_gone, tombstone

CANARY = "KANARIE-mevrouw"
AT = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


class FarSide(Protocol):
    """The portal as a test sees it: it misbehaves when told to, and shows what it accepted."""

    def behave(self) -> None: ...
    def be_down(self) -> None: ...
    def refuse_credentials(self) -> None: ...
    def throttle(self, retry_after_s: float) -> None: ...
    def fail(self) -> None: ...
    def refuse_entry(self, type_: str, id_: str) -> None: ...
    def lose_answer(self) -> None: ...
    def writes(self, target: str) -> Sequence[tuple[str, str, str]]:
        """Return (type, id, ``put`` or ``delete``) of every accepted write to a member, in order."""
        ...


@dataclass(frozen=True, kw_only=True)
class PortalBench:
    """A connector on its far side. ``stranger`` is a context with credentials that the portal doesn't know; ``nowhere`` has no portal."""

    sink: SinkConnector
    context: Context
    stranger: Context
    nowhere: Context
    far_side: FarSide


class PortalContract:
    """The promises of a ``SinkConnector``. ``bench`` is the fixture that a subclass gives."""

    @pytest.fixture
    def member(self) -> str:
        return str(uuid4())

    def test_c01_its_settings_are_described_and_others_are_refused(self, bench: PortalBench) -> None:
        schema = bench.sink.config_schema
        jsonschema.Draft202012Validator.check_schema(dict(schema))
        jsonschema.validate(dict(bench.context.settings), dict(schema))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**bench.context.settings, "unheard_of": 1}, dict(schema))
        assert bench.sink.contract_version == CONTRACT_VERSION

    def test_c01_what_a_portal_can_do_is_said_in_its_settings_and_nothing_impossible_is(self, bench: PortalBench) -> None:
        schema = dict(bench.sink.config_schema)
        told = {"retraction": "tombstone", "step_up": False, "acr": 2, "max_entries": 10, "audiences": ["circle"]}
        jsonschema.validate({**bench.context.settings, "manifest": told}, schema)
        for wrong in ({"retraction": "forget"}, {"granularity": "client"}, {"max_entries": 0}, {"unheard_of": 1}):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({**bench.context.settings, "manifest": wrong}, schema)

    def test_c02_a_portal_that_answers_is_well(self, bench: PortalBench) -> None:
        assert bench.sink.check(bench.context).ok

    def test_c02_credentials_that_the_portal_does_not_know_stop_the_channel(self, bench: PortalBench) -> None:
        with pytest.raises(AuthError):
            bench.sink.check(bench.stranger)

    def test_c02_a_portal_that_is_not_there_is_tried_again(self, bench: PortalBench, member: str) -> None:
        with pytest.raises(Retryable) as raised:
            bench.sink.deliver(bench.nowhere, member, [item("a")])
        assert not isinstance(raised.value, AmbiguousError), "nothing was sent"

    def test_s01_a_lost_answer_is_told_as_such_and_not_sent_again(self, bench: PortalBench, member: str) -> None:
        bench.far_side.lose_answer()
        with pytest.raises(AmbiguousError):
            bench.sink.deliver(bench.context, member, [item("a")])
        bench.far_side.behave()

        assert bench.far_side.writes(member) == [("Observation", "a", "put")]
        [state] = bench.sink.read_back(bench.context, member, [("Observation", "a")])
        assert state.body == item("a").body

    def test_s02_deleting_what_was_never_there_is_done(self, bench: PortalBench, member: str) -> None:
        [receipt] = bench.sink.deliver(bench.context, member, [gone("never")])

        assert receipt.ok

    def test_s03_every_byte_arrives_as_it_left(self, bench: PortalBench, member: str) -> None:
        body = b'{"resourceType":"Observation","id":"a","status":"final","valueQuantity":{"value":72.50},"note":[{"text":"\xc3\xab \\u2028"}]}'
        bench.sink.deliver(bench.context, member, [DeliveryItem(type="Observation", id="a", body=body)])

        [state] = bench.sink.read_back(bench.context, member, [("Observation", "a")])
        assert state.body == body

    def test_s04_there_is_a_receipt_with_an_etag_for_each_item_in_order(self, bench: PortalBench, member: str) -> None:
        receipts = bench.sink.deliver(bench.context, member, [item(name) for name in "cab"])

        assert [(receipt.id, receipt.ok) for receipt in receipts] == [("c", True), ("a", True), ("b", True)]
        states = bench.sink.read_back(bench.context, member, [("Observation", name) for name in "cab"])
        assert [receipt.etag for receipt in receipts] == [state.etag for state in states]
        assert all(receipt.etag for receipt in receipts)

    def test_s05_the_right_etag_replaces_and_another_is_refused_without_a_trace(self, bench: PortalBench, member: str) -> None:
        [first] = bench.sink.deliver(bench.context, member, [item("a", "1")])
        [second] = bench.sink.deliver(bench.context, member, [item("a", "2", etag=first.etag)])
        assert second.ok
        assert second.etag != first.etag

        with pytest.raises(Rejected) as raised:
            bench.sink.deliver(bench.context, member, [item("b"), item("a", "3", etag=first.etag)])
        assert raised.value.status in (409, 412)
        assert bench.far_side.writes(member) == [("Observation", "a", "put")] * 2

    def test_s05_what_is_read_back_has_the_etag_that_replaces_it(self, bench: PortalBench, member: str) -> None:
        for value in "12":
            bench.sink.deliver(bench.context, member, [item("a", value)])
        [state] = bench.sink.read_back(bench.context, member, [("Observation", "a")])

        [receipt] = bench.sink.deliver(bench.context, member, [item("a", "3", etag=state.etag)])
        assert receipt.ok

    def test_s06_a_refused_entry_refuses_the_batch_and_nothing_of_it_stays(self, bench: PortalBench, member: str) -> None:
        bench.far_side.refuse_entry("Observation", "b")
        with pytest.raises(Rejected) as raised:
            bench.sink.deliver(bench.context, member, [item(name) for name in "abc"])

        assert raised.value.status is not None
        assert bench.far_side.writes(member) == []

    def test_s07_a_plea_for_patience_says_for_how_long(self, bench: PortalBench, member: str) -> None:
        bench.far_side.throttle(90)
        with pytest.raises(Throttled) as raised:
            bench.sink.deliver(bench.context, member, [item("a")])

        assert raised.value.retry_after == 90
        assert bench.far_side.writes(member) == []

    def test_s08_refused_credentials_stop_the_channel(self, bench: PortalBench, member: str) -> None:
        bench.far_side.refuse_credentials()
        for call in every_call(bench, member):
            with pytest.raises(Misconfigured):
                call()

    def test_s09_a_portal_that_is_down_or_out_of_order_is_tried_again(self, bench: PortalBench, member: str) -> None:
        for misbehave in (bench.far_side.be_down, bench.far_side.fail):
            misbehave()
            for call in every_call(bench, member):
                with pytest.raises(Retryable):
                    call()
            bench.far_side.behave()
        assert bench.far_side.writes(member) == []

    def test_s10_what_was_deleted_and_what_never_was_read_back_as_gone(self, bench: PortalBench, member: str) -> None:
        bench.sink.deliver(bench.context, member, [item("a")])
        bench.sink.deliver(bench.context, member, [gone("a")])

        states = bench.sink.read_back(bench.context, member, [("Observation", "a"), ("Observation", "never")])
        assert [(state.id, state.body) for state in states] == [("a", None), ("never", None)]

    def test_s10_a_member_that_the_portal_never_heard_of_holds_nothing(self, bench: PortalBench, member: str) -> None:
        assert [state.body for state in bench.sink.read_back(bench.context, member, [("Observation", "a")])] == [None]
        assert list(bench.sink.listing(bench.context, member)) == []

    def test_s11_a_listing_shows_all_that_is_held_and_nothing_else(self, bench: PortalBench, member: str) -> None:
        most = bench.sink.manifest().max_entries
        names = [f"o{number}" for number in range(most + 5)]
        for start in range(0, len(names), most):
            bench.sink.deliver(bench.context, member, [item(name) for name in names[start : start + most]])
        bench.sink.deliver(bench.context, member, [patient(), gone("o3")])

        listed = list(bench.sink.listing(bench.context, member))
        assert {(state.type, state.id) for state in listed} == {("Patient", "p")} | {
            ("Observation", name) for name in names if name != "o3"
        }
        assert len(listed) == len(names)
        assert all(state.body == item(state.id).body for state in listed if state.type == "Observation")

    def test_s12_members_are_kept_apart(self, bench: PortalBench, member: str) -> None:
        bench.sink.deliver(bench.context, member, [item("a")])

        [state] = bench.sink.read_back(bench.context, str(uuid4()), [("Observation", "a")])
        assert state.body is None

    def test_s13_what_was_deleted_can_come_again(self, bench: PortalBench, member: str) -> None:
        for step in (item("a"), gone("a"), item("a")):
            [receipt] = bench.sink.deliver(bench.context, member, [step])
            assert receipt.ok

        [state] = bench.sink.read_back(bench.context, member, [("Observation", "a")])
        assert state.body == item("a").body

    def test_s13_a_tombstone_takes_the_place_of_what_was_there_and_can_be_replaced(self, bench: PortalBench, member: str) -> None:
        stone = DeliveryItem(type="Observation", id="a", body=tombstone("Observation", "a"))
        for step in (item("a"), stone):
            bench.sink.deliver(bench.context, member, [step])
        [state] = bench.sink.read_back(bench.context, member, [("Observation", "a")])
        assert is_gone(state)

        bench.sink.deliver(bench.context, member, [item("a")])
        [state] = bench.sink.read_back(bench.context, member, [("Observation", "a")])
        assert state.body == item("a").body

    def test_s13_what_is_unshared_is_gone_for_the_member_also_when_it_never_was_there(
        self, bench: PortalBench, member: str
    ) -> None:
        if not isinstance(bench.sink, Unshares):
            pytest.skip("this connector can't unshare, and its portals can't be configured to")
        bench.sink.deliver(bench.context, member, [item("a"), item("b")])

        receipts = bench.sink.unshare(bench.context, member, [("Observation", "a"), ("Observation", "never")])

        assert [receipt.ok for receipt in receipts] == [True, True]
        states = bench.sink.read_back(bench.context, member, [("Observation", name) for name in ("a", "b")])
        assert [is_gone(state) for state in states] == [True, False]

    def test_s14_the_word_about_slots_is_taken(self, bench: PortalBench) -> None:
        bench.sink.announce(bench.context, AT, AT + timedelta(hours=4))

    def test_c15_no_text_of_an_error_shows_what_was_sent(self, bench: PortalBench, member: str) -> None:
        secret = DeliveryItem(type="Observation", id="a", body=json.dumps(body("a", "1") | {"valueString": CANARY}).encode())
        for misbehave in (
            bench.far_side.be_down,
            bench.far_side.fail,
            bench.far_side.refuse_credentials,
            bench.far_side.lose_answer,
            lambda: bench.far_side.refuse_entry("Observation", "a"),
            lambda: bench.far_side.throttle(1),
        ):
            misbehave()
            with pytest.raises(GatewayError) as raised:
                bench.sink.deliver(bench.context, member, [secret])
            bench.far_side.behave()
            assert CANARY not in str(raised.value)
            assert member not in str(raised.value)


def body(id_: str, value: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "x"}, "valueString": value}


def item(id_: str, value: str = "1", etag: str | None = None) -> DeliveryItem:
    """Return a small resource to write."""
    return DeliveryItem(type="Observation", id=id_, body=json.dumps(body(id_, value)).encode(), etag=etag)


def patient() -> DeliveryItem:
    """Return a resource of another type."""
    return DeliveryItem(type="Patient", id="p", body=b'{"resourceType":"Patient","id":"p"}')


def gone(id_: str) -> DeliveryItem:
    """Return a deletion."""
    return DeliveryItem(type="Observation", id=id_, body=None)


def every_call(bench: PortalBench, member: str) -> list[Callable[[], Sequence[Receipt] | Sequence[RemoteState]]]:
    """Return a call of each kind that goes to a member's base."""
    return [
        lambda: bench.sink.deliver(bench.context, member, [item("a")]),
        lambda: bench.sink.read_back(bench.context, member, [("Observation", "a")]),
        lambda: list(bench.sink.listing(bench.context, member)),
    ]
