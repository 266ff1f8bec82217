"""Exclusions: what was forbidden, to everybody or one person, whatever was granted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.audit import AuditEvent
from gateway.clients import find_client
from gateway.consent.changing import changing
from gateway.consent.people import known_person, resource_of
from gateway.consent.reasons import EXCLUSIONS, known_reason
from gateway.consent.validity import refuse_never
from gateway.errors import NotFound
from gateway.ledger import Change
from gateway.runtime import Gateway

EXCLUDE: Final = """
insert into exclusion (org, client_id, person_id, class, rkey, valid_from, valid_to, reason_code, set_by, recorded_at)
values (%s, %s, %s, %s, %s, app_now(), %s, %s, %s, app_now()) returning id"""
LIFT: Final = """
update exclusion set superseded_at = app_now() where id = %s and client_id = %s and superseded_at is null"""
LIST: Final = """
select exclusion.id as number, person.code as person, exclusion.class as class_, resource.rtype || '/' || resource.rid as resource,
  exclusion.reason_code, exclusion.set_by, exclusion.valid_from, exclusion.valid_to
from exclusion left join person on person.id = exclusion.person_id left join resource on resource.rkey = exclusion.rkey
where exclusion.client_id = %s and exclusion.superseded_at is null
  and (exclusion.valid_to is null or exclusion.valid_to > app_now()) order by exclusion.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """What is forbidden; what is empty is everybody, or everything."""

    number: int
    person: str | None
    class_: str | None
    resource: str | None
    reason_code: str
    set_by: str
    valid_from: datetime
    valid_to: datetime | None


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
        Rejected: the reason is no code of the list (``reasons.EXCLUSIONS``), or it would have ended already.
    """
    known_reason(reason_code, EXCLUSIONS)
    refuse_never(gateway.clock(), None, valid_to, instead="give it a later end, or none")
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
    """End an exclusion.

    Raises:
        NotFound: this client has no such exclusion.
    """
    with changing(gateway, org, client) as under:
        if not under.db.execute(LIFT, (exclusion, under.client)).rowcount:
            raise NotFound(f"this client has no exclusion {exclusion}; see: zorgsluis grant exclusions")
        under.outdate()
        return under.take_effect(AuditEvent(event="exclude", action="D", agent=by, detail={"exclusion": exclusion}))


def exclusions(gateway: Gateway, org: int, client: str | int) -> list[Excluded]:
    """Return what is forbidden about a client now; what ended by itself isn't.

    Raises:
        NotFound: there is no such client.
    """
    with gateway.database.transaction(org) as db:
        rows = db.execute(LIST, (find_client(db, gateway.keys(org).ids(), client),)).fetchall()
    return [Excluded(**row._asdict()) for row in rows]
