"""Why a member sees, or does not see, a resource: the reason, what decided it, and the smallest change that would turn it round.

The answer is the view's own; ``decide`` is asked only what would happen if one thing were different. Each question is itself audited. Texts
name rights, classes and numbers, never a person or content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from gateway.audit import AuditEvent, append
from gateway.database import Connection
from gateway.disclosure.decide import (
    ClassRule,
    Exclusion,
    ExternalConsent,
    Facts,
    Grant,
    Policy,
    Representation,
    Subscriber,
    decide,
)
from gateway.disclosure.reasons import SENTENCES, Code, Sentence
from gateway.errors import NotFound
from gateway.runtime import Gateway

MEMBER: Final = """
select link.id, link.client_id, link.person_id, link.state, link.related_rid, portal.code as portal,
  case when portal.step_up then portal.acr else 1 end as acr, portal.settings ->> 'origin' as origin, organisation.dossier_acr,
  organisation.step_up_minutes, client.stop_reason, client.end_of_care_at, client.birth_date
from link join portal on portal.id = link.portal_id join client on client.id = link.client_id
join organisation on organisation.id = link.org where link.member = %s"""
RESOURCE: Final = """
select resource.rkey, resource.rtype, resource.rid, resource.client_id, resource.deleted, resource.audience, resource.labels,
  resource.data_at, resource.withdrawn, resource.origin_portal, resource.system, resource.class_key, class_map.class as class_,
  class_map.audience as class_audience, class_map.basic_projection, class_map.label
from resource left join class_map
  on class_map.org = resource.org and class_map.system = resource.system and class_map.class_key = resource.class_key
where resource.rtype = %s and resource.rid = %s"""
VERDICT: Final = """
select code, projection, grant_id, directory from disclosure_verdict where client_id = %s and link_id = %s and rkey = %s"""
GRANTS: Final = """
select id, person_id, level, valid_from, valid_to, status, classes, data_from, data_to, basis, parental, confirmed_at from trust_grant
where client_id = %s and person_id = %s and superseded_at is null order by id"""
EXCLUSIONS: Final = """
select id, valid_from, valid_to, person_id, class as class_, rkey from exclusion
where client_id = %s and superseded_at is null order by id"""
REPRESENTATIONS: Final = """
select person_id as person, kind, scope, valid_from, valid_to from representation where client_id = %s and superseded_at is null"""
EXTERNAL: Final = """
select decision, person_id as person, category, purpose, class as class_, rkey, valid_from, valid_to from external_consent
where client_id = %s and superseded_at is null"""

DIRECTORY: Final = Sentence(
    nl="Deze persoon ziet dit niet: het gaat alleen mee met iets dat deze persoon mag zien en dat ernaar verwijst.",
    en="This person does not see this: it only travels with something that this person may see and that refers to it.",
)
PART: Final = Sentence(
    nl="Deze persoon ziet hiervan een deel: de toestemming dekt niet meer dan dat.",
    en="This person sees part of this: the permission covers no more.",
)
CHANGES: Final = {
    "level-basic": Sentence(nl="Wel zichtbaar met het recht 'basis'.", en="Visible with the right 'basic'."),
    "level-private-medical": Sentence(
        nl="Wel zichtbaar met het recht 'privéberichten en medische informatie'.",
        en="Visible with the right 'private messages and medical information'.",
    ),
    "link": Sentence(nl="Wel zichtbaar als de koppeling weer actief wordt.", en="Visible once the link is active again."),
    "resume": Sentence(nl="Wel zichtbaar als het delen wordt hervat.", en="Visible once sharing is resumed."),
    "lift-exclusions": Sentence(nl="Wel zichtbaar als de uitsluiting vervalt.", en="Visible once the exclusion is lifted."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer. ``deciding`` names the records that decided; ``change`` is the smallest single change that would make it visible."""

    code: Code
    nl: str
    en: str
    member: str
    resource: str
    projection: str | None
    deciding: tuple[dict[str, Any], ...]
    change: str | None


def explain(gateway: Gateway, org: int, member: str, ref: str, *, by: str = "operator") -> Explanation:
    """Explain to an operator why a member sees or does not see ``Type/id``.

    Raises:
        NotFound: no such member or no such resource in this organisation.
    """
    with gateway.database.transaction(org) as db:
        link, resource = _link(db, member), _resource(db, ref)
        code, projection, grant_id, sentence = _verdict(db, link, resource)
        policy = _policy(db, link)
        change = None if code == "grant" else _change(resource, link, policy, gateway.clock())
        detail = {"resource": ref, "code": code, "portal": link.portal}
        event = AuditEvent(
            event="explain", action="R", agent=by, client_id=link.client_id, link_id=link.id, rkey=resource.rkey, detail=detail
        )
        append(db, gateway.keys(org), org, [event])
    return Explanation(
        code=code,
        nl=_text(sentence.nl, change and CHANGES[change].nl),
        en=_text(sentence.en, change and CHANGES[change].en),
        member=member,
        resource=ref,
        projection=projection,
        deciding=tuple(_deciding(code, grant_id, resource, link, policy)),
        change=change,
    )


def _text(sentence: str, change: str | None) -> str:
    return f"{sentence} {change}" if change else sentence


