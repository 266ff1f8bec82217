"""What becomes of a right after it was set: changed in part, suspended, withdrawn, ended, confirmed. Each is a new row in place of the old."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from gateway.audit import AuditEvent
from gateway.consent.changing import Changing, changing
from gateway.consent.grants import CURRENT, GRANT, IN_FORCE, SUPERSEDE, refuse_no_period
from gateway.consent.mandates import only_parental, refuse_without_mandate
from gateway.consent.outstanding import overrule, take_back
from gateway.consent.people import known_person
from gateway.consent.tasks import announce_birthdays
from gateway.consent.validity import told
from gateway.disclosure.decide import Level
from gateway.errors import Rejected
from gateway.ledger import Change
from gateway.runtime import Gateway

# The last birthday from which what a parent gave waits to be confirmed, and the next; without a birth date there are none.
BIRTHDAYS: Final = """
select max(at) filter (where at <= app_now()) as passed, min(at) filter (where at > app_now()) as coming
from client cross join lateral (values (birthday(birth_date, 12)), (birthday(birth_date, 16))) birthdays (at) where client.id = %s"""


class Parts(TypedDict, total=False):
    """The parts of a right that can be changed by themselves; on whose authority it rests isn't one of them."""

    level: Level | str
    classes: Sequence[str] | None
    data_from: datetime | None
    data_to: datetime | None
    valid_to: datetime | None


def change_grant(
    gateway: Gateway, org: int, *, client: str | int, person: str, by: str = "operator", **parts: Unpack[Parts]
) -> Change:
    """Change part of a person's right and keep the rest. Changing nothing changes nothing, but that open letters are revoked.

    Raises:
        NotFound: there is no such client or person.
        Rejected: the person has no right in force, what it would become never holds or is about no data, or the mandate that it rests on
            has ended.
    """
    new: dict[str, Any] = dict(parts)
    if new.get("classes") is not None:
        new["classes"] = sorted(new["classes"])

    def differs(row: Any) -> bool:
        return any(getattr(row, name) != value for name, value in new.items())

    with changing(gateway, org, client) as under:
        rows = _some(_rows(under, person), "in force", lambda row: row.status in IN_FORCE)
        for row in rows:
            refuse_without_mandate(under, row.representation_id, new.get("level", row.level))
        changed = [row for row in rows if differs(row)]
        for row in changed:
            refuse_no_period(gateway.clock(), {**row._asdict(), **new})
        overrule(under, known_person(under.db, org, person), by)
        _supersede(under, changed, new, "change", by, person)
    return under.change


def suspend(gateway: Gateway, org: int, *, client: str | int, person: str, by: str = "operator") -> Change:
    """Set a person's rights aside for a while: what was delivered is retracted until they are reinstated, and open letters are revoked.

    Raises:
        NotFound: there is no such client or person.
        Rejected: the person has no active right.
    """
    with changing(gateway, org, client) as under:
        rows = _some(_rows(under, person), "active", lambda row: row.level != "none" and row.status == "active")
        take_back(under, known_person(under.db, org, person), by)
        _supersede(under, rows, {"status": "suspended"}, "suspend", by, person)
    return under.change


def reinstate(gateway: Gateway, org: int, *, client: str | int, person: str, by: str = "operator") -> Change:
    """Let suspended rights hold again.

    Raises:
        NotFound: there is no such client or person.
        Rejected: the person has no suspended right, or the mandate that it rests on has ended.
    """
    with changing(gateway, org, client) as under:
        rows = _some(_rows(under, person), "suspended", lambda row: row.status == "suspended")
        for row in rows:
            refuse_without_mandate(under, row.representation_id, row.level)
        _supersede(under, rows, {"status": "active"}, "reinstate", by, person)
    return under.change


def withdraw(gateway: Gateway, org: int, *, client: str | int, person: str | None = None, by: str = "operator") -> Change:
    """Withdraw a person's rights, or everybody's: nothing stays at the portals. Withdrawing what is withdrawn changes nothing.

    Open letters go with them, and open invitations when it is everybody's: whoever uses one later gets nothing.

    Raises:
        NotFound: there is no such client or person.
    """
    with changing(gateway, org, client) as under:
        rows = [row for row in _rows(under, person) if row.level != "none" and row.status in IN_FORCE]
        take_back(under, None if person is None else known_person(under.db, org, person), by)
        _supersede(under, rows, {"status": "withdrawn"}, "withdraw", by, person)
    return under.change


