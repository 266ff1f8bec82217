"""What the reasons mean, said once more and independently of the rules: a table of conditions, nothing clever.

``forbidding`` and ``lacking`` name, in the order of the codes, everything that stands in the way of a member or of one grant.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.disclosure.decide import ExternalConsent, Facts, Grant, Policy, Subscriber

AUDIENCES = ("circle", "trust-group", "provider-and-trust-group", "provider")


def forbidding(item: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> list[str]:
    """Return the codes of everything that forbids, whatever was granted."""
    rule, meant = item.rule, audience(item)
    conditions = {
        "not-linked": subscriber.link_state in ("pending", "ended"),
        "client-stop": policy.stopped or bool(policy.end_of_care_at and policy.end_of_care_at <= at),
        "resource-withdrawn": item.withdrawn,
        "marked-confidential": "V" in item.labels or "confidential" in item.labels,
        "hidden": "hidden" in item.labels,
        "third-party-info": "third-party" in item.labels,
        "class-unmapped": rule is None,
        "unlabelled": meant not in AUDIENCES,
        "not-in-audience": meant not in (subscriber.audiences or AUDIENCES)
        or meant == "provider"
        or (rule is not None and rule.label == "V"),
        "excluded": any(applies(one, item, subscriber, at) for one in policy.exclusions)
        or objection(item, subscriber, policy, at),
        "from-this-portal": bool(item.origin_portal) and item.origin_portal == subscriber.origin,
    }
    return [code for code, holds in conditions.items() if holds]


def lacking(grant: Grant, item: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> list[str]:
    """Return the codes of everything that keeps a person's own grant from permitting, those that bar it first."""
    assert item.rule is not None
    circle, base = audience(item) == "circle", item.rule.class_ in ("profile", "care-team")
    fresh = (
        not subscriber.pull
        or subscriber.step_up_minutes is None
        or (subscriber.auth_time is not None and at - subscriber.auth_time < timedelta(minutes=subscriber.step_up_minutes))
    )
    in_period = grant.data_from is grant.data_to is None or (
        item.data_at is not None and spans(grant, item.data_at, "data_from", "data_to")
    )
    conditions = {
        "representation-missing": grant.basis == "statutory" and not represented(grant.person, circle, policy, at),
        "age-gate": too_young(grant, policy, at) or unconfirmed(grant, circle, policy, at),
        "no-grant": grant.level == "none" or grant.status in ("withdrawn", "entered-in-error"),
        "grant-suspended": grant.status == "suspended",
        "grant-outside-period": not spans(grant, at),
        "before-data-period": not base and not in_period,
        "class-not-in-grant": not base and grant.classes is not None and item.rule.class_ not in grant.classes,
        "level-too-low": grant.level == "basic" and not (circle and item.rule.basic_projection is not None),
        "step-up-missing": not circle and not (subscriber.acr >= subscriber.needed_acr and fresh),
    }
    return [code for code, holds in conditions.items() if holds]


def audience(item: Facts) -> str | None:
    own = item.audience if item.audience is not None else item.rule and item.rule.audience
    return "trust-group" if item.rtype == "Communication" and own not in AUDIENCES else own


def applies(record: Any, item: Facts, subscriber: Subscriber, at: datetime) -> bool:
    named = ((record.person, subscriber.person), (record.class_, item.rule and item.rule.class_), (record.rkey, item.rkey))
    return spans(record, at) and all(name is None or name == own for name, own in named)


def objection(item: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> bool:
    """Somebody's will elsewhere: what names more wins, in every dimension; else the objection does."""

    def specific(one: ExternalConsent) -> tuple[int, int, int]:
        actor = 2 if one.person else 1 if one.category else 0
        return actor, 1 if one.purpose else 0, 2 if one.rkey else 1 if one.class_ else 0

    about = [
        one
        for one in policy.external
        if applies(one, item, subscriber, at) and one.category != "professional" and one.purpose != "TREAT"
    ]
    denies = [specific(one) for one in about if one.decision == "deny"]
    permits = [specific(one) for one in about if one.decision == "permit"]
    overruled = [
        deny for deny in denies for permit in permits if deny != permit and all(p >= d for p, d in zip(permit, deny, strict=True))
    ]
    return bool(set(denies) - set(overruled))


def represented(person: int, circle: bool, policy: Policy, at: datetime) -> bool:
    return bool(capacities(person, circle, policy, at))


def capacities(person: int, circle: bool, policy: Policy, at: datetime) -> list[str]:
    """Return as what somebody may act for the client in this."""
    adult = policy.birth_date is not None and years_old(policy.birth_date, at) >= 18
    return [
        one.kind
        for one in policy.representations
        if one.person == person
        and spans(one, at)
        and ("medical" in one.scope or (circle and "care" in one.scope))
        and not (adult and one.kind == "parent-authority")
    ]


def too_young(grant: Grant, policy: Policy, at: datetime) -> bool:
    return grant.basis == "client" and policy.birth_date is not None and years_old(policy.birth_date, at) < 12


def unconfirmed(grant: Grant, circle: bool, policy: Policy, at: datetime) -> bool:
    """A parent's grant was last confirmed at a younger stage (under 12, 12 to 15, 16 and over) than the client is in now."""
    roles = capacities(grant.person, circle, policy, at) if grant.basis == "statutory" else []
    only_parent = len(roles) > 0 and roles.count("parent-authority") == len(roles)
    if policy.birth_date is None or not (grant.parental or only_parent):
        return False
    confirmed = -1 if grant.confirmed_at is None else stage(policy.birth_date, grant.confirmed_at)
    now = stage(policy.birth_date, at)
    return now > 0 and confirmed < now


def stage(born: date, at: datetime) -> int:
    age = years_old(born, at)
    return 0 if age < 12 else 1 if age < 16 else 2


def years_old(born: date, at: datetime) -> int:
    """Count birthdays as one does in Amsterdam; 29 February falls on the 28th in other years."""
    today = at.astimezone(ZoneInfo("Europe/Amsterdam")).date()
    leap = today.year % 4 == 0 and (today.year % 100 != 0 or today.year % 400 == 0)
    day = (2, 28) if (born.month, born.day) == (2, 29) and not leap else (born.month, born.day)
    return today.year - born.year - ((today.month, today.day) < day)


def spans(record: Any, at: datetime, start: str = "valid_from", end: str = "valid_to") -> bool:
    low = getattr(record, start) or datetime.min.replace(tzinfo=UTC)
    high = getattr(record, end) or datetime.max.replace(tzinfo=UTC)
    return bool(low <= at < high)
