"""What brings a directory resource along: a member sees a care worker or an organisation only by way of something that refers to it."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from gateway.disclosure.decide import Policy, Subscriber, decide
from gateway.insight.moment import Item, Moment

# From the client's own resources down: an organisation itself may be referred to by everybody's.
REFERENCES: Final = """
with recursive travels (rkey, projection, target) as (
  select resource.rkey, reference.projection, target.rkey
  from resource join resource_reference reference on reference.rkey = resource.rkey
  join resource target on target.org = resource.org and target.rtype = reference.target_type and target.rid = reference.target_id
  where resource.client_id = %(client)s and target.client_id is null
  union
  select reference.rkey, reference.projection, target.rkey
  from travels join resource_reference reference on reference.rkey = travels.target and reference.projection = 'directory'
  join resource target on target.org = reference.org and target.rtype = reference.target_type and target.rid = reference.target_id
  where target.client_id is null)
select rkey, projection, target from travels"""
NEVER: Final = frozenset({"confidential", "V", "hidden", "third-party"})


def brought_by(moment: Moment, subscriber: Subscriber, policy: Policy, client_id: int, target: Item) -> int | None:
    """Return the number of an item that the member may see and that leads to the target; nothing when none does.

    The references are those of today; which of the items that have them may be seen is of the moment.
    """
    edges: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row in moment.db.execute(REFERENCES, {"client": client_id}):
        edges[row.target].append((row.rkey, row.projection))
    sources = {source for found in edges.values() for source, _ in found}
    items = {item.facts.rkey: item for item in moment.items_of(sorted({*sources, target.facts.rkey}))}
    waiting, seen = [target.facts.rkey], set[int]()
    while waiting:
        rkey = waiting.pop()
        if rkey in seen or rkey not in items or not _travels(items[rkey]):
            continue
        seen.add(rkey)
        for source, projection in edges[rkey]:
            item = items.get(source)
            if item is None or item.client_id is None:
                waiting.append(source)
            elif (verdict := decide(item.facts, subscriber, policy, moment.at)).permitted and verdict.projection == projection:
                return source
    return None


def _travels(item: Item) -> bool:
    """Tell whether a directory resource may leave at all."""
    facts, rule = item.facts, item.facts.rule
    if rule is None or rule.class_ != "directory" or rule.label == "V":
        return False
    return not facts.withdrawn and facts.labels.isdisjoint(NEVER) and (facts.audience or rule.audience) != "provider"
