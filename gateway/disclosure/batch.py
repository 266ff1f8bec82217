"""Deciding much at once: what no rule can tell apart is decided once, and given out as often as it is asked.

For one member and items as they come: ``compiled(policy, subscriber, at)`` is a function from ``Facts`` to ``Verdict``.
For whole clients, one after another: ``Batch(at).client(items, subscribers, policy)``; its answer knows the verdict of every pair, and counts
without making the pairs. Both give exactly what ``decide`` gives; verdicts of one cell are one object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Final

from gateway.disclosure.alike import divider, member_kind
from gateway.disclosure.decide import decide
from gateway.disclosure.policy import Facts, Grant, Policy, Subscriber, Verdict

# Kinds of members that a batch keeps verdicts of: enough for all that ordinary rights make, bounded for those that name items.
KINDS: Final = 10_000
NUMBER = attrgetter("id")


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
    own = replace(policy, grants=_own(policy, subscriber))
    cell_of = divider(own, [subscriber])
    known: dict[Hashable, Verdict] = {}

    def judge(facts: Facts) -> Verdict:
        cell = cell_of(facts)
        verdict = known.get(cell)
        if verdict is None:
            verdict = known[cell] = decide(facts, subscriber, own, at)
        return verdict

    return judge


# A verdict for a kind of member: as it was decided first, and which of the member's grants in their order decided it.
Placed = tuple[Verdict, int | None]


class Batch:
    """Decisions of one moment about any number of clients; members who are alike share theirs."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._known: dict[Hashable, dict[Hashable, Placed]] = {}

    def client(self, items: Sequence[Facts], subscribers: Sequence[Subscriber], policy: Policy) -> Decided:
        """Decide every item of a client for each of its members: items are divided into cells once, for all members."""
        cell_of = divider(policy, subscribers)
        samples: dict[Hashable, Facts] = {}
        numbers: dict[Hashable, int] = {}
        cells = []
        for facts in items:
            cell = cell_of(facts)
            number = numbers.get(cell)
            if number is None:
                number = numbers[cell] = len(numbers)
                samples[cell] = facts
            cells.append(number)
        return Decided(cells=cells, by_member=[self._member(samples, subscriber, policy) for subscriber in subscribers])

    def _member(self, samples: dict[Hashable, Facts], subscriber: Subscriber, policy: Policy) -> list[Verdict]:
        grants = _own(policy, subscriber)
        known = self._of_kind(member_kind(subscriber, grants, policy, self.at))
        verdicts = []
        for cell, facts in samples.items():
            found = known.get(cell)
            if found is None:
                found = known[cell] = self._decided(facts, subscriber, policy, grants)
            verdict, place = found
            if place is not None:
                verdict = Verdict(code=verdict.code, projection=verdict.projection, grant_id=grants[place].id)
            verdicts.append(verdict)
        return verdicts

    def _of_kind(self, kind: Hashable) -> dict[Hashable, Placed]:
        known = self._known.get(kind)
        if known is None:
            if len(self._known) >= KINDS:
                self._known.clear()
            known = self._known[kind] = {}
        return known

    def _decided(self, facts: Facts, subscriber: Subscriber, policy: Policy, grants: Sequence[Grant]) -> Placed:
        verdict = decide(facts, subscriber, policy, self.at)
        place = None if verdict.grant_id is None else [grant.id for grant in grants].index(verdict.grant_id)
        return verdict, place


def _own(policy: Policy, subscriber: Subscriber) -> list[Grant]:
    """Return the member's own grants, the oldest first: those of others decide nothing here."""
    own = [grant for grant in policy.grants if grant.person == subscriber.person]
    return sorted(own, key=NUMBER) if len(own) > 1 else own
