"""What Vesta tells: the same each time, about people of its own, with the habits of real senders."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from itertools import islice

from samples.ecd.bsn import bsns
from samples.ecd.times import AMSTERDAM
from samples.vendor.people import clients
from samples.vendor.sending import in_order_of_sending
from samples.vendor.story import generate
from samples.vendor.truth import truth_lines
from samples.vendor.world import World
from tests.unit.samples_vendor.conftest import TODAY

#: More clients than the sample ECD is ever started with.
MOST_AT_THE_ECD = 20_000
WANTED = {
    "ADT^A28", "ADT^A31", "ADT^A08", "ADT^A01", "ADT^A40", "ORU^R01", "SIU^S12", "SIU^S13", "SIU^S14", "SIU^S15", "SIU^S17",
    "SIU^S26", "MDM^T02", "MDM^T08", "MDM^T10", "MDM^T11",
}  # fmt: skip


def _told(world: World, pattern: bytes) -> list[bytes]:
    return [found for message in world.messages for found in re.findall(pattern, message.data)]


def test_the_same_options_tell_the_same_bytes_and_the_same_truth(world: World) -> None:
    again = generate(count=24, days=14, seed=7, today=TODAY)

    assert [one.data for one in again.messages] == [one.data for one in world.messages]
    assert list(truth_lines(again)) == list(truth_lines(world))


def test_another_seed_tells_of_other_people() -> None:
    assert {one.bsn for one in clients(8, 24, TODAY)}.isdisjoint(one.bsn for one in clients(7, 24, TODAY))


def test_no_client_has_a_number_of_the_sample_ecd_and_every_bsn_is_a_test_number(world: World) -> None:
    elsewhere = set(islice(bsns(world.seed), MOST_AT_THE_ECD))
    for client in world.clients:
        assert client.bsn not in elsewhere
        assert client.bsn.startswith("999")
        weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
        assert sum(int(digit) * weight for digit, weight in zip(client.bsn, weights, strict=True)) % 11 == 0


def test_every_kind_of_message_is_there_and_none_shares_its_number_or_its_moment(world: World) -> None:
    kinds = {match.decode() for match in _told(world, rb"^MSH(?:\|[^|\r]*){7}\|([A-Z]{3}\^[A-Z]\d\d)")}

    assert kinds == WANTED
    assert len({one.control_id for one in world.messages}) == len(world.messages)
    moments = [one.at for one in world.messages]
    assert moments == sorted(set(moments))


def test_the_story_ends_on_the_morning_of_today(world: World) -> None:
    assert world.messages[-1].at < world.now <= world.messages[-1].at + timedelta(hours=3)
    assert world.now.astimezone(AMSTERDAM).date() == TODAY


def test_the_habits_of_real_senders_are_there(world: World) -> None:
    whole = b"".join(message.data for message in world.messages)

    assert re.search(rb"[\xe0-\xfc]", whole), "letters of 8859/1"
    assert "Ö".encode("cp1252") in whole
    assert any(_is_utf8(message.data) for message in world.messages if not message.data.isascii()), "UTF-8 that says 8859/1"
    assert re.search(rb"\|[^|\r]*[a-z.]\n[A-Z]", whole), "a line feed in a field"
    assert b'|""|' in whole, "a field that is emptied"
    assert re.search(rb"\|NM\|[^|]*\|\|\d+,\d+\|", whole), "a decimal comma"
    assert re.search(rb"\|\|\|\|\|C\|", whole), "a corrected result"
    assert re.search(rb"\|\|\|\|\|W\|", whole), "a result that was somebody else's"
    assert rb"\T\ " in whole
    assert b"|Cancelled^" in whole
    assert any(message.data.count(b"\rPID|") > 1 for message in world.messages if message.kind == "oru"), "two clients in one"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_every_message_goes_out_some_twice_and_some_after_what_overtook_them(world: World) -> None:
    sent = [one.control_id for one in in_order_of_sending(world.messages)]
    counts = Counter(sent)
    made = [one.control_id for one in world.messages]
    first = list(dict.fromkeys(sent))

    assert counts.keys() == set(made)
    assert 1 < max(counts.values()) <= 2
    assert first != made
    # Whatever comes late is overtaken by news of the same thing, and by nothing that needs it.
    places = {control_id: place for place, control_id in enumerate(first)}
    late = [
        one
        for one, after in zip(world.messages, world.messages[1:], strict=False)
        if places[one.control_id] > places[after.control_id]
    ]
    assert late
    assert {one.kind for one in late} <= {"siu", "oru"}


def test_years_of_history_and_a_single_client_can_be_told() -> None:
    long, small = generate(count=3, days=700, seed=3, today=date(2026, 3, 30)), generate(count=1, days=1, seed=3, today=TODAY)

    assert long.messages[0].at.year == 2024
    assert small.links[0].level == "private-medical"
