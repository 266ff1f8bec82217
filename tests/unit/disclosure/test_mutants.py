"""Every rule is needed: with any one of them left out, a property fails."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings

from gateway.disclosure.decide import decide, decide_by
from gateway.disclosure.rules import RULES, Rules
from tests.unit.disclosure.cases import Decide, World, worlds
from tests.unit.disclosure.properties import CHECKS

EXAMPLES = 1200
KINDS = ("forbids", "bars", "rungs")
EVERY = [(kind, rule.name) for kind in KINDS for rule in getattr(RULES, kind)]


@pytest.fixture(scope="module")
def drawn() -> list[World]:
    """The same worlds for every mutant."""
    found: list[World] = []

    @settings(max_examples=EXAMPLES, derandomize=True, database=None)
    @given(world=worlds)
    def look(world: World) -> None:
        found.append(world)

    look()
    return found


def without(kind: str, name: str) -> Rules:
    changed: dict[str, Any] = {kind: tuple(rule for rule in getattr(RULES, kind) if rule.name != name)}
    return replace(RULES, **changed)


def fails(decider: Decide, world: World) -> bool:
    try:
        for check in CHECKS:
            check(decider, world)
    except AssertionError:
        return True
    return False


def test_our_own_rules_fail_nothing(drawn: list[World]) -> None:
    assert len(drawn) >= EXAMPLES * 0.9
    assert not any(fails(decide, world) for world in drawn)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_without_a_rule_some_property_fails(drawn: list[World], kind: str, name: str) -> None:
    mutant = partial(decide_by, without(kind, name))
    assert any(fails(mutant, world) for world in drawn)
