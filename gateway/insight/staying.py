"""What stays at portals that can't take anything back: told when rights are saved, in numbers and without names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.clients import find_client
from gateway.insight.simulate import effects_of
from gateway.ledger import Change
from gateway.runtime import Gateway

STAYS: Final = """
select portal.code as portal, person.code as person, count(*)::int as items
from disclosure_ledger ledger join link on link.id = ledger.link_id
join portal on portal.id = link.portal_id and portal.retraction = 'cannot' join person on person.id = link.person_id
where ledger.client_id = %s and ledger.state = 'cannot_retract' group by 1, 2 order by 1, 2"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """Items of one person at one portal that takes nothing back. ``due``: they may see them; without it they should be gone."""

    portal: str
    person: str
    items: int
    due: bool


def staying(gateway: Gateway, org: int, client: str | int) -> list[Stays]:
    """Return what should have been taken back of a client, and can't be.

    Raises:
        NotFound: there is no such client.
    """
    with gateway.database.transaction(org) as db:
        rows = db.execute(STAYS, (find_client(db, gateway.keys(org).ids(), client),)).fetchall()
    return [Stays(portal=row.portal, person=row.person, items=row.items, due=False) for row in rows]


def going_for_good(gateway: Gateway, org: int, changes: Iterable[Change]) -> list[Stays]:
    """Return what these changes send to portals that can never take it back."""
    found: Counter[tuple[str, str]] = Counter()
    with gateway.database.transaction(org) as db:
        for change in changes:
            for effect in effects_of(db, change.decisions):
                if effect.retraction == "cannot":
                    found[effect.portal, effect.person] += effect.counts.delivering
    return [
        Stays(portal=portal, person=person, items=count, due=True) for (portal, person), count in sorted(found.items()) if count
    ]
