"""Links and rights: who is linked to whom, and what they may see. A change takes effect in its own transaction.

That transaction holds the client's lock and does everything: the new row, the next epoch, the trust group's CareTeam, the ledger with its
retractions, and the audit row. Rows of rights are never changed, only superseded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway import careteam
from gateway.audit import AuditEvent, append
from gateway.clients import find_client, find_related, number_of
from gateway.crash import crash_point
from gateway.database import Connection
from gateway.disclosure.decide import Level
from gateway.errors import NotFound, Rejected
from gateway.ledger import Change, disclose_locked, lock_client
from gateway.runtime import Gateway

PERSON: Final = "select id from person where org = %s and code = %s"
NEW_PERSON: Final = "insert into person (org, code) values (%s, %s) on conflict (org, code) do nothing"
PORTAL: Final = "select id from portal where org = %s and code = %s"
LINK: Final = """
insert into link (org, portal_id, client_id, person_id, member, related_rid, state, linked_at)
values (%s, %s, %s, %s, %s, %s, 'active', app_now())
on conflict (portal_id, client_id, person_id) do update
set state = 'active', ended_at = null, epoch = link.epoch + 1, related_rid = coalesce(excluded.related_rid, link.related_rid)
where link.state <> 'active' or link.related_rid is distinct from coalesce(excluded.related_rid, link.related_rid)
returning id"""
END: Final = """
update link set state = 'ended', ended_at = app_now(), epoch = epoch + 1
where portal_id = %s and client_id = %s and person_id = %s and state <> 'ended' returning id"""
EPOCHS: Final = "update link set epoch = epoch + 1 where client_id = %s and (%s::bigint is null or person_id = %s)"
CURRENT: Final = """
select id, level, classes, data_from, data_to, valid_to, status from trust_grant
where client_id = %s and person_id = %s and superseded_at is null order by id"""
SUPERSEDE: Final = """
update trust_grant set superseded_at = app_now()
where client_id = %s and person_id = %s and superseded_at is null"""
# A right ends with the last link that it was used over: a link that is made again starts with nothing.
END_RIGHTS: Final = """
update trust_grant set superseded_at = app_now()
where client_id = %(client)s and person_id = %(person)s and superseded_at is null and not exists (
  select from link where link.client_id = %(client)s and link.person_id = %(person)s and link.state <> 'ended')"""
GRANT: Final = """
insert into trust_grant (org, client_id, person_id, level, classes, data_from, data_to, valid_from, valid_to, status, granted_by, basis,
  recorded_at, supersedes)
values (%(org)s, %(client)s, %(person)s, %(level)s, %(classes)s, %(data_from)s, %(data_to)s, coalesce(%(valid_from)s, app_now()),
  %(valid_to)s, %(status)s, %(granted_by)s, %(basis)s, app_now(), %(supersedes)s) returning id"""
STOP: Final = "update client set stop_reason = %s, stopped_at = app_now(), frozen = %s where id = %s"
RESUME: Final = "update client set stop_reason = null, stopped_at = null, frozen = false where id = %s"
EXCLUDE: Final = """
insert into exclusion (org, client_id, person_id, class, rkey, valid_from, valid_to, reason_code, set_by, recorded_at)
values (%s, %s, %s, %s, %s, app_now(), %s, %s, %s, app_now()) returning id"""
LIFT: Final = """
update exclusion set superseded_at = app_now() where id = %s and client_id = %s and superseded_at is null"""
RESOURCE: Final = "select rkey from resource where org = %s and rtype = %s and rid = %s and client_id = %s"
LINKS: Final = """
select portal.code as portal, client.patient_rid, patient.body, person.code as person, link.member::text as member, link.state,
  coalesce(current.level, 'none') as level
from link join portal on portal.id = link.portal_id join client on client.id = link.client_id join person on person.id = link.person_id
left join resource patient
  on patient.org = client.org and patient.rtype = 'Patient' and patient.rid = client.patient_rid and not patient.deleted
