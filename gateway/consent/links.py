"""Links: which person is linked to which client at which portal. One of them is a member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.audit import AuditEvent
from gateway.clients import find_client, find_related, number_of
from gateway.consent.changing import Changing, changing
from gateway.consent.outstanding import take_back
from gateway.consent.people import known_person, known_portal, person_of
from gateway.errors import Conflict
from gateway.ledger import Change
from gateway.runtime import Gateway

LINK: Final = """
insert into link (org, portal_id, client_id, person_id, member, related_rid, account, state, linked_at)
values (%s, %s, %s, %s, %s, %s, %s, 'active', app_now())
on conflict (portal_id, client_id, person_id) do update
set state = 'active', ended_at = null, epoch = link.epoch + 1, related_rid = coalesce(excluded.related_rid, link.related_rid),
  account = coalesce(excluded.account, link.account)
where link.state <> 'active' or link.related_rid is distinct from coalesce(excluded.related_rid, link.related_rid)
  or link.account is distinct from coalesce(excluded.account, link.account)
returning id"""
HELD: Final = """
select from link where portal_id = %s and client_id = %s and account = %s and person_id <> %s and state <> 'ended'"""
ON_THE_PAGE: Final = "select from link where portal_id = %s and client_id = %s and account = %s and state <> 'ended'"
# One compartment, one account: a second letter to somebody doesn't open it to whoever holds the letter.
OTHERS: Final = """
select from link where portal_id = %s and client_id = %s and person_id = %s and account <> %s and state <> 'ended'"""
# Who last held an account is who it is when it comes again; an ended link keeps it for that until somebody else is linked with it.
HOLDER: Final = """
select person.code from link join person on person.id = link.person_id
where link.portal_id = %s and link.client_id = %s and link.account = %s and link.state = 'ended'"""
RELEASE: Final = """
update link set account = null where portal_id = %s and client_id = %s and account = %s and person_id <> %s and state = 'ended'"""
END: Final = """
update link set state = 'ended', ended_at = app_now(), epoch = epoch + 1
where portal_id = %s and client_id = %s and person_id = %s and state <> 'ended' returning id"""
# A right ends with the last link that it was used over: a link that is made again starts with nothing.
END_RIGHTS: Final = """
update trust_grant set superseded_at = app_now()
where client_id = %(client)s and person_id = %(person)s and superseded_at is null and not exists (
  select from link where link.client_id = %(client)s and link.person_id = %(person)s and link.state <> 'ended')"""
LINKS: Final = """
select portal.code as portal, client.patient_rid, patient.body, person.code as person, link.member::text as member, link.state,
  coalesce(current.level, 'none') as level
from link join portal on portal.id = link.portal_id join client on client.id = link.client_id join person on person.id = link.person_id
left join resource patient
  on patient.org = client.org and patient.rtype = 'Patient' and patient.rid = client.patient_rid and not patient.deleted
left join lateral (
  select level from grant_standing
  where client_id = link.client_id and person_id = link.person_id and short is null and barred_circle is null
  order by level = 'private-medical' desc, level = 'basic' desc limit 1) current on true
where %(client)s::bigint is null or link.client_id = %(client)s
order by portal.code, link.client_id, link.linked_at, link.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLine:
    """One link as an operator sees it: the source's numbers, no names. ``client`` is what ``find_client`` finds it by."""

    portal: str
    client: str
    person: str
    member: str
    state: str
    level: str


def link(
    gateway: Gateway,
    org: int,
    *,
    portal: str,
    client: str | int,
    person: str,
    related_rid: str | None = None,
    by: str = "operator",
) -> str:
    """Link a person to a client at a portal; return the member. Nothing is shown until a level is granted. Linking twice changes nothing.

    Raises:
        NotFound: there is no such client or portal.
    """
    with changing(gateway, org, client) as under:
        member, event = make_link(under, portal, person, by=by, related_rid=related_rid)
        if event is not None:
            under.take_effect(event)
    return member


