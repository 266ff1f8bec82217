"""The order of what is sent: after what it refers to, circles together, and otherwise as it came."""

from __future__ import annotations

from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.outbox.order import arranged, held_up

IDS = st.lists(st.integers(0, 30), unique=True, max_size=20)
PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40)


@settings(max_examples=500)
@given(ids=IDS, pairs=PAIRS)
def test_everything_is_sent_once_and_nothing_before_what_it_refers_to(ids: list[int], pairs: list[tuple[int, int]]) -> None:
    groups = arranged(ids, pairs)

    assert sorted(chain.from_iterable(groups)) == sorted(ids)
    place = {id_: number for number, group in enumerate(groups) for id_ in group}
    assert all(place[one] >= place[other] for one, other in pairs if one in place and other in place)


@settings(max_examples=500)
@given(ids=IDS, pairs=PAIRS)
def test_only_what_refers_to_each_other_in_a_circle_goes_together(ids: list[int], pairs: list[tuple[int, int]]) -> None:
    reaches = {id_: {id_} for id_ in ids}
    for _ in ids:
        for one, other in pairs:
            if one in reaches and other in reaches:
                reaches[one] |= reaches[other]

    for group in arranged(ids, pairs):
        assert all(other in reaches[one] for one in group for other in group)
    assert sum(len(group) for group in arranged(ids, pairs)) == len(ids)


def test_what_refers_to_nothing_keeps_its_order() -> None:
    assert arranged([3, 1, 2], []) == [(3,), (1,), (2,)]


def test_a_circle_goes_together_and_what_refers_to_it_follows() -> None:
    assert arranged([1, 2, 3], [(1, 2), (2, 3), (3, 2)]) == [(2, 3), (1,)]


def test_what_refers_to_what_failed_waits_with_it_and_nothing_else_does() -> None:
    assert held_up({3}, [(1, 2), (2, 3), (3, 4), (5, 4)]) == {1, 2, 3}
