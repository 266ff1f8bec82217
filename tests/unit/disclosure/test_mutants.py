"""Every rule is needed, and every condition in it: with any one of them left out or a boundary moved, a property fails."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings

from gateway.disclosure import rules as source
from gateway.disclosure.decide import decide, decide_by
from gateway.disclosure.rules import RULES, Rules
from tests.unit.disclosure.cases import Decide, World, worlds
from tests.unit.disclosure.properties import CHECKS

EXAMPLES = 4000
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
    """Tell whether a property fails, or the mutant can't even answer: it looks at what isn't there."""
    try:
        for check in CHECKS:
            check(decider, world)
    except (AssertionError, AttributeError, IndexError, TypeError):
        return True
    return False


MOVED = {ast.LtE: ast.Lt, ast.Lt: ast.LtE, ast.GtE: ast.Gt}
TREE = ast.parse(Path(source.__file__).read_text(encoding="utf-8"))
# Whom an item is for is worked out before the rules are asked, so a change of these would change nothing here.
BEFORE = ("audience_of", "birthday")


def places() -> Iterator[tuple[str, int, int]]:
    """Yield what can be changed: (function, number of the node in it, number of the condition to leave out; -1: move the boundary)."""
    for function in TREE.body:
        if isinstance(function, ast.FunctionDef) and function.name not in BEFORE:
            for number, node in enumerate(ast.walk(function)):
                if isinstance(node, ast.BoolOp):
                    yield from ((function.name, number, operand) for operand in range(len(node.values)))
                elif isinstance(node, ast.Compare) and type(node.ops[0]) in MOVED:
                    yield function.name, number, -1


def mutated(name: str, number: int, operand: int) -> Rules:
    """Return the rules of a source with that one change."""
    tree = deepcopy(TREE)
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    node = list(ast.walk(function))[number]
    if isinstance(node, ast.BoolOp):
        del node.values[operand]
        if len(node.values) == 1:
            node.values *= 2
    elif isinstance(node, ast.Compare):
        node.ops[0] = MOVED[type(node.ops[0])]()
    module = ModuleType(source.__name__)
    exec(compile(tree, "mutant", "exec"), module.__dict__)  # noqa: S102
    found: Rules = module.__dict__["RULES"]
    return found


def test_our_own_rules_fail_nothing(drawn: list[World]) -> None:
    assert len(drawn) >= EXAMPLES * 0.9
    assert not any(fails(decide, world) for world in drawn)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_without_a_rule_some_property_fails(drawn: list[World], kind: str, name: str) -> None:
    mutant = partial(decide_by, without(kind, name))
    assert any(fails(mutant, world) for world in drawn)


@pytest.mark.parametrize(("name", "number", "operand"), list(places()))
def test_without_a_condition_of_a_rule_some_property_fails(drawn: list[World], name: str, number: int, operand: int) -> None:
    mutant = partial(decide_by, mutated(name, number, operand))
    assert any(fails(mutant, world) for world in drawn)
