"""Invitations: an administrator asks somebody to join a care page. Nothing is shown, and no right exists, before they accept."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.audit import AuditEvent, append
from gateway.consent.authority import authority_of
from gateway.consent.changing import Changing, changing
from gateway.consent.grants import put_grant
from gateway.consent.limits import limited
from gateway.consent.links import last_holder, make_link, refuse_who_is_there
from gateway.consent.pages import Place, administered, administering
from gateway.consent.people import known_portal, person_of
from gateway.consent.terms import Terms
from gateway.consent.tries import account_hash, count_try, forgive, tell_refused
from gateway.errors import NotFound
from gateway.runtime import Gateway

VALID: Final = timedelta(days=14)
TOKEN_BYTES: Final = 32

INVITE: Final = """
insert into invitation (org, client_id, page_id, invited_by, hash, level, classes, invited_at, expires_at)
values (%s, %s, %s, %s, %s, %s, %s, app_now(), app_now() + %s) returning id, expires_at"""
# Only while the page is open, and who invited still administers it.
OPENS: Final = """
select invitation.client_id from invitation
join care_page on care_page.id = invitation.page_id and care_page.closed_at is null
  and care_page.administrator_id = invitation.invited_by
join link on link.portal_id = care_page.portal_id and link.client_id = care_page.client_id
  and link.person_id = care_page.administrator_id and link.state = 'active'
where invitation.org = %(org)s and invitation.hash = %(hash)s and care_page.portal_id = %(portal)s
  and invitation.state = 'proposed' and invitation.expires_at > app_now()"""
ANSWER: Final = f"""
update invitation set state = %(state)s, answered_at = app_now(), person_id = %(person)s
where org = %(org)s and hash = %(hash)s and exists ({OPENS})
returning id, level, classes, invited_by, (select code from person where id = invited_by) as administrator,
  (select page::text from care_page where care_page.id = page_id) as page,
  (select member::text from link join care_page on care_page.portal_id = link.portal_id and care_page.client_id = link.client_id
    where care_page.id = page_id and link.person_id = invited_by) as giver"""
WITHDRAW: Final = """
update invitation set state = 'withdrawn', answered_at = app_now() where id = %s and page_id = %s and state = 'proposed' returning id"""
LIST: Final = """
select invitation.id, invitation.level, invitation.classes, invitation.invited_at, invitation.expires_at, invitation.answered_at,
  case when invitation.state = 'proposed' and expires_at <= app_now() then 'expired' else invitation.state end as state,
  extract(day from app_now() - invited_at)::int as days, link.member::text as member
from invitation join care_page on care_page.id = invitation.page_id
left join link on link.portal_id = care_page.portal_id and link.client_id = care_page.client_id
  and link.person_id = invitation.person_id and link.state = 'active'
where invitation.page_id = %s order by invitation.id"""
NOTHING_OPENS: Final = "this invitation opens nothing: it is wrong, answered, withdrawn or expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation to send: ``token`` is returned here and never again."""

    invitation: int
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation as its administrator sees it; ``member`` once it was accepted, ``days`` since it was made."""

    invitation: int
    level: str
    classes: tuple[str, ...] | None
    state: str
    days: int
    invited_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    member: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Who accepted an invitation, and to what page."""

    member: str
    page: str