def make_link(
    under: Changing, portal: str, person: str, *, by: str, related_rid: str | None = None, account: bytes | None = None
) -> tuple[str, AuditEvent | None]:
    """Write an active link; return its member and what to tell of it, which is nothing when it was there already.

    ``account`` is the keyed hash of the portal's account that holds it from now on.

    Raises:
        NotFound: there is no such portal.
        Conflict: the account holds the link of somebody else to this client, or another account holds this link.
    """
    portal_id, person_id = known_portal(under.db, under.org, portal), person_of(under.db, under.org, person)
    if under.db.execute(HELD, (portal_id, under.client, account, person_id)).fetchone() is not None:
        raise Conflict("this account is on the page already")
    if under.db.execute(OTHERS, (portal_id, under.client, person_id, account)).fetchone() is not None:
        raise Conflict("another account is linked as this person; the care organisation ends that link first")
    under.db.execute(RELEASE, (portal_id, under.client, account, person_id))
    member = under.gateway.keys(under.org).ids().resource_id("zorgsluis", "member", f"{portal}|{under.patient}|{person}")
    related = related_rid or find_related(under.db, under.client, person)
    made = under.db.execute(LINK, (under.org, portal_id, under.client, person_id, member, related, account)).fetchone()
    if made is None:
        return member, None
    detail = {"portal": portal, "person": person, "member": member}
    return member, AuditEvent(event="link", action="C", agent=by, link_id=made.id, detail=detail)


def refuse_who_is_there(under: Changing, portal: str, account: bytes) -> None:
    """Refuse an account that is linked to the client already: an invitation brings somebody, and changes nobody's right.

    Raises:
        Conflict: it is.
    """
    values = (known_portal(under.db, under.org, portal), under.client, account)
    if under.db.execute(ON_THE_PAGE, values).fetchone() is not None:
        raise Conflict("this account is on the page already")


def last_holder(under: Changing, portal: str, account: bytes) -> str | None:
    """Return the person (code) who was linked to the client with this account before, and isn't now."""
    row = under.db.execute(HOLDER, (known_portal(under.db, under.org, portal), under.client, account)).fetchone()
    return None if row is None else str(row.code)


def unlink(gateway: Gateway, org: int, *, portal: str, client: str | int, person: str, by: str = "operator") -> Change:
    """End a link, and with a person's last link to a client their rights: what was delivered over it is retracted at once.

    Raises:
        NotFound: there is no such client, portal or person.
    """
    with changing(gateway, org, client) as under:
        end_link(under, portal, person, by)
    return under.change


def end_link(under: Changing, portal: str, person: str, by: str) -> None:
    """End a person's link to the client at a portal, if it is there, and let that take effect. Their open letters go with it.

    Raises:
        NotFound: there is no such portal or person.
    """
    portal_id, person_id = known_portal(under.db, under.org, portal), known_person(under.db, under.org, person)
    take_back(under, person_id, by)
    ended = under.db.execute(END, (portal_id, under.client, person_id)).fetchone()
    if ended is not None:
        rights = under.db.execute(END_RIGHTS, {"client": under.client, "person": person_id}).rowcount
        detail = {"portal": portal, "person": person, "rights_ended": rights}
        under.take_effect(AuditEvent(event="unlink", action="D", agent=by, link_id=ended.id, detail=detail))


def links(gateway: Gateway, org: int, client: str | int | None = None) -> list[LinkLine]:
    """Return every link, or those of one client, with the level that holds now: of a right that ended, waits or lacks its mandate that is none.

    Raises:
        NotFound: there is no such client.
    """
    ids = gateway.keys(org).ids()
    with gateway.database.transaction(org) as db:
        rows = db.execute(LINKS, {"client": None if client is None else find_client(db, ids, client)}).fetchall()
        numbers = {row.patient_rid: number_of(db, ids, row.patient_rid, row.body) for row in rows}
    return [
        LinkLine(portal=r.portal, client=numbers[r.patient_rid], person=r.person, member=r.member, state=r.state, level=r.level)
        for r in rows
    ]
