"""Care pages: a portal's page about one client. The first of a client at a portal has the administrator, and is the only one that has.

A page may have lanes of several organisations; here is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from gateway.audit import AuditEvent
from gateway.clients import find_client, number_of
from gateway.consent.authority import refuse_without_right
from gateway.consent.changing import Changing, changing
from gateway.consent.one_client import refuse_other_client
from gateway.consent.people import known_person
from gateway.database import Connection
from gateway.errors import NotFound
from gateway.runtime import Gateway

# Who opens the client's first page at a portal administers it; while it is open, whoever opens another is a member and no more.
# A page that was closed may be opened again, by whoever has a code; one that is open keeps its administrator.
OPEN: Final = """
insert into care_page (org, portal_id, page, client_id, administrator_id, opened_at)
select %(org)s, %(portal)s, %(page)s, %(client)s, case when not exists (
    select from care_page where client_id = %(client)s and portal_id = %(portal)s and closed_at is null and administrator_id is not null
  ) then %(person)s::bigint end, app_now()
on conflict (org, portal_id, page) do update
set administrator_id = excluded.administrator_id, opened_at = excluded.opened_at, closed_at = null
where care_page.closed_at is not null and care_page.client_id = excluded.client_id"""
OPENED: Final = """
select client_id, administrator_id from care_page where org = %s and portal_id = %s and page = %s and closed_at is null"""
# Who administers a page is an active member of it.
ADMINISTERED: Final = """
select care_page.id, care_page.client_id, care_page.administrator_id, person.code as administrator, portal.code as portal,
  care_page.portal_id
from care_page
join portal on portal.id = care_page.portal_id
join person on person.id = care_page.administrator_id
join link on link.portal_id = care_page.portal_id and link.client_id = care_page.client_id
  and link.person_id = care_page.administrator_id and link.state = 'active'
where care_page.org = %s and portal.code = %s and care_page.page = %s and care_page.closed_at is null and link.member::text = %s"""
PAGES: Final = """
select care_page.page::text as page, portal.code as portal, client.patient_rid, patient.body, person.code as administrator,
  care_page.opened_at, care_page.closed_at
from care_page
join portal on portal.id = care_page.portal_id
join client on client.id = care_page.client_id
left join person on person.id = care_page.administrator_id
left join resource patient
  on patient.org = client.org and patient.rtype = 'Patient' and patient.rid = client.patient_rid and not patient.deleted
where %(client)s::bigint is null or care_page.client_id = %(client)s order by care_page.id"""
CLIENT_OF: Final = "select client_id from care_page where org = %s and page = %s and closed_at is null"
HAND_OVER: Final = (
    "update care_page set administrator_id = %s where org = %s and page = %s and client_id = %s and closed_at is null"
)
CLOSE: Final = "update care_page set closed_at = app_now() where org = %s and page = %s and client_id = %s and closed_at is null"
LINKED: Final = """
select from link join care_page on care_page.portal_id = link.portal_id and care_page.client_id = link.client_id
where link.client_id = %s and link.person_id = %s and link.state = 'active' and care_page.page = %s and care_page.closed_at is null"""
# One answer for a page that isn't there, that is another's, and for who doesn't administer it.
NO_PAGE: Final = "no care page of this number is administered by this member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an administrator stands: their portal, the number of the page there, and their own member."""

    portal: str
    page: UUID
    administrator: str

    @property
    def agent(self) -> str:
        """Return who does it, for the trail."""
        return f"member {self.administrator}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLine:
    """A care page as an operator sees it: numbers, no names. Without administrator, another of the client's pages there has one."""

    page: str
    portal: str
    client: str
    administrator: str | None
    opened_at: datetime
    closed_at: datetime | None


def open_page(under: Changing, portal_id: int, page: UUID, person_id: int) -> bool | None:
    """Open a page about the client for who holds a code; return whether they administer it, or nothing when it is about somebody else.

    Raises:
        OtherClient: another organisation brings somebody else to this page, or it isn't known whom.
    """
    refuse_other_client(under, page)
    values = {"org": under.org, "portal": portal_id, "page": page, "client": under.client, "person": person_id}
    under.db.execute(OPEN, values)
    row = under.db.execute(OPENED, (under.org, portal_id, page)).fetchone()
    if row is None or row.client_id != under.client:
        return None
    return bool(row.administrator_id == person_id)


def administered(db: Connection, org: int, place: Place) -> Any:
    """Return a page (id, client_id, administrator_id, administrator, portal, portal_id) that its member administers.

    Raises:
        NotFound: there is none.
        Rejected: the member's own right doesn't hold now.
    """
    row = db.execute(ADMINISTERED, (org, place.portal, place.page, place.administrator)).fetchone()
    if row is None:
        raise NotFound(NO_PAGE)
    refuse_without_right(db, row.client_id, row.administrator_id)
    return row


@contextmanager
def administering(gateway: Gateway, org: int, place: Place) -> Iterator[tuple[Changing, Any]]:
    """Yield a change of the rights of a page's client, and the page, for the member who administers it.

    Raises:
        NotFound: there is no such page for this member.
    """
    with gateway.database.transaction(org) as db:
        found = administered(db, org, place)
    with changing(gateway, org, found.client_id) as under:
        # Asked again under the lock: they may have been taken off it meanwhile.
        yield under, administered(under.db, org, place)


def care_pages(gateway: Gateway, org: int, client: str | int | None = None) -> list[PageLine]:
    """Return the care pages, closed ones too.

    Raises:
        NotFound: there is no such client.
    """
    ids = gateway.keys(org).ids()
    with gateway.database.transaction(org) as db:
        rows = db.execute(PAGES, {"client": None if client is None else find_client(db, ids, client)}).fetchall()
        return [
            PageLine(
                page=row.page,
                portal=row.portal,
                client=number_of(db, ids, row.patient_rid, row.body),
                administrator=row.administrator,
                opened_at=row.opened_at,
                closed_at=row.closed_at,
            )
            for row in rows
        ]


def hand_over(gateway: Gateway, org: int, *, page: UUID, person: str, by: str = "operator") -> None:
    """Make another linked person the administrator of a page.

    Raises:
        NotFound: there is no such page, or this person isn't linked to its client.
    """
    with changing(gateway, org, _client_of(gateway, org, page)) as under:
        person_id = known_person(under.db, org, person)
        if under.db.execute(LINKED, (under.client, person_id, page)).fetchone() is None:
            raise NotFound(f"person {person} isn't linked to the client at the portal of this page; first: zorgsluis link add")
        under.db.execute(HAND_OVER, (person_id, org, page, under.client))
        under.tell(AuditEvent(event="page", action="U", agent=by, detail={"page": str(page), "administrator": person}))


def close_page(gateway: Gateway, org: int, *, page: UUID, by: str = "operator") -> None:
    """Close a page: nobody administers rights over it any more. Links and rights stay as they are.

    Raises:
        NotFound: there is no such page.
    """
    with changing(gateway, org, _client_of(gateway, org, page)) as under:
        under.db.execute(CLOSE, (org, page, under.client))
        under.tell(AuditEvent(event="page", action="D", agent=by, detail={"page": str(page)}))


def _client_of(gateway: Gateway, org: int, page: UUID) -> int:
    with gateway.database.transaction(org) as db:
        row = db.execute(CLIENT_OF, (org, page)).fetchone()
    if row is None:
        raise NotFound("no open care page has this number; see: zorgsluis link page list")
    return int(row.client_id)
