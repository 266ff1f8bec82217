"""Members who share their verdicts: only those whom no rule can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from hypothesis import given, settings

from gateway.disclosure.batch import Batch
from gateway.disclosure.decide import Policy, Subscriber, decide
from tests.unit.disclosure.cases import NOW, World, worlds

LISTS = ("grants", "exclusions", "representations", "external")


def altered(record: Any, other: Any, *left: str) -> Iterator[Any]:
    """Yield a record with one field as another has it, each field in turn."""
    for field in fields(record):
        if field.name not in left and getattr(record, field.name) != getattr(other, field.name):
            yield replace(record, **{field.name: getattr(other, field.name)})


def neighbours(world: World, other: World) -> Iterator[tuple[Subscriber, Policy]]:
    """Yield members and policies that differ from this world's in one thing."""
    member, policy = world.subscriber, world.policy
    for one in altered(member, other.subscriber):
        yield one, policy
    for two in altered(policy, other.policy):
        yield member, two
    for name, another in zip(LISTS, (other.grant, other.exclusion, other.mandate, other.consent), strict=True):
        records = list(getattr(policy, name))
        for place, record in enumerate(records):
            for changed in altered(record, another, "id"):
                instead: dict[str, Any] = {name: [*records[:place], changed, *records[place + 1 :]]}
                yield member, replace(policy, **instead)


@settings(max_examples=1000)
@given(world=worlds, other=worlds)
def test_members_who_differ_in_one_thing_each_get_their_own_verdicts(world: World, other: World) -> None:
    """One batch over a member and all that come closest to it, side by side: each verdict is what it is alone."""
    batch, items = Batch(NOW), [*world.items, *(replace(item, rkey=item.rkey + 10) for item in other.items)]
    for member, policy in [(world.subscriber, world.policy), *neighbours(world, other)]:
        members = (world.subscriber, member)
        together = batch.client(items, members, policy)
        for place, one in enumerate(members):
            assert list(together.of_member(place)) == [decide(item, one, policy, NOW) for item in items]
