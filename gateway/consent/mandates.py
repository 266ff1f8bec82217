"""Mandates: who may act for a client, in what, and until when. A right that somebody gives on a mandate needs it to be live then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from gateway.audit import AuditEvent
from gateway.clients import find_client
from gateway.consent.changing import Changing, changing
from gateway.consent.people import known_person, person_of
from gateway.consent.tasks import flag_ended_mandates
from gateway.consent.validity import refuse_never
from gateway.errors import NotFound, Rejected
from gateway.ledger import Change
from gateway.runtime import Gateway

Kind = Literal["parent-authority", "guardian", "curator", "mentor", "written-proxy", "family-7465", "administrator-finance"]
Scope = Literal["medical", "care", "finance"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
SCOPES: Final[tuple[str, ...]] = get_args(Scope)
# What a kind covers unless it is said otherwise: who minds the money opens no file.
USUAL: Final = dict.fromkeys(KINDS, ("medical", "care")) | {"administrator-finance": ("finance",)}
# What a mandate must cover for the level that is given on it; taking everything away needs none.
COVERS: Final = {"basic": {"care", "medical"}, "private-medical": {"medical"}}

ADD: Final = """
insert into representation (org, client_id, person_id, kind, scope, valid_from, valid_to, evidence_ref, set_by, recorded_at)
values (%(org)s, %(client)s, %(person_id)s, %(kind)s, %(scope)s, coalesce(%(valid_from)s, app_now()), %(valid_to)s, %(evidence_ref)s,
  %(set_by)s, app_now()) returning id"""
CURRENT: Final = """
select id, kind, scope, person_id, valid_from, valid_to, evidence_ref from representation
where id = %s and client_id = %s and superseded_at is null"""
SUPERSEDE: Final = "update representation set superseded_at = app_now() where id = %s"
LIVE: Final = (
    "select id, kind, scope from live_mandate where client_id = %s and person_id = %s order by kind = 'parent-authority', id"
)
ONLY_PARENTAL: Final = "select circle, dossier from represented where client_id = %s and person_id = %s"
EVER: Final = "select from representation where client_id = %s and person_id = %s and superseded_at is null limit 1"
STILL: Final = """
select person.code as person, bool_or(live.id is not null) as live, bool_or(live.scope && %(covers)s) as covers
from representation given join person on person.id = given.person_id
left join live_mandate live on live.client_id = given.client_id and live.person_id = given.person_id and live.kind = given.kind
where given.id = %(given)s group by person.code"""
LIST: Final = """
select representation.id, person.code as person, kind, scope, valid_from, valid_to, evidence_ref, exists (
  select from live_mandate live where live.id = representation.id) as live
from representation join person on person.id = representation.person_id
where client_id = %s and superseded_at is null order by representation.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """One person's authority to act for a client. ``live``: it holds now; a parent's ends with the client's 18th birthday."""

    id: int
    person: str
    kind: str
    scope: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime | None
    evidence_ref: str | None
    live: bool


def add_mandate(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    person: str,
    kind: Kind | str,
    scope: Sequence[str] | None = None,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    evidence_ref: str | None = None,
    by: str = "operator",
) -> int:
    """Record that a person may act for a client; return the mandate's number. ``scope`` is what its kind usually covers if not given.

    A mandate shows nobody anything by itself: rights of basis 'statutory' rest on it, and rights that its holder gives.

    Raises:
        NotFound: there is no such client.
        Rejected: there is no such kind or scope, what is given for the person is no number, or it would never hold.
    """
    covers = tuple(scope) if scope else USUAL.get(kind, ())
    if kind not in KINDS or not set(covers) <= set(SCOPES):
        raise Rejected(f"a mandate is one of {', '.join(KINDS)}, in {', '.join(SCOPES)}")
    refuse_never(gateway.clock(), valid_from, valid_to, instead="give it a later end, or none")
    with changing(gateway, org, client) as under:
        row = {
            "kind": kind,
            "scope": sorted(covers),
            "valid_from": valid_from,
            "valid_to": valid_to,
            "evidence_ref": evidence_ref,
        }
        number = _put(under, {**row, "person_id": person_of(under.db, org, person)}, by)
        detail = {"mandate": number, "person": person, "kind": kind, "scope": sorted(covers)}
        under.outdate()
        under.take_effect(AuditEvent(event="mandate", action="C", agent=by, detail=detail))
    return number


