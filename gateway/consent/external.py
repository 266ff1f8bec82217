"""What other registries say of a client's will: consents and objections, in by the registry's own reference, and out again.

A permission from elsewhere grants nothing by itself; an objection forbids, unless a permission that is more specific stands against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from gateway.audit import AuditEvent
from gateway.clients import find_client
from gateway.consent.changing import changing
from gateway.consent.people import person_of, resource_of
from gateway.errors import NotFound
from gateway.ledger import Change
from gateway.runtime import Gateway

SUPERSEDE: Final = """
update external_consent set superseded_at = app_now() where client_id = %s and source_ref = %s and superseded_at is null"""
RECORD: Final = """
insert into external_consent (org, client_id, decision, person_id, category, purpose, class, rkey, valid_from, valid_to, source_ref, recorded_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s, app_now()), %s, %s, app_now()) returning id"""
LIST: Final = """
select external_consent.id as number, external_consent.decision, person.code as person, category, purpose, external_consent.class as class_,
  resource.rtype || '/' || resource.rid as resource, valid_from, valid_to, source_ref
from external_consent left join person on person.id = external_consent.person_id
left join resource on resource.rkey = external_consent.rkey
where external_consent.client_id = %s and external_consent.superseded_at is null order by external_consent.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """One consent of another registry; what is empty is anybody, anything."""

    number: int
    decision: Literal["permit", "deny"]
    person: str | None
    category: str | None
    purpose: str | None
    class_: str | None
    resource: str | None
    valid_from: datetime
    valid_to: datetime | None
    source_ref: str


def record_external(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    decision: Literal["permit", "deny"],
    source_ref: str,
    person: str | None = None,
    category: str | None = None,
    purpose: str | None = None,
    class_: str | None = None,
    resource: str | None = None,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    by: str = "operator",
) -> int:
    """Record a consent of another registry in place of what it said under this reference; return its number.

    Raises:
        NotFound: there is no such client or resource.
    """
    with changing(gateway, org, client) as under:
        person_id = None if person is None else person_of(under.db, org, person)
        rkey = None if resource is None else resource_of(under.db, org, under.client, resource)
        before = under.db.execute(SUPERSEDE, (under.client, source_ref)).rowcount
        what = (decision, person_id, category, purpose, class_, rkey, valid_from, valid_to, source_ref)
        made = under.db.execute(RECORD, (org, under.client, *what)).fetchone()
        number = int(made.id) if made else 0
        under.outdate()
        detail = {"external": number, "decision": decision, "person": person, "class": class_, "source": source_ref}
        under.take_effect(AuditEvent(event="external-consent", action="U" if before else "C", agent=by, rkey=rkey, detail=detail))
    return number


def end_external(gateway: Gateway, org: int, *, client: str | int, source_ref: str, by: str = "operator") -> Change:
    """Forget what a registry said under this reference.

    Raises:
        NotFound: there is no such client, or nothing is known under this reference.
    """
    with changing(gateway, org, client) as under:
        if not under.db.execute(SUPERSEDE, (under.client, source_ref)).rowcount:
            raise NotFound("no consent of another registry is known under this reference")
        under.outdate()
        return under.take_effect(AuditEvent(event="external-consent", action="D", agent=by, detail={"source": source_ref}))


def externals(gateway: Gateway, org: int, client: str | int) -> list[External]:
    """Return what other registries say about a client now.

    Raises:
        NotFound: there is no such client.
    """
    with gateway.database.transaction(org) as db:
        rows: list[Any] = db.execute(LIST, (find_client(db, gateway.keys(org).ids(), client),)).fetchall()
    return [External(**row._asdict()) for row in rows]
