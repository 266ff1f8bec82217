"""What the care organisation decided about a person's rights, which no administrator undoes: what it ended stays ended, its periods hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from gateway.consent.changing import Changing
from gateway.consent.people import person_of
from gateway.consent.terms import Terms
from gateway.errors import Rejected

# What is in force or, when a link has ended and its rights with it, what was: removing somebody and asking them back undoes nothing.
LAST: Final = """
select level, status, data_from, data_to, valid_from, valid_to, granted_by from trust_grant
where client_id = %(client)s and person_id = %(person)s and superseded_at is not distinct from (
  select nullif(max(coalesce(superseded_at, 'infinity')), 'infinity') from trust_grant
  where client_id = %(client)s and person_id = %(person)s)"""
BY_ADMINISTRATOR: Final = "person "


def limited(under: Changing, person: str, terms: Terms) -> Terms:
    """Return the terms on which an administrator gives this person a right, within the periods that the care organisation set.

    Raises:
        Rejected: the care organisation suspended or ended the person's rights, or lets them begin later.
    """
    values = {"client": under.client, "person": person_of(under.db, under.org, person)}
    rows = under.db.execute(LAST, values).fetchall()
    if any(row.status == "suspended" for row in rows):
        raise Rejected("the care organisation has suspended the rights of this person")
    if any(_decided(row, under.gateway.clock()) for row in rows):
        raise Rejected("the care organisation decides about the rights of this person: it ended them, or they begin later")
    return narrower(terms, rows)


def narrower(terms: Terms, rows: Iterable[Any]) -> Terms:
    """Return the periods that lie within those of the terms and of every row."""
    kept: Terms = {
        "data_from": max(_said(terms.get("data_from"), *(row.data_from for row in rows)), default=None),
        "data_to": min(_said(terms.get("data_to"), *(row.data_to for row in rows)), default=None),
        "valid_to": min(_said(terms.get("valid_to"), *(row.valid_to for row in rows)), default=None),
    }
    return {**terms, **kept}


def _decided(row: Any, now: datetime) -> bool:
    ended = row.status != "active" or (row.valid_to is not None and row.valid_to <= now)
    return ended or row.valid_from > now or (row.level == "none" and not row.granted_by.startswith(BY_ADMINISTRATOR))


def _said(*moments: datetime | None) -> list[datetime]:
    return [moment for moment in moments if moment is not None]
