"""Codes by letter: who has the letter may link a care page to the care organisation. Only a keyed hash is kept, and one use is all.

Ten characters of Crockford's base 32 (no I, L, O, U) are 50 bits; with the limit on tries a guess never comes true.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from gateway.audit import AuditEvent, append
from gateway.clients import find_client, find_related
from gateway.consent.changing import Changing, changing
from gateway.consent.grants import put_grant, refuse_while_suspended
from gateway.consent.links import make_link
from gateway.consent.one_client import OtherClient
from gateway.consent.outstanding import revoke
from gateway.consent.pages import open_page
from gateway.consent.people import known_person, known_portal, person_of
from gateway.consent.tries import account_hash, count_try, forgive, tell_refused
from gateway.disclosure.decide import Level
from gateway.errors import NotFound
from gateway.runtime import Gateway

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 10
VALID: Final = timedelta(days=42)
# Crockford: what is easily misread is read as what it looks like; dashes and spaces are for the eye.
READ_AS: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})

ISSUE: Final = """
insert into link_code (org, client_id, portal_id, person_id, hash, level, classes, issued_at, issued_by, expires_at)
values (%s, %s, %s, %s, %s, %s, %s, app_now(), %s, app_now() + %s) returning id, expires_at"""
OPENS: Final = """
select client_id from link_code
where org = %s and hash = %s and portal_id = %s and redeemed_at is null and revoked_at is null and expires_at > app_now()"""
USE: Final = """
update link_code set redeemed_at = app_now()
where org = %s and hash = %s and portal_id = %s and redeemed_at is null and revoked_at is null and expires_at > app_now()
returning id, level, classes, issued_by, (select code from person where id = person_id) as person, person_id"""
ORGANISATION: Final = "select code, name from organisation where id = %s"
# Wrong, used, withdrawn and expired are one answer: whoever guesses learns nothing from it.
NOTHING_OPENS: Final = "this code opens nothing: it is wrong, used, withdrawn or expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code as it is printed, once: ``XXXXX-XXXXX``. ``acquainted``: the ECD knows the person as the client's relation, or they are it."""

    number: int
    code: str
    expires_at: datetime
    acquainted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """What a code opened: the member, the id of the client's Patient, the organisation. ``administrator``: they administer the page."""

    member: str
    page: UUID
    administrator: bool
    patient: str
    organisation: str
    organisation_name: str


def issue_code(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    person: str,
    portal: str,
    level: Level | str = "none",
    classes: Sequence[str] | None = None,
    by: str = "operator",
) -> Code:
    """Make a code for a letter to this person, instead of any that wasn't used yet. It is returned here and never again.

    The level begins when the code is used; nobody has a right by a letter that lies on a mat.

    Raises:
        NotFound: there is no such client or portal.
        Rejected: what is given for the person is no number.
    """
    plain = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    # Under the client's lock: a withdrawal that is under way comes before the letter, or takes it back.
    with changing(gateway, org, client) as under:
        portal_id = known_portal(under.db, org, portal)
        # Who reads their own file is called by their own number.
        acquainted = find_related(under.db, under.client, person) is not None or str(client).rpartition(":")[2] == person
        person_id = person_of(under.db, org, person)
        revoked = revoke(under.db, under.client, person=person_id, portal=portal_id)
        narrowed = None if classes is None else sorted(classes)
        values = (org, under.client, portal_id, person_id, _hash(gateway, org, plain), level, narrowed, by, VALID)
        made = under.db.execute(ISSUE, values).fetchone()
        if made is None:
            raise NotFound("the code could not be kept")
        detail = {"code": made.id, "person": person, "portal": portal, "level": level, "revoked": revoked}
        under.tell(AuditEvent(event="link-code", action="C", agent=by, detail=detail))
    half = LENGTH // 2
    printed = f"{plain[:half]}-{plain[half:]}"
    return Code(number=made.id, code=printed, expires_at=made.expires_at, acquainted=acquainted)