left join lateral (
  select level from trust_grant
  where client_id = link.client_id and person_id = link.person_id and superseded_at is null
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
    change = Change()
    with gateway.database.transaction(org) as db:
        client_id, portal_id = _client(db, gateway, org, client), _portal(db, org, portal)
        patient = lock_client(db, client_id) or ""
        person_id = _person(db, org, person)
        member = gateway.keys(org).ids().resource_id("zorgsluis", "member", f"{portal}|{patient}|{person}")
        related = related_rid or find_related(db, client_id, person)
        made = db.execute(LINK, (org, portal_id, client_id, person_id, member, related)).fetchone()
        if made is not None:
            detail = {"portal": portal, "person": person, "member": member}
            event = AuditEvent(event="link", action="C", agent=by, link_id=made.id, detail=detail)
            change = _effect(db, gateway, org, client_id, event)
    _hint(gateway, org, change)
    return member


def unlink(gateway: Gateway, org: int, *, portal: str, client: str | int, person: str, by: str = "operator") -> Change:
    """End a link, and with a person's last link to a client their rights: what was delivered over it is retracted at once.

    Raises:
        NotFound: there is no such client, portal or person.
    """
    change = Change()
    with gateway.database.transaction(org) as db:
        client_id, portal_id = _client(db, gateway, org, client), _portal(db, org, portal)
        lock_client(db, client_id)
        person_id = _known_person(db, org, person)
        ended = db.execute(END, (portal_id, client_id, person_id)).fetchone()
        if ended is not None:
            rights = db.execute(END_RIGHTS, {"client": client_id, "person": person_id}).rowcount
            detail = {"portal": portal, "person": person, "rights_ended": rights}
            event = AuditEvent(event="unlink", action="D", agent=by, link_id=ended.id, detail=detail)
            change = _effect(db, gateway, org, client_id, event)
    _hint(gateway, org, change)
    return change


def links(gateway: Gateway, org: int, client: str | int | None = None) -> list[LinkLine]:
    """Return every link, or those of one client, with the level that was set last.

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


def set_grant(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    person: str,
    level: Level | str,
    granted_by: str = "operator",
    basis: str = "client",
    status: str = "active",
    classes: Sequence[str] | None = None,
    data_from: datetime | None = None,
    data_to: datetime | None = None,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
) -> Change:
    """Give a person a level from now on (or from ``valid_from``) instead of what they had; return what that set in motion.

    Setting what is set already changes nothing. A later start is for somebody who has nothing yet: rows are superseded at once, so what
    a person has until then would be taken back now.

    Raises:
        NotFound: there is no such client.
        Rejected: it would begin later, and the person has a level now.
    """
    with gateway.database.transaction(org) as db:
        client_id = _client(db, gateway, org, client)
        lock_client(db, client_id)
        values = {
            "org": org,
            "client": client_id,
            "person": _person(db, org, person),
            "level": level,
            "classes": None if classes is None else sorted(classes),
            "data_from": data_from,
            "data_to": data_to,
            "valid_from": valid_from,
            "valid_to": valid_to,
            "status": status,
            "granted_by": granted_by,
            "basis": basis,
        }
        change = _grant(db, gateway, org, values, person)
        crash_point("in-grant-commit")
    _hint(gateway, org, change)
    return change


def stop(gateway: Gateway, org: int, *, client: str | int, reason: str, freeze: bool, by: str = "operator") -> Change:
    """Stop sharing for a client. With ``freeze`` nothing new goes and what is at the portals stays; without, all is retracted."""
    return _client_change(gateway, org, client, STOP, (reason, freeze), by, {"stop": reason, "freeze": freeze})


def resume(gateway: Gateway, org: int, *, client: str | int, by: str = "operator") -> Change:
    """Share again for a client who was stopped."""
    return _client_change(gateway, org, client, RESUME, (), by, {"stop": None})


def exclude(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    reason_code: str,
    set_by: str,
    person: str | None = None,
    class_: str | None = None,
    resource: str | None = None,
    valid_to: datetime | None = None,
) -> int:
    """Forbid, whatever was granted: to everybody or one person; everything, one class or one resource (``Type/id``). Return its number.

    Raises:
        NotFound: there is no such client, person or resource.
    """
    with gateway.database.transaction(org) as db:
        client_id = _client(db, gateway, org, client)
        lock_client(db, client_id)
        person_id = None if person is None else _known_person(db, org, person)
        rkey = None if resource is None else _resource(db, org, client_id, resource)
        made = db.execute(EXCLUDE, (org, client_id, person_id, class_, rkey, valid_to, reason_code, set_by)).fetchone()
        number = int(made.id) if made else 0
        db.execute(EPOCHS, (client_id, person_id, person_id))
        detail = {"exclusion": number, "person": person, "class": class_, "reason": reason_code}
        event = AuditEvent(event="exclude", action="C", agent=set_by, rkey=rkey, detail=detail)
        change = _effect(db, gateway, org, client_id, event)
    _hint(gateway, org, change)
    return number


def lift(gateway: Gateway, org: int, *, client: str | int, exclusion: int, by: str = "operator") -> Change:
    """End an exclusion."""
    return _client_change(gateway, org, client, LIFT, (exclusion,), by, {"lifted": exclusion})


def _grant(db: Connection, gateway: Gateway, org: int, values: dict[str, Any], person: str) -> Change:
    """Write the new row and let it take effect, unless it says what was in force already."""
    pair = (values["client"], values["person"])
    rows = db.execute(CURRENT, pair).fetchall()
    same = [key for key in CURRENT_FIELDS if len(rows) == 1 and getattr(rows[0], key) == values[key]]
    if len(same) == len(CURRENT_FIELDS) and values["valid_from"] is None:
        return Change()
    if values["valid_from"] is not None and values["valid_from"] > gateway.clock() and any(row.level != "none" for row in rows):
        raise Rejected(
            "this person has a level already, and it would end now: set the new level on the day that it begins, "
            "or set the level to none first"
        )
    db.execute(SUPERSEDE, pair)
    made = db.execute(GRANT, {**values, "supersedes": rows[-1].id if rows else None}).fetchone()
    db.execute(EPOCHS, (values["client"], values["person"], values["person"]))
    detail = {
        "grant": made.id if made else None,
        "person": person,
        "level": values["level"],
        "status": values["status"],
        "before": [row.level for row in rows],
        "basis": values["basis"],
    }
    event = AuditEvent(event="grant", action="U" if rows else "C", agent=values["granted_by"], detail=detail)
    return _effect(db, gateway, org, values["client"], event)


CURRENT_FIELDS: Final = ("level", "classes", "data_from", "data_to", "valid_to", "status")


def _client_change(
    gateway: Gateway, org: int, client: str | int, statement: str, values: tuple[Any, ...], by: str, detail: dict[str, Any]
) -> Change:
    with gateway.database.transaction(org) as db:
        client_id = _client(db, gateway, org, client)
        lock_client(db, client_id)
        db.execute(statement, (*values, client_id))
        db.execute(EPOCHS, (client_id, None, None))
        change = _effect(db, gateway, org, client_id, AuditEvent(event="client", action="U", agent=by, detail=detail))
    _hint(gateway, org, change)
    return change


def _effect(db: Connection, gateway: Gateway, org: int, client_id: int, event: AuditEvent) -> Change:
    """Let a change take effect: the CareTeam, the ledger, the trail."""
    patient = lock_client(db, client_id) or ""
    careteam.rewrite(db, gateway, org, client_id, patient)
    change = disclose_locked(db, org, client_id)
    counts = {"delivering": change.delivering, "retracting": change.retracting}
    told = AuditEvent(
        event=event.event,
        action=event.action,
        agent=event.agent,
        client_id=client_id,
        link_id=event.link_id,
        rkey=event.rkey,
        detail={**event.detail, **counts},
    )
    append(db, gateway.keys(org), org, [told])
    return change


def _client(db: Connection, gateway: Gateway, org: int, client: str | int) -> int:
    return find_client(db, gateway.keys(org).ids(), client)


def _hint(gateway: Gateway, org: int, change: Change) -> None:
    for lane in change.lanes:
        gateway.hint("deliver_lane", org, lane)


def _person(db: Connection, org: int, code: str) -> int:
    """Return the person of that code; a new one comes into being."""
    db.execute(NEW_PERSON, (org, code))
    return _known_person(db, org, code)


def _known_person(db: Connection, org: int, code: str) -> int:
    row = db.execute(PERSON, (org, code)).fetchone()
    if row is None:
        raise NotFound("no person of that number is known")
    return int(row.id)


def _portal(db: Connection, org: int, code: str) -> int:
    row = db.execute(PORTAL, (org, code)).fetchone()
    if row is None:
        raise NotFound(f"no portal is called {code}")
    return int(row.id)


def _resource(db: Connection, org: int, client_id: int, ref: str) -> int:
    type_, _, id_ = ref.partition("/")
    row = db.execute(RESOURCE, (org, type_, id_, client_id)).fetchone()
    if row is None:
        raise NotFound(f"{ref}: this client has no such resource")
    return int(row.rkey)
