"""Deciding much at once: by cells of items that no rule can tell apart, each cell decided once and given out as often as it is asked.

For one member and items as they come: ``compiled(policy, subscriber, at)`` is a function from ``Facts`` to ``Verdict``.
For a whole client: ``decide_client(items, subscribers, policy, at)``; its answer knows the verdict of every pair, and counts without
making the pairs. Both give exactly what ``decide`` gives; verdicts of one cell are one object.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from gateway.disclosure.decide import decide
from gateway.disclosure.policy import Facts, Grant, Policy, Subscriber, Verdict

# What the rules read of an item, but for what few items are told apart by: its number, its person, its time.
KIND = attrgetter("rule", "rtype", "audience", "labels", "withdrawn", "origin_portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The verdicts of one client's items for its members. ``cells`` holds each item's cell; ``by_member`` each member's verdict per cell."""

    cells: Sequence[int]
    by_member: Sequence[Sequence[Verdict]]

    def verdict(self, item: int, member: int) -> Verdict:
        """Return the verdict of a pair, both by their place in what was asked."""
        return self.by_member[member][self.cells[item]]

    def of_member(self, member: int) -> Iterator[Verdict]:
        """Yield a member's verdicts in the order of the items."""
        return map(self.by_member[member].__getitem__, self.cells)

    def counts(self, member: int) -> Counter[Verdict]:
        """Count a member's verdicts, by cell: as costly as there are cells, not items."""
        sizes = Counter(self.cells)
        found: Counter[Verdict] = Counter()
        for cell, verdict in enumerate(self.by_member[member]):
            found[verdict] += sizes[cell]
        return found


def compiled(policy: Policy, subscriber: Subscriber, at: datetime) -> Callable[[Facts], Verdict]:
    """Return ``decide`` for one member at one moment: as many items as there are, one decision for each kind among them."""
    own = _of(policy, subscriber)
    cell_of = _divider(own)
    known: dict[Hashable, Verdict] = {}

    def judge(facts: Facts) -> Verdict:
        cell = cell_of(facts)
        verdict = known.get(cell)
        if verdict is None:
            verdict = known[cell] = decide(facts, subscriber, own, at)
        return verdict

    return judge


def decide_client(items: Sequence[Facts], subscribers: Sequence[Subscriber], policy: Policy, at: datetime) -> Decided:
    """Decide every item of a client for each of its members: items are divided into cells once, for all members."""
    cell_of = _divider(policy)
    numbers: dict[Hashable, int] = {}
    cells = [numbers.setdefault(cell_of(facts), len(numbers)) for facts in items]
    samples = [items[first] for first in _firsts(cells, len(numbers))]
    return Decided(cells=cells, by_member=[_each(samples, subscriber, _of(policy, subscriber), at) for subscriber in subscribers])


def _each(samples: Sequence[Facts], subscriber: Subscriber, policy: Policy, at: datetime) -> list[Verdict]:
    return [decide(facts, subscriber, policy, at) for facts in samples]


def _firsts(cells: Sequence[int], count: int) -> list[int]:
    """Return where each cell comes first: cells are numbered as they come."""
    firsts: list[int] = []
    for place, cell in enumerate(cells):
        if cell == len(firsts):
            firsts.append(place)
            if len(firsts) == count:
                break
    return firsts


def _of(policy: Policy, subscriber: Subscriber) -> Policy:
    """Return the policy without the grants of others, which decide nothing here."""
    return replace(policy, grants=[grant for grant in policy.grants if grant.person == subscriber.person])


def _divider(policy: Policy) -> Callable[[Facts], Hashable]:
    """Return a function that gives items the same cell when this policy can't tell them apart.

    Items are told apart by their number where the policy names it, by their time where a grant is about a period, and the records of
    relations by whose they are.
    """
    bounds = _data_bounds(policy.grants)
    named = frozenset(exclusion.rkey for exclusion in policy.exclusions) | {consent.rkey for consent in policy.external}

    def cell(facts: Facts) -> Hashable:
        kind = KIND(facts)
        whose = facts.rid if facts.rtype == "RelatedPerson" else None
        number = facts.rkey if facts.rkey in named else None
        return kind, whose, number, _period(bounds, facts.data_at)

    return cell if bounds or named - {None} else _plain


def _plain(facts: Facts) -> Hashable:
    return (KIND(facts), facts.rid) if facts.rtype == "RelatedPerson" else KIND(facts)


def _data_bounds(grants: Collection[Grant]) -> list[datetime]:
    return sorted({bound for grant in grants for bound in (grant.data_from, grant.data_to) if bound is not None})


def _period(bounds: Sequence[datetime], data_at: datetime | None) -> int:
    """Return which of the periods between the bounds a moment lies in; -1 for an item without a time."""
    return -1 if data_at is None else bisect_right(bounds, data_at)
