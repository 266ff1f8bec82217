"""How far linking has come: of a client (by letters), and of a portal's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from gateway.clients import find_client, number_of
from gateway.consent.people import known_portal
from gateway.errors import NotFound
from gateway.runtime import Gateway

State = Literal["not-linked", "invited", "active", "unknown"]

# A letter that waits counts from the day it was made; one that lapsed counts for nothing.
CLIENTS: Final = """
select client.patient_rid, patient.body, portal.code as portal,
  exists (select from link where link.client_id = client.id and link.portal_id = portal.id and link.state = 'active') as linked,
  (select max(issued_at) from link_code where link_code.client_id = client.id and link_code.portal_id = portal.id
    and redeemed_at is null and revoked_at is null and expires_at > app_now()) as issued_at, app_now() as now
from client cross join portal
left join resource patient
  on patient.org = client.org and patient.rtype = 'Patient' and patient.rid = client.patient_rid and not patient.deleted
where %(client)s::bigint is null or client.id = %(client)s order by client.id, portal.id"""
PAGE: Final = """
select care_page.closed_at, app_now() as now,
  exists (select from link where link.client_id = care_page.client_id and link.portal_id = care_page.portal_id
    and link.state = 'active') as linked,
  (select min(invited_at) from invitation where page_id = care_page.id and invitation.state = 'proposed'
    and expires_at > app_now()) as invited_at
from care_page where org = %s and portal_id = %s and page = %s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """``unknown``: we never heard of the page. ``days``: how long the oldest invitation that wasn't answered waits."""

    state: State
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientState:
    """A client at a portal. ``invited``: a letter with a code is under way, ``days`` old. ``unknown``: no such client came from a source."""

    client: str
    portal: str
    state: State
    days: int | None


def page_state(gateway: Gateway, org: int, *, portal: str, page: UUID) -> PageState:
    """Return how a portal's page stands: active while somebody is linked over it."""
    with gateway.database.transaction(org) as db:
        row = db.execute(PAGE, (org, known_portal(db, org, portal), page)).fetchone()
    if row is None:
        return PageState(state="unknown", days=None)
    active = row.linked and row.closed_at is None
    return PageState(state="active" if active else "not-linked", days=_days(row.invited_at, row.now))


def client_states(gateway: Gateway, org: int, client: str | None = None) -> list[ClientState]:
    """Return how each client stands at each portal, or the one that is asked for, known or not."""
    ids = gateway.keys(org).ids()
    with gateway.database.transaction(org) as db:
        try:
            values = {"client": None if client is None else find_client(db, ids, client)}
        except NotFound:
            return [ClientState(client=client or "", portal="", state="unknown", days=None)]
        return [
            _client_state(row, number_of(db, ids, row.patient_rid, row.body)) for row in db.execute(CLIENTS, values).fetchall()
        ]


def _client_state(row: Any, number: str) -> ClientState:
    if row.linked:
        return ClientState(client=number, portal=row.portal, state="active", days=None)
    state: State = "not-linked" if row.issued_at is None else "invited"
    return ClientState(client=number, portal=row.portal, state=state, days=_days(row.issued_at, row.now))


def _days(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else (now - since).days
