"""On what authority the administrator of a page acts: a right or a mandate of their own that holds now. Nobody gives more than they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.consent.changing import Changing
from gateway.consent.limits import narrower
from gateway.consent.mandates import COVERS, EVER, LIVE
from gateway.consent.people import known_person
from gateway.consent.terms import Terms
from gateway.database import Connection
from gateway.errors import Rejected

SUSPENDED: Final = """
select from trust_grant where client_id = %s and person_id = %s and superseded_at is null and status = 'suspended' limit 1"""
HELD: Final = """
select trust_grant.level, trust_grant.classes, trust_grant.data_from, trust_grant.data_to, trust_grant.valid_to
from grant_standing standing join trust_grant on trust_grant.id = standing.id
where standing.client_id = %s and standing.person_id = %s and standing.short is null and standing.barred_circle is null
order by trust_grant.level = 'private-medical' desc, trust_grant.id"""
RANK: Final = {"none": 0, "basic": 1, "private-medical": 2}


def refuse_without_right(db: Connection, client: int, person: int) -> None:
    """Refuse somebody to administer whose own right doesn't hold, unless they act on a mandate about care.

    Raises:
        Rejected: their right was suspended, has ended or was never given.
    """
    if db.execute(SUSPENDED, (client, person)).fetchone() is not None:
        raise Rejected("the care organisation has suspended the rights of the administrator")
    mandated = any(COVERS["basic"] & set(row.scope) for row in db.execute(LIVE, (client, person)).fetchall())
    if not mandated and db.execute(HELD, (client, person)).fetchone() is None:
        raise Rejected("the administrator has no right that holds now; the care organisation gives it, or hands the page over")


def authority_of(under: Changing, person: str, level: str, classes: Sequence[str] | None) -> Terms:
    """Return on what terms this person gives rights: on their own mandate if they have one, else by the client's permission.

    Who acts on a mandate acts within it: one that has ended, or is about money, gives nobody anything. Who has none gives at most what
    they have themselves: its level, its classes and its periods.

    Raises:
        Rejected: their own right doesn't hold, or neither it nor their mandate covers this now.
    """
    person_id = known_person(under.db, under.org, person)
    refuse_without_right(under.db, under.client, person_id)
    if under.db.execute(EVER, (under.client, person_id)).fetchone() is None:
        return _of_their_own(under.db.execute(HELD, (under.client, person_id)).fetchall(), level, classes)
    live = under.db.execute(LIVE, (under.client, person_id)).fetchall()
    if level != "none" and not any(COVERS[level] & set(row.scope) for row in live):
        raise Rejected("the administrator's mandate has ended, or doesn't cover this level")
    return {"basis": "representative", "representative": person}


def _of_their_own(rows: Sequence[Any], level: str, classes: Sequence[str] | None) -> Terms:
    if level == "none":
        return {"basis": "client"}
    for row in rows:
        within = row.classes is None or (classes is not None and set(classes) <= set(row.classes))
        if within and RANK[row.level] >= RANK[level]:
            return narrower({"basis": "client"}, [row])
    raise Rejected("administrators give no more than they have themselves, unless they act on a mandate")
