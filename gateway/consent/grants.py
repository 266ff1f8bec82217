"""Rights: what a person may see of a client, from when, of what, and on whose authority. Append-only: a change is a new row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Unpack

from gateway.audit import AuditEvent
from gateway.consent.changing import Changing, changing
from gateway.consent.mandates import mandate_for
from gateway.consent.outstanding import overrule
from gateway.consent.people import person_of
from gateway.consent.terms import Terms
from gateway.consent.validity import refuse_never, refuse_no_data
from gateway.crash import crash_point
from gateway.disclosure.decide import Level
from gateway.errors import Rejected
from gateway.ledger import Change
from gateway.runtime import Gateway

COLUMNS: Final = """level, classes, data_from, data_to, valid_from, valid_to, status, granted_by, basis, parental, confirmed_at,
  representation_id, source_ref"""
CURRENT: Final = f"""
select id, person_id, {COLUMNS} from trust_grant
where client_id = %s and (%s::bigint is null or person_id = %s) and superseded_at is null order by id"""
SUPERSEDE: Final = "update trust_grant set superseded_at = app_now() where id = any(%s)"
GRANT: Final = f"""
insert into trust_grant (org, client_id, person_id, {COLUMNS}, recorded_at, supersedes)
values (%(org)s, %(client)s, %(person_id)s, %(level)s, %(classes)s, %(data_from)s, %(data_to)s, coalesce(%(valid_from)s, app_now()),
  %(valid_to)s, %(status)s, %(granted_by)s, %(basis)s, %(parental)s, %(confirmed_at)s, %(representation_id)s, %(source_ref)s, app_now(),
  %(supersedes)s) returning id"""
# A level that somebody has now, also while it is suspended: not one that ended, hasn't begun or lacks its mandate.
LEVEL_NOW: Final = """
select from grant_standing standing join trust_grant on trust_grant.id = standing.id
where standing.id = any(%s) and coalesce(standing.short, 2) = 2 and standing.barred_circle is null
  and trust_grant.valid_from <= app_now() and coalesce(trust_grant.valid_to > app_now(), true) limit 1"""

IN_FORCE: Final = ("active", "suspended")
# What makes two rights the same; who set it and since when isn't part of it.
TERMS: Final = (
    "level", "classes", "data_from", "data_to", "valid_to", "status", "basis", "parental", "representation_id", "source_ref",
)  # fmt: skip


def set_grant(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    person: str,
    level: Level | str,
    granted_by: str = "operator",
    **terms: Unpack[Terms],
) -> Change:
    """Give a person a level from now on (or from ``valid_from``) instead of what they had; return what that set in motion.

    Setting what is set already changes nothing. Open letters that promise the person a level are revoked in any case. A later start is
    for somebody who has nothing yet: rows are superseded at once, so what a person has until then would be taken back now.

    Raises:
        NotFound: there is no such client.
        Rejected: it would begin later, and the person has a level now; it would never hold, or be about no data; or it rests on a mandate
            that isn't there.
    """
    with changing(gateway, org, client) as under:
        overrule(under, person_of(under.db, org, person), granted_by)
        put_grant(under, person, level, granted_by, **terms)
        crash_point("in-grant-commit")
    return under.change


def put_grant(
    under: Changing,
    person: str,
    level: Level | str,
    granted_by: str,
    *told: AuditEvent,
    agent: str | None = None,
    **terms: Unpack[Terms],
) -> None:
    """Write the right and let it take effect, unless it says what was in force already. ``told`` is what else takes effect with it.

    ``agent``: as what whoever gives it stands in the trail, where that isn't how the right names them.

    Raises:
        Rejected: as ``set_grant``.
    """
    wanted = _wanted(under, person, level, granted_by, terms)
    rows = under.db.execute(CURRENT, (under.client, wanted["person_id"], wanted["person_id"])).fetchall()
    if len(rows) == 1 and wanted["valid_from"] is None and _same(rows[0], wanted):
        if told:
            under.take_effect(*told)
        return
    refuse_no_period(under.gateway.clock(), wanted)
    _refuse_a_gap(under, rows, wanted["valid_from"])
    under.db.execute(SUPERSEDE, ([row.id for row in rows],))
    made = under.db.execute(GRANT, {**wanted, "supersedes": rows[-1].id if rows else None}).fetchone()
    under.outdate(wanted["person_id"])
    detail = {
        "grant": made.id if made else None,
        "person": person,
        "level": level,
        "status": wanted["status"],
        "before": [row.level for row in rows],
        "basis": wanted["basis"],
    }
    under.take_effect(*told, AuditEvent(event="grant", action="U" if rows else "C", agent=agent or granted_by, detail=detail))


def _wanted(under: Changing, person: str, level: Level | str, granted_by: str, terms: Terms) -> dict[str, Any]:
    """Return the row to be. A right that rests on a mandate names it; one that rests on a parent's authority says so."""
    person_id = person_of(under.db, under.org, person)
    classes = terms.get("classes")
    basis = terms.get("basis", "client")
    mandate = mandate_for(under, basis, terms.get("representative"), level)
    return {
        "org": under.org,
        "client": under.client,
        "person_id": person_id,
        "level": level,
        "classes": None if classes is None else sorted(classes),
        "data_from": terms.get("data_from"),
        "data_to": terms.get("data_to"),
        "valid_from": terms.get("valid_from"),
        "valid_to": terms.get("valid_to"),
        "status": terms.get("status", "active"),
        "granted_by": granted_by,
        "basis": basis,
        "parental": terms.get("parental", mandate is not None and mandate.kind == "parent-authority"),
        "confirmed_at": terms.get("confirmed_at"),
        "representation_id": mandate.id if mandate is not None else None,
        "source_ref": terms.get("source_ref"),
    }


def _same(row: Any, wanted: dict[str, Any]) -> bool:
    return all(getattr(row, term) == wanted[term] for term in TERMS)


def refuse_while_suspended(under: Changing, person: str) -> None:
    """Refuse to renew what the care organisation set aside: whoever else gives rights can't undo that.

    Raises:
        Rejected: the person's rights are suspended.
    """
    person_id = person_of(under.db, under.org, person)
    rows = under.db.execute(CURRENT, (under.client, person_id, person_id)).fetchall()
    if any(row.status == "suspended" for row in rows):
        raise Rejected("the care organisation has suspended the rights of this person")


def refuse_no_period(now: datetime, wanted: Mapping[str, Any]) -> None:
    """Refuse a right that would hold at no moment, or be about no data: setting it would silently take everything away.

    Raises:
        Rejected: one of its periods is none.
    """
    ends = "to take a right away there is: zorgsluis grant withdraw"
    refuse_never(now, wanted["valid_from"], wanted["valid_to"], instead=ends)
    refuse_no_data(wanted["data_from"], wanted["data_to"])


def _refuse_a_gap(under: Changing, rows: Sequence[Any], valid_from: datetime | None) -> None:
    later = valid_from is not None and valid_from > under.gateway.clock()
    if later and under.db.execute(LEVEL_NOW, ([row.id for row in rows],)).fetchone() is not None:
        raise Rejected(
            "this person has a level already, and it would end now: set the new level on the day that it begins, "
            "or set the level to none first"
        )