def end_mandate(
    gateway: Gateway, org: int, *, client: str | int, mandate: int, at: datetime | None = None, by: str = "operator"
) -> Change:
    """End a mandate, now or at a moment to come. Each right that was given on it gets a task: it is never silently kept.

    Raises:
        NotFound: this client has no such mandate.
        Rejected: it would end before it began.
    """
    ends = at or gateway.clock()
    with changing(gateway, org, client) as under:
        row = under.db.execute(CURRENT, (mandate, under.client)).fetchone()
        if row is None:
            raise NotFound(f"this client has no mandate {mandate}; see: zorgsluis grant representation list")
        if ends < row.valid_from:
            raise Rejected("this mandate would end before it begins")
        under.db.execute(SUPERSEDE, (row.id,))
        number = _put(under, {**row._asdict(), "valid_to": ends}, by)
        under.outdate()
        under.take_effect(AuditEvent(event="mandate", action="D", agent=by, detail={"mandate": number, "before": mandate}))
        flag_ended_mandates(under.db, org, under.client)
    return under.change


def mandates(gateway: Gateway, org: int, client: str | int) -> list[Mandate]:
    """Return a client's mandates, those that ended too.

    Raises:
        NotFound: there is no such client.
    """
    with gateway.database.transaction(org) as db:
        rows = db.execute(LIST, (find_client(db, gateway.keys(org).ids(), client),)).fetchall()
    return [Mandate(**{**row._asdict(), "scope": tuple(row.scope)}) for row in rows]


def mandate_for(under: Changing, basis: str, giver: str | None, level: str) -> Any:
    """Return the live mandate (id, kind, scope) on which a right is given; whether one holds by law is judged when it is looked at.

    Raises:
        Rejected: a giver is needed, is named without need, or has no live mandate that covers the level.
    """
    if giver is not None and basis != "representative":
        raise Rejected(f"person {giver} is named as who gives this, so its basis must be 'representative'")
    if basis != "representative":
        return None
    if giver is None:
        raise Rejected("a right of basis 'representative' needs who gives it: the person on whose mandate it rests")
    found = [row for row in _live(under, giver) if level == "none" or COVERS[level] & set(row.scope)]
    if not found and level != "none":
        raise Rejected(
            f"person {giver} has no mandate for this client that covers {level} now; first: zorgsluis grant representation add"
        )
    return next(iter(found), None)


def only_parental(under: Changing, person_id: int) -> bool:
    """Tell whether parental authority is all by which a person represents the client now, in everything or in the dossier alone."""
    row = under.db.execute(ONLY_PARENTAL, (under.client, person_id)).fetchone()
    return row is not None and bool(row.circle or row.dossier)


def refuse_without_mandate(under: Changing, given: int | None, level: str) -> None:
    """Refuse to renew a right that was given on a mandate which no longer covers it.

    Raises:
        Rejected: the mandate has ended, or doesn't cover the level.
    """
    if given is None or level == "none":
        return
    row = under.db.execute(STILL, {"given": given, "covers": sorted(COVERS[level])}).fetchone()
    if row is None or not (row.live and row.covers):
        raise Rejected(
            "the mandate that this right was given on has ended or doesn't cover it; set the right anew with who gives it"
        )


def _live(under: Changing, person: str) -> list[Any]:
    try:
        person_id = known_person(under.db, under.org, person)
    except NotFound:
        return []
    return under.db.execute(LIVE, (under.client, person_id)).fetchall()


def _put(under: Changing, row: dict[str, Any], by: str) -> int:
    made = under.db.execute(ADD, {**row, "org": under.org, "client": under.client, "set_by": by}).fetchone()
    return int(made.id) if made else 0
