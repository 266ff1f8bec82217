"""The order in which rows are sent: each after what it refers to (a portal may refuse a reference to nothing); what is taken back, before.

Rows that refer to each other in a circle are one group, which no request splits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from gateway.database import Connection

# The ids of rows that go together or not at all.
Group = tuple[int, ...]
Reference = tuple[int, int]

# Which waiting row refers to which, by what the member is to hold, or (taken back) by what it still holds.
REFERENCES: Final = """
select referring.id as source, referred.id as target
from outbox referring join disclosure_ledger ledger on ledger.id = referring.ledger_id
join resource_reference reference on reference.rkey = ledger.rkey and reference.projection = coalesce(ledger.projection, ledger.held_projection)
join resource target on target.org = reference.org and target.rtype = reference.target_type and target.rid = reference.target_id
join disclosure_ledger other on other.link_id = ledger.link_id and other.rkey = target.rkey
join outbox referred on referred.ledger_id = other.id and referred.op = referring.op
where referring.id = any(%s) and referred.id = any(%s)"""


def references(db: Connection, rows: Sequence[Any]) -> list[Reference]:
    """Return (row, row that it has to follow) among waiting rows: a write follows what it refers to, a deletion what refers to it."""
    ids = [row.id for row in rows]
    deletions = {row.id for row in rows if row.op == "delete"}
    pairs = [(row.source, row.target) for row in db.execute(REFERENCES, (ids, ids))] if len(ids) > 1 else []
    return [(target, source) if source in deletions else (source, target) for source, target in pairs]


def arranged(ids: Iterable[int], following: Iterable[Reference]) -> list[Group]:
    """Return ids in groups, each group after those it has to follow, and otherwise as they came.

    >>> arranged([1, 2, 3, 4], [(1, 3), (2, 4), (4, 2)])
    [(2, 4), (3,), (1,)]
    """
    wanted = list(ids)
    group = {id_: id_ for id_ in wanted}
    pairs = [(one, other) for one, other in following if one in group and other in group]
    while True:
        sorter = TopologicalSorter({group[id_]: () for id_ in wanted})
        for one, other in pairs:
            if group[one] != group[other]:
                sorter.add(group[one], group[other])
        try:
            order = list(sorter.static_order())
            break
        except CycleError as error:
            circle = set(error.args[1])
            group = {id_: min(circle) if of in circle else of for id_, of in group.items()}
    members = defaultdict(list)
    for id_ in wanted:
        members[group[id_]].append(id_)
    return [tuple(members[first]) for first in order]


def held_up(failed: Iterable[int], following: Sequence[Reference]) -> set[int]:
    """Return the rows that failed, with all that has to follow one of them, directly or not."""
    found = set(failed)
    while more := {one for one, other in following if other in found} - found:
        found |= more
    return found