def revoke_codes(gateway: Gateway, org: int, *, client: str | int, person: str, portal: str, by: str = "operator") -> int:
    """Withdraw a person's codes that weren't used; return how many there were.

    Raises:
        NotFound: there is no such client or portal.
    """
    with gateway.database.transaction(org) as db:
        client_id, portal_id = find_client(db, gateway.keys(org).ids(), client), known_portal(db, org, portal)
        revoked = revoke(db, client_id, person=known_person(db, org, person), portal=portal_id)
        detail = {"person": person, "portal": portal, "revoked": revoked}
        append(
            db, gateway.keys(org), org, [AuditEvent(event="link-code", action="D", agent=by, client_id=client_id, detail=detail)]
        )
    return revoked


def redeem_code(gateway: Gateway, org: int, *, portal: str, code: str, account: str, page: UUID) -> Linked:
    """Link the care page of a portal's account with the code of a letter.

    Raises:
        NotFound: the code opens nothing, or the page is about somebody else.
        Conflict: this account is linked to the client as somebody else already, or another account as this person.
        OtherClient: the page isn't certainly about the same client at another organisation; the code can be used on another page.
        Rejected: the letter promised a level, and the person's rights are suspended.
        Throttled: too many wrong codes.
    """
    holder = account_hash(gateway, org, portal, account)
    attempt = count_try(gateway, org, portal, holder)
    hashed = _hash(gateway, org, code)
    try:
        with changing(gateway, org, _client_of(gateway, org, portal, hashed)) as under:
            forgive(under.db, attempt)
            return _redeem(under, portal, hashed, holder, page)
    except NotFound:
        tell_refused(gateway, org, portal, "code")
        raise
    except OtherClient:
        tell_refused(gateway, org, portal, "other-client")
        raise


def _client_of(gateway: Gateway, org: int, portal: str, hashed: bytes) -> int:
    with gateway.database.transaction(org) as db:
        row = db.execute(OPENS, (org, hashed, known_portal(db, org, portal))).fetchone()
    if row is None:
        raise NotFound(NOTHING_OPENS)
    return int(row.client_id)


def _redeem(under: Changing, portal: str, hashed: bytes, holder: bytes, page: UUID) -> Linked:
    """Use the code: of two at once the second waits for the client's lock, and finds it used."""
    portal_id = known_portal(under.db, under.org, portal)
    used = under.db.execute(USE, (under.org, hashed, portal_id)).fetchone()
    administrator = None if used is None else open_page(under, portal_id, page, used.person_id)
    organisation = under.db.execute(ORGANISATION, (under.org,)).fetchone()
    if used is None or administrator is None or organisation is None:
        raise NotFound(NOTHING_OPENS)
    agent = f"portal {portal}"
    member, linked = make_link(under, portal, used.person, by=agent, account=holder)
    detail = {"code": used.id, "portal": portal, "page": str(page), "administrator": administrator}
    told = [AuditEvent(event="link-code", action="E", agent=agent, detail=detail), *([linked] if linked else [])]
    _begin(under, used, told)
    return Linked(
        member=member,
        page=page,
        administrator=administrator,
        patient=under.patient,
        organisation=organisation.code,
        organisation_name=organisation.name,
    )


def _begin(under: Changing, used: Any, told: Sequence[AuditEvent]) -> None:
    """Give what the letter promised; a level that the person has by now is left as it is when it promised nothing."""
    if used.level == "none":
        under.take_effect(*told)
    else:
        refuse_while_suspended(under, used.person)
        put_grant(under, used.person, used.level, used.issued_by, *told, classes=used.classes)


def as_read(code: str) -> str:
    """Return a code as it was meant, however it was typed."""
    return code.upper().translate(READ_AS)


def _hash(gateway: Gateway, org: int, code: str) -> bytes:
    return gateway.keys(org).keyed_hash(f"link-code|{as_read(code)}")