def _link(db: Connection, member: str) -> Any:
    try:
        row = db.execute(MEMBER, (UUID(member),)).fetchone()
    except ValueError:
        row = None
    if row is None:
        raise NotFound("no such member in this organisation; `zorgsluis link list` shows them")
    return row


def _resource(db: Connection, ref: str) -> Any:
    type_, _, id_ = ref.partition("/")
    row = db.execute(RESOURCE, (type_, id_)).fetchone()
    if row is None:
        raise NotFound(f"{ref}: no such resource in this organisation")
    return row


def _verdict(db: Connection, link: Any, resource: Any) -> tuple[Code, str | None, int | None, Sentence]:
    """Ask the view; what it has no row for was deleted, is another client's, or is a directory resource that nothing brings along."""
    row = db.execute(VERDICT, (link.client_id, link.id, resource.rkey)).fetchone()
    if row is not None:
        part = row.code == "grant" and row.projection not in ("whole", "directory")
        return row.code, row.projection, row.grant_id, PART if part else SENTENCES[row.code]
    if resource.client_id not in (None, link.client_id) or link.state != "active":
        return "not-linked", None, None, SENTENCES["not-linked"]
    if link.stop_reason is not None:
        return "client-stop", None, None, SENTENCES["client-stop"]
    if resource.deleted:
        return "resource-withdrawn", None, None, SENTENCES["resource-withdrawn"]
    return "no-grant", None, None, DIRECTORY


def _policy(db: Connection, link: Any) -> Policy:
    grants = [
        Grant(
            id=row.id,
            person=row.person_id,
            level=row.level,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            status=row.status,
            classes=None if row.classes is None else frozenset(row.classes),
            data_from=row.data_from,
            data_to=row.data_to,
            basis=row.basis,
            parental=row.parental,
            confirmed_at=row.confirmed_at,
        )
        for row in db.execute(GRANTS, (link.client_id, link.person_id))
    ]
    exclusions = [
        Exclusion(valid_from=row.valid_from, valid_to=row.valid_to, person=row.person_id, class_=row.class_, rkey=row.rkey)
        for row in db.execute(EXCLUSIONS, (link.client_id,))
    ]
    return Policy(
        stopped=link.stop_reason is not None,
        end_of_care_at=link.end_of_care_at,
        birth_date=link.birth_date,
        grants=grants,
        exclusions=exclusions,
        representations=[
            Representation(**{**row._asdict(), "scope": frozenset(row.scope)})
            for row in db.execute(REPRESENTATIONS, (link.client_id,))
        ],
        external=[ExternalConsent(**row._asdict()) for row in db.execute(EXTERNAL, (link.client_id,))],
    )


def _change(resource: Any, link: Any, policy: Policy, at: datetime) -> str | None:
    """Return the first single change after which the member would see it."""
    if resource.deleted or resource.client_id != link.client_id:
        return None
    facts, subscriber = _facts(resource), _subscriber(link)
    for name, other, rules in _what_if(subscriber, policy, at):
        if decide(facts, other, rules, at).permitted:
            return name
    return None


def _what_if(subscriber: Subscriber, policy: Policy, at: datetime) -> Iterator[tuple[str, Subscriber, Policy]]:
    """Yield single changes, the smallest right first."""
    basic = Grant(id=0, person=subscriber.person, level="basic", valid_from=at)
    yield "level-basic", subscriber, replace(policy, grants=[basic])
    yield "level-private-medical", subscriber, replace(policy, grants=[replace(basic, level="private-medical")])
    yield "lift-exclusions", subscriber, replace(policy, exclusions=(), external=())
    yield "link", replace(subscriber, link_state="active"), policy
    yield "resume", subscriber, replace(policy, stopped=False, end_of_care_at=None)


def _facts(row: Any) -> Facts:
    rule = None
    if row.class_ is not None:
        rule = ClassRule(class_=row.class_, audience=row.class_audience, basic_projection=row.basic_projection, label=row.label)
    return Facts(
        rkey=row.rkey,
        rtype=row.rtype,
        rid=row.rid,
        rule=rule,
        audience=row.audience,
        labels=frozenset(row.labels),
        data_at=row.data_at,
        withdrawn=row.withdrawn,
        origin_portal=row.origin_portal,
    )


def _subscriber(row: Any) -> Subscriber:
    return Subscriber(
        person=row.person_id,
        link_state=row.state,
        origin=row.origin,
        acr=row.acr,
        needed_acr=row.dossier_acr,
        step_up_minutes=row.step_up_minutes,
        related_rid=row.related_rid,
    )


def _deciding(code: Code, grant_id: int | None, resource: Any, link: Any, policy: Policy) -> Iterator[dict[str, Any]]:
    """Name the records that the verdict rests on: numbers, states and codes."""
    yield {"link": link.id, "state": link.state, "portal": link.portal}
    yield {"class_key": f"{resource.system} {resource.class_key}", "class": resource.class_, "labels": sorted(resource.labels)}
    yield from (
        {"grant": grant.id, "level": grant.level, "status": grant.status} for grant in policy.grants if grant.id == grant_id
    )
    if code == "excluded":
        yield {"exclusions": len(policy.exclusions)}
    if code == "client-stop":
        yield {"stop": link.stop_reason}
