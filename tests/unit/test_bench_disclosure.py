"""The benchmark of deciding: every way of deciding it times gives the same answers, for the same people each time."""

from __future__ import annotations

from api.bench.disclosure import ITEMS, _in_memory
from api.bench.people import MEMBERS, clients


def test_what_is_timed_decides_the_same() -> None:
    figures = _in_memory(20, seed=7)

    everyone = [figures["single"], figures["single"]["at_first_with_compiling"], *figures["baselines"].values()]
    assert {one["permitted"] for one in everyone} == {figures["pairs"]["permitted"]}
    assert {one["decisions"] for one in everyone} == {figures["pairs"]["pairs"]} == {20 * ITEMS * MEMBERS}
    assert 0 < figures["pairs"]["permitted"] < figures["pairs"]["pairs"]


def test_the_same_seed_gives_the_same_people() -> None:
    one, other, another = clients(3, 10, 7), clients(3, 10, 7), clients(3, 10, 8)

    assert one == other != another
