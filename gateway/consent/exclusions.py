"""Exclusions: what was forbidden, to everybody or one person, whatever was granted."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gateway.audit import AuditEvent
from gateway.consent.changing import changing
from gateway.consent.people import known_person, resource_of
from gateway.ledger import Change
from gateway.runtime import Gateway

EXCLUDE: Final = """
insert into exclusion (org, client_id, person_id, class, rkey, valid_from, valid_to, reason_code, set_by, recorded_at)
values (%s, %s, %s, %s, %s, app_now(), %s, %s, %s, app_now()) returning id"""
LIFT: Final = """
update exclusion set superseded_at = app_now() where id = %s and client_id = %s and superseded_at is null"""


def exclude(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    reason_code: str,
    set_by: str,
    person: str | None = None,
    class_: str | None = None,
    resource: str | None = None,
    valid_to: datetime | None = None,
) -> int:
    """Forbid, whatever was granted: to everybody or one person; everything, one class or one resource (``Type/id``). Return its number.

    Raises:
        NotFound: there is no such client, person or resource.
    """
    with changing(gateway, org, client) as under:
        person_id = None if person is None else known_person(under.db, org, person)
        rkey = None if resource is None else resource_of(under.db, org, under.client, resource)
        made = under.db.execute(EXCLUDE, (org, under.client, person_id, class_, rkey, valid_to, reason_code, set_by)).fetchone()
        number = int(made.id) if made else 0
        under.outdate(person_id)
        detail = {"exclusion": number, "person": person, "class": class_, "reason": reason_code}
        under.take_effect(AuditEvent(event="exclude", action="C", agent=set_by, rkey=rkey, detail=detail))
    return number


def lift(gateway: Gateway, org: int, *, client: str | int, exclusion: int, by: str = "operator") -> Change:
    """End an exclusion."""
    with changing(gateway, org, client) as under:
        under.db.execute(LIFT, (exclusion, under.client))
        under.outdate()
        return under.take_effect(AuditEvent(event="client", action="U", agent=by, detail={"lifted": exclusion}))