def expire(
    gateway: Gateway, org: int, *, client: str | int, person: str, at: datetime | None = None, by: str = "operator"
) -> Change:
    """End the validity of a person's rights now, or at a moment to come, which the clock then sees to. It is only ever brought forward.

    Open letters that promise the person a level are revoked now.

    Raises:
        NotFound: there is no such client or person.
        Rejected: the person has no right in force, it ends before that already or begins later, or the moment has passed.
    """
    now = gateway.clock()
    ends = at or now
    if ends < now:
        raise Rejected(f"{told(ends)} has passed; to take the right away now: zorgsluis grant withdraw")
    with changing(gateway, org, client) as under:
        rows = _some(_rows(under, person), "in force", lambda row: row.level != "none" and row.status in IN_FORCE)
        rows = _some(rows, f"in force after {ends:%Y-%m-%d %H:%M}", lambda row: row.valid_to is None or row.valid_to > ends)
        if any(row.valid_from > ends for row in rows):
            raise Rejected("this right begins later than that; to take it away before it begins: zorgsluis grant withdraw")
        overrule(under, known_person(under.db, org, person), by)
        _supersede(under, rows, {"valid_to": ends}, "expire", by, person)
    return under.change


def confirm(gateway: Gateway, org: int, *, client: str | int, person: str, by: str = "operator") -> Change:
    """Confirm rights that rest on a parent's authority, after the birthday at which the client has a say of their own (12, 16).

    Raises:
        NotFound: there is no such client or person.
        Rejected: the person has no right that rests on a parent's authority, or there is nothing to confirm before the next birthday.
    """
    with changing(gateway, org, client) as under:
        what = "active and rests on a parent's authority"
        rows = _some(_rows(under, person), what, lambda row: row.status == "active" and _a_parents(under, row))
        _refuse_too_early(under, rows)
        _supersede(under, rows, {"confirmed_at": gateway.clock()}, "confirm", by, person)
        announce_birthdays(under.db, org, under.client)
    return under.change


def _a_parents(under: Changing, row: Any) -> bool:
    return bool(row.parental) or (row.basis == "statutory" and only_parental(under, row.person_id))


def _refuse_too_early(under: Changing, rows: Sequence[Any]) -> None:
    """Refuse a confirmation that counts for nothing: before the birthday who then decides can't have said so."""
    day = under.db.execute(BIRTHDAYS, (under.client,)).fetchone()
    passed, coming = (None, None) if day is None else (day.passed, day.coming)
    waits = any(passed is not None and (row.confirmed_at is None or row.confirmed_at < passed) for row in rows)
    if coming is not None and not waits:
        raise Rejected(f"a confirmation counts from the client's birthday on: there is nothing to confirm before {told(coming)}")


def _rows(under: Changing, person: str | None) -> list[Any]:
    person_id = None if person is None else known_person(under.db, under.org, person)
    return under.db.execute(CURRENT, (under.client, person_id, person_id)).fetchall()


def _some(rows: Sequence[Any], what: str, holds: Callable[[Any], bool]) -> list[Any]:
    found = [row for row in rows if holds(row)]
    if not found:
        raise Rejected(
            f"this person has no right for this client that is {what}; see: zorgsluis grant review, zorgsluis link list"
        )
    return found


def _supersede(under: Changing, rows: Sequence[Any], new: dict[str, Any], what: str, by: str, person: str | None) -> None:
    """Put a new row in place of each, with some of its terms changed, and let that take effect; without rows nothing happens."""
    if not rows:
        return
    under.db.execute(SUPERSEDE, ([row.id for row in rows],))
    for row in rows:
        values = {**row._asdict(), **new, "org": under.org, "client": under.client, "granted_by": by, "supersedes": row.id}
        under.db.execute(GRANT, values)
        under.outdate(row.person_id)
    detail = {"what": what, "person": person, "grants": [row.id for row in rows], "before": [row.level for row in rows]}
    under.take_effect(AuditEvent(event="grant", action="U", agent=by, detail=detail))
