"""What the administrator of a care page may do with others' rights: see them, change them, take somebody off. Nobody raises their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.audit import AuditEvent, append
from gateway.consent.authority import authority_of
from gateway.consent.changing import Changing
from gateway.consent.grants import put_grant
from gateway.consent.limits import limited
from gateway.consent.links import end_link
from gateway.consent.pages import Place, administered, administering
from gateway.consent.terms import Terms
from gateway.database import Connection
from gateway.errors import NotFound, Rejected
from gateway.ledger import Change
from gateway.runtime import Gateway

LEVELS: Final = ("none", "basic", "private-medical")
PEOPLE: Final = """
select link.person_id, link.member::text as member, link.related_rid, coalesce(best.level, 'none') as level,
  best.classes, coalesce(best.status, 'active') as status, best.valid_to
from link left join lateral (
  select level, classes, status, valid_to from trust_grant
  where client_id = link.client_id and person_id = link.person_id and superseded_at is null
    and status in ('active', 'suspended')
  order by status, level = 'private-medical' desc, level = 'basic' desc, id limit 1) best on true
where link.client_id = %s and link.portal_id = %s and link.state = 'active' order by link.linked_at, link.id"""
MEMBER: Final = """
select link.person_id, person.code as person from link join person on person.id = link.person_id
where link.client_id = %s and link.portal_id = %s and link.member::text = %s and link.state = 'active'"""
CLASSES: Final = "select distinct class as class_ from class_map where org = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One person on a page: member and own record, no name. ``classes`` narrows the level; ``None`` is all of it."""

    member: str
    related: str | None
    administrator: bool
    level: str
    classes: tuple[str, ...] | None
    status: str
    valid_to: datetime | None


def standings(gateway: Gateway, org: int, place: Place) -> tuple[int, list[Standing]]:
    """Return the client of a page, and who is on it with what level.

    Raises:
        NotFound: this member administers no such page.
    """
    with gateway.database.transaction(org) as db:
        found = administered(db, org, place)
        people = db.execute(PEOPLE, (found.client_id, found.portal_id)).fetchall()
        detail = {"page": str(place.page), "people": len(people)}
        event = AuditEvent(event="rights", action="R", agent=place.agent, client_id=found.client_id, detail=detail)
        append(db, gateway.keys(org), org, [event])
    return found.client_id, [
        Standing(
            member=row.member,
            related=row.related_rid,
            administrator=row.person_id == found.administrator_id,
            level=row.level,
            classes=None if row.classes is None else tuple(row.classes),
            status=row.status,
            valid_to=row.valid_to,
        )
        for row in people
    ]


def person_on(
    gateway: Gateway, org: int, place: Place, *, member: str, level: str, classes: Sequence[str] | None
) -> tuple[int, str, Terms]:
    """Return the client, the person (code) and the terms on which the administrator would give this level: what a simulation asks for.

    Raises:
        NotFound: this member administers no such page, or nobody on it is that member.
        Rejected: as ``set_rights``.
    """
    with administering(gateway, org, place) as (under, found):
        person, terms = _giving(under, found, member, level, classes)
        under.tell(AuditEvent(event="simulate", action="R", agent=place.agent, detail={"member": member, "level": level}))
    return under.client, person, terms


def set_rights(
    gateway: Gateway,
    org: int,
    place: Place,
    *,
    member: str,
    level: str,
    classes: Sequence[str] | None = None,
) -> Change:
    """Give somebody on the page this level, on the authority that the administrator has.

    Raises:
        NotFound: this member administers no such page, or nobody on it is that member.
        Rejected: the administrator may not give this level, would raise their own, or the care organisation suspended or ended it.
    """
    with administering(gateway, org, place) as (under, found):
        person, terms = _giving(under, found, member, level, classes)
        put_grant(under, person, level, f"person {found.administrator}", agent=place.agent, **terms)
    return under.change


def remove_member(gateway: Gateway, org: int, place: Place, *, member: str) -> Change:
    """Take somebody off the page: their link and their rights end, and everything is retracted.

    Raises:
        NotFound: this member administers no such page, or nobody on it is that member.
        Rejected: it is the administrator: somebody else has to administer the page first.
    """
    with administering(gateway, org, place) as (under, found):
        person = _member(under.db, found, member)
        if person.person_id == found.administrator_id:
            raise Rejected(
                "the administrator of a page can't be taken off it; the care organisation can hand the page over first"
            )
        end_link(under, place.portal, person.person, place.agent)
    return under.change


def unknown_classes(gateway: Gateway, org: int, classes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which of these are no classes of this organisation, and which classes there are."""
    with gateway.database.transaction(org) as db:
        known = sorted(row[0] for row in db.execute(CLASSES, (org,)))
    return sorted(set(classes) - set(known)), known


def _giving(under: Changing, page: Any, member: str, level: str, classes: Sequence[str] | None) -> tuple[str, Terms]:
    """Return the person (code) and the terms on which the administrator gives them this; a simulation is refused what saving is refused."""
    person = _member(under.db, page, member)
    if person.person_id == page.administrator_id and level != "none":
        raise Rejected("administrators don't set their own rights; the care organisation does")
    terms = limited(under, person.person, authority_of(under, page.administrator, level, classes))
    return person.person, {**terms, "classes": classes}


def _member(db: Connection, page: Any, member: str) -> Any:
    row = db.execute(MEMBER, (page.client_id, page.portal_id, member)).fetchone()
    if row is None:
        raise NotFound("nobody on this page is that member")
    return row