def invite(
    gateway: Gateway,
    org: int,
    place: Place,
    *,
    level: str,
    classes: Sequence[str] | None = None,
) -> Invited:
    """Propose a right to whoever gets the token.

    Raises:
        NotFound: this member administers no such page.
        Rejected: the administrator may not give this, or their own right doesn't hold.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with administering(gateway, org, place) as (under, found):
        authority_of(under, found.administrator, level, classes)
        narrowed = None if classes is None else sorted(classes)
        values = (org, under.client, found.id, found.administrator_id, _hash(gateway, org, token), level, narrowed, VALID)
        made = under.db.execute(INVITE, values).fetchone()
        if made is None:
            raise NotFound("the invitation could not be kept")
        detail = {"invitation": made.id, "page": str(place.page), "level": level, "classes": narrowed}
        under.tell(AuditEvent(event="invitation", action="C", agent=place.agent, detail=detail))
    return Invited(invitation=made.id, token=token, expires_at=made.expires_at)


def accept_invitation(gateway: Gateway, org: int, *, portal: str, token: str, account: str) -> Joined:
    """Join the page as this account: from now on the right that was proposed holds.

    Raises:
        NotFound: the token opens nothing.
        Conflict: the account is on the page already.
        Rejected: who invited may not give this level any more, or the care organisation suspended or ended the account's rights.
        Throttled: too many wrong tries.
    """
    holder = account_hash(gateway, org, portal, account)
    attempt = count_try(gateway, org, portal, holder)
    with _answering(gateway, org, portal, token, attempt) as under:
        # An account is the same person wherever it was invited; its number says nothing to who doesn't hold the key.
        person = last_holder(under, portal, holder) or f"{portal}:{holder.hex()[:24]}"
        answered = _answer(under, portal, token, "accepted", person)
        refuse_who_is_there(under, portal, holder)
        member, linked = make_link(under, portal, person, by=f"portal {portal}", account=holder)
        detail = {"invitation": answered.id, "page": answered.page, "member": member}
        told = [
            AuditEvent(event="invitation", action="E", agent=f"portal {portal}", detail=detail),
            *([linked] if linked else []),
        ]
        theirs = authority_of(under, answered.administrator, answered.level, answered.classes)
        terms: Terms = {**limited(under, person, theirs), "classes": answered.classes}
        # It is the administrator who gives the right; accepting is an act of its own, told above.
        agent = f"member {answered.giver}"
        put_grant(under, person, answered.level, f"person {answered.administrator}", *told, agent=agent, **terms)
    return Joined(member=member, page=answered.page)


def decline_invitation(gateway: Gateway, org: int, *, portal: str, token: str, account: str) -> None:
    """Say no: the token opens nothing any more.

    Raises:
        NotFound: the token opens nothing.
        Throttled: too many wrong tries.
    """
    attempt = count_try(gateway, org, portal, account_hash(gateway, org, portal, account))
    with _answering(gateway, org, portal, token, attempt) as under:
        answered = _answer(under, portal, token, "declined", None)
        detail = {"invitation": answered.id, "page": answered.page, "declined": True}
        under.tell(AuditEvent(event="invitation", action="U", agent=f"portal {portal}", detail=detail))


def withdraw_invitation(gateway: Gateway, org: int, place: Place, *, invitation: int) -> None:
    """Take back an invitation that wasn't answered.

    Raises:
        NotFound: this member administers no such page, or it has no such open invitation.
    """
    with administering(gateway, org, place) as (under, found):
        if under.db.execute(WITHDRAW, (invitation, found.id)).fetchone() is None:
            raise NotFound("this page has no such open invitation")
        detail = {"invitation": invitation, "page": str(place.page)}
        under.tell(AuditEvent(event="invitation", action="D", agent=place.agent, detail=detail))


def invitations(gateway: Gateway, org: int, place: Place) -> list[Invitation]:
    """Return the invitations of a page, answered ones too.

    Raises:
        NotFound: this member administers no such page.
    """
    with gateway.database.transaction(org) as db:
        found = administered(db, org, place)
        rows = db.execute(LIST, (found.id,)).fetchall()
        detail = {"page": str(place.page), "invitations": len(rows)}
        event = AuditEvent(event="invitation", action="R", agent=place.agent, client_id=found.client_id, detail=detail)
        append(db, gateway.keys(org), org, [event])
    return [
        Invitation(
            invitation=row.id,
            level=row.level,
            classes=None if row.classes is None else tuple(row.classes),
            state=row.state,
            days=row.days,
            invited_at=row.invited_at,
            expires_at=row.expires_at,
            answered_at=row.answered_at,
            member=row.member,
        )
        for row in rows
    ]


@contextmanager
def _answering(gateway: Gateway, org: int, portal: str, token: str, attempt: int) -> Iterator[Changing]:
    """Yield a change of the rights of the client that a token is about; the try is forgiven when it comes to something."""
    try:
        with changing(gateway, org, _client_of(gateway, org, portal, token)) as under:
            forgive(under.db, attempt)
            yield under
    except NotFound:
        tell_refused(gateway, org, portal, "invitation")
        raise


def _client_of(gateway: Gateway, org: int, portal: str, token: str) -> int:
    with gateway.database.transaction(org) as db:
        row = db.execute(OPENS, _asked(gateway, org, portal_id=known_portal(db, org, portal), token=token)).fetchone()
    if row is None:
        raise NotFound(NOTHING_OPENS)
    return int(row.client_id)


def _answer(under: Changing, portal: str, token: str, state: str, person: str | None) -> Any:
    """Use the token: of two at once the second waits for the client's lock, and finds it answered."""
    person_id = None if person is None else person_of(under.db, under.org, person)
    asked = _asked(under.gateway, under.org, portal_id=known_portal(under.db, under.org, portal), token=token)
    row = under.db.execute(ANSWER, {**asked, "state": state, "person": person_id}).fetchone()
    if row is None:
        raise NotFound(NOTHING_OPENS)
    return row


def _asked(gateway: Gateway, org: int, *, portal_id: int, token: str) -> dict[str, Any]:
    return {"org": org, "portal": portal_id, "hash": _hash(gateway, org, token)}


def _hash(gateway: Gateway, org: int, token: str) -> bytes:
    return gateway.keys(org).keyed_hash(f"invitation|{token}")
