"""Reception: any bytes become messages that can be stored and answered, and never an exception."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import fixed_clock
from gateway.intake.arrival import Arrival
from gateway.intake.reception import Reception, source_time
from gateway.intake.senders import Desk, PushSource
from gateway.keys import generate

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
SOURCES = (
    PushSource(id=1, code="vesta", zone=AMSTERDAM, senders=frozenset({"VESTA|DELINDE"}), daily=True),
    PushSource(id=2, code="lab", zone=AMSTERDAM, senders=frozenset({"LAB|DELINDE"})),
)
RECEPTION = Reception(desk=Desk(org=1, sources=SOURCES), keys=generate(), clock=fixed_clock(NOW))
MESSAGE = b"MSH|^~\\&|VESTA|DELINDE|ZS|ZS|20261120101500||ADT^A01|7|P|2.5\rPID|1||10042^^^DELINDE^PI\rPV1|1|I\r"

FIELD = st.one_of(
    st.sampled_from([b"VESTA", b"DELINDE", b"ADT^A01", b"2.5", b"AL", b'""', b"\x00", b"\xff\xfe", b"~\\&"]),
    st.binary(max_size=12),
)
HEADER = st.lists(FIELD, max_size=20).map(lambda fields: b"MSH|^~\\&|" + b"|".join(fields))
MUTATED = st.tuples(st.integers(0, len(MESSAGE)), st.binary(max_size=4)).map(
    lambda cut: MESSAGE[: cut[0]] + cut[1] + MESSAGE[cut[0] + len(cut[1]) :]
)


def storable(arrival: Arrival) -> bool:
    identity = arrival.identity
    texts = [identity.sender, identity.control_id, identity.day, arrival.kind, arrival.record_key]
    return all("\x00" not in text and len(text.encode()) < 2700 for text in texts)


@given(data=st.one_of(st.binary(max_size=200), HEADER, MUTATED, st.lists(MUTATED, max_size=3).map(b"\r".join)))
def test_any_bytes_are_kept_and_answered(data: bytes) -> None:
    for arrivals in (list(RECEPTION.frame(data)), list(RECEPTION.units(data))):
        assert arrivals
        for arrival in arrivals:
            assert storable(arrival)
            assert f"\rMSA|{arrival.code}|".encode() in arrival.ack
            assert (arrival.reason is None) == (arrival.code in ("AA", "CA"))


def test_the_same_bytes_have_the_same_identity_and_others_another_hash() -> None:
    [one], [again], [other] = (list(RECEPTION.frame(data)) for data in (MESSAGE, MESSAGE, MESSAGE + b"NTE|1\r"))

    assert (one.identity, one.body_hash) == (again.identity, again.body_hash)
    assert one.identity == other.identity
    assert one.body_hash != other.body_hash


def test_the_sender_chooses_the_source_among_those_of_the_listener() -> None:
    chosen = [next(iter(RECEPTION.frame(MESSAGE.replace(b"VESTA", name)))) for name in (b"VESTA", b"LAB^1^L", b"OTHER")]

    assert [one.identity.source for one in chosen] == [1, 2, 1]
    assert [one.reason for one in chosen] == [None, None, "unknown-source"]
    assert [one.record_key for one in chosen] == ["VESTA|DELINDE|7|20261120", "LAB^1^L|DELINDE|7", "OTHER|DELINDE|7|20261120"]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("20261120101500", "2026-11-20T09:15:00+00:00"),
        ("202607011015", "2026-07-01T08:15:00+00:00"),
        ("20261120101500.1234+0200", "2026-11-20T08:15:00.123400+00:00"),
        ("20261120", "2026-11-19T23:00:00+00:00"),
        # The hour that comes twice: the earlier one.
        ("20261025023000", "2026-10-25T00:30:00+00:00"),
    ],
)
def test_msh_7_is_read_in_the_zone_of_the_source(text: str, utc: str) -> None:
    read = source_time(text, AMSTERDAM)
    assert read is not None
    assert read.isoformat() == utc


@pytest.mark.parametrize("text", ["", "2026", "20261345", "yesterday", "20261120101500+9999"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert source_time(text, AMSTERDAM) is None
