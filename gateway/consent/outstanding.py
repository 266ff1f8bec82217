"""What was sent out and isn't used yet: codes in letters, invitations. None of it undoes what the care organisation decides later."""

from __future__ import annotations

from typing import Final

from gateway.audit import AuditEvent
from gateway.consent.changing import Changing
from gateway.database import Connection

REVOKE: Final = """
update link_code set revoked_at = app_now()
where client_id = %(client)s and (%(person)s::bigint is null or person_id = %(person)s)
  and (%(portal)s::integer is null or portal_id = %(portal)s) and redeemed_at is null and revoked_at is null
  and (%(every)s or level <> 'none')"""
WITHDRAW: Final = """
update invitation set state = 'withdrawn', answered_at = app_now() where client_id = %s and state = 'proposed'"""


def revoke(db: Connection, client: int, *, person: int | None = None, portal: int | None = None, every: bool = True) -> int:
    """Revoke the open codes of a person, or of everybody, at a portal or at all; return how many there were.

    ``every``: also those that promise no level.
    """
    return db.execute(REVOKE, {"client": client, "person": person, "portal": portal, "every": every}).rowcount


def take_back(under: Changing, person: int | None, by: str) -> None:
    """Take back a person's open codes, or everybody's and the open invitations too."""
    _tell_revoked(under, revoke(under.db, under.client, person=person), by)
    withdrawn = 0 if person is not None else under.db.execute(WITHDRAW, (under.client,)).rowcount
    if withdrawn:
        under.tell(AuditEvent(event="invitation", action="D", agent=by, detail={"withdrawn": withdrawn}))


def overrule(under: Changing, person: int, by: str) -> None:
    """Revoke a person's open codes that promise a level: what the care organisation decides now about their right, no older letter undoes.

    A letter that promises none can still be used: it links, and leaves the right as it is.
    """
    _tell_revoked(under, revoke(under.db, under.client, person=person, every=False), by)


def _tell_revoked(under: Changing, revoked: int, by: str) -> None:
    if revoked:
        under.tell(AuditEvent(event="link-code", action="D", agent=by, detail={"revoked": revoked}))
