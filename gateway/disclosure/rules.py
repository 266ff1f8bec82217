"""The rules of who sees what, each by its name: what forbids, what bars a grant, and on what a grant can fall short.

``RULES`` holds them in the order of the reason codes. A rule looks at one thing and says whether it stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.disclosure.policy import (
    AUDIENCES,
    BASE_CLASSES,
    Exclusion,
    ExternalConsent,
    Facts,
    Grant,
    Policy,
    Representation,
    Subscriber,
)
from gateway.disclosure.reasons import Code

ZONE: Final = ZoneInfo("Europe/Amsterdam")
# Ages of Dutch law (Wgbo): until 12 the parents decide, from 12 with the child, from 16 the child alone; authority ends at 18.
PARENTS_DECIDE_UNTIL: Final = 12
CONFIRMED_AGAIN_AT: Final = (12, 16)
OF_AGE: Final = 18
# What members of portals are to a registry of consents (v3-ActReason SUPNWK: support network).
CATEGORY: Final = "support-network"
PURPOSE: Final = "SUPNWK"


class Forbid(NamedTuple):
    """A reason why a member does not see an item, whatever was granted."""

    name: str
    code: Code
    holds: Callable[[Facts, Subscriber, Policy, datetime], bool]


class Bar(NamedTuple):
    """A reason to set a grant aside: it can't permit by itself, as who gave it can't give it (any more)."""

    name: str
    code: Code
    holds: Callable[[Grant, Facts, Policy, datetime], bool]


class Rung(NamedTuple):
    """Something that a grant can fall short on."""

    name: str
    code: Code
    fails: Callable[[Grant, Facts, Subscriber, datetime], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All of them, in the order in which they are asked."""

    forbids: tuple[Forbid, ...]
    bars: tuple[Bar, ...]
    rungs: tuple[Rung, ...]


def audience_of(facts: Facts) -> str | None:
    """Return whom an item is meant for: its own label beats the class map's. A message without a known one is the trust group's."""
    named = facts.audience or (facts.rule.audience if facts.rule else None)
    if facts.rtype == "Communication" and named not in AUDIENCES:
        return "trust-group"
    return named


@cache
def birthday(birth_date: date, age: int) -> datetime:
    """Return when somebody reaches an age: midnight in Amsterdam; who was born on 29 February does so on the 28th where there is none."""
    year = birth_date.year + age
    try:
        day = birth_date.replace(year=year)
    except ValueError:
        day = date(year, 2, 28)
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


# Forbids -------------------------------------------------------------------------------------------------------------------------


def _stopped(_: Facts, __: Subscriber, policy: Policy, at: datetime) -> bool:
    return policy.stopped or (policy.end_of_care_at is not None and policy.end_of_care_at <= at)


def _unlabelled(facts: Facts, _: Subscriber, __: Policy, ___: datetime) -> bool:
    """Silence about whom it is for means no."""
    return audience_of(facts) not in AUDIENCES


def _excluded(facts: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> bool:
    return any(_excludes(exclusion, facts, subscriber, at) for exclusion in policy.exclusions)


def _objected(facts: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> bool:
    """An objection stands unless a permission is nowhere less specific, and somewhere more: where neither is, the objection wins."""
    if not policy.external:
        return False
    applying = [consent for consent in policy.external if _applies(consent, facts, subscriber, at)]
    permits = [_specificity(consent) for consent in applying if consent.decision == "permit"]
    denies = [_specificity(consent) for consent in applying if consent.decision == "deny"]
    return any(not any(_outranks(permit, deny) for permit in permits) for deny in denies)


def _excludes(exclusion: Exclusion, facts: Facts, subscriber: Subscriber, at: datetime) -> bool:
    return within(at, exclusion.valid_from, exclusion.valid_to) and _names(exclusion, facts, subscriber)


def _applies(consent: ExternalConsent, facts: Facts, subscriber: Subscriber, at: datetime) -> bool:
    return (
        within(at, consent.valid_from, consent.valid_to)
        and _names(consent, facts, subscriber)
        and consent.category in (None, CATEGORY)
        and consent.purpose in (None, PURPOSE)
    )


def _names(record: Exclusion | ExternalConsent, facts: Facts, subscriber: Subscriber) -> bool:
    """Tell whether everything that the record names is meant here."""
    return (
        record.person in (None, subscriber.person)
        and (record.class_ is None or (facts.rule is not None and record.class_ == facts.rule.class_))
        and record.rkey in (None, facts.rkey)
    )


def _specificity(consent: ExternalConsent) -> tuple[int, int, int]:
    """Return how much a consent names: of the actor (person before category), the purpose, and the resource (item before class)."""
    return (
        2 if consent.person is not None else 1 if consent.category is not None else 0,
        1 if consent.purpose is not None else 0,
        2 if consent.rkey is not None else 1 if consent.class_ is not None else 0,
    )


def _outranks(permit: tuple[int, ...], deny: tuple[int, ...]) -> bool:
    return permit != deny and all(ours >= theirs for ours, theirs in zip(permit, deny, strict=True))


def _from_this_portal(facts: Facts, subscriber: Subscriber, _: Policy, __: datetime) -> bool:
    return facts.origin_portal is not None and facts.origin_portal == subscriber.origin


# Bars ----------------------------------------------------------------------------------------------------------------------------


def _unrepresented(grant: Grant, facts: Facts, policy: Policy, at: datetime) -> bool:
    """A right that holds by law holds as long as the person represents the client in this."""
    return grant.basis == "statutory" and not any(
        _represents(representation, grant.person, facts, policy, at) for representation in policy.representations
    )


def _represents(representation: Representation, person: int, facts: Facts, policy: Policy, at: datetime) -> bool:
    enough = {"care", "medical"} if audience_of(facts) == "circle" else {"medical"}
    return (
        representation.person == person
        and not enough.isdisjoint(representation.scope)
        and within(at, representation.valid_from, representation.valid_to)
        and (representation.kind != "parent-authority" or not _reached(policy.birth_date, OF_AGE, at))
    )


def _unconfirmed(grant: Grant, _: Facts, policy: Policy, at: datetime) -> bool:
    """What a parent gave must be confirmed again when the client comes to decide with them, and alone."""
    passed = [age for age in CONFIRMED_AGAIN_AT if _reached(policy.birth_date, age, at)]
    if not grant.parental or policy.birth_date is None or not passed:
        return False
    return grant.confirmed_at is None or grant.confirmed_at < birthday(policy.birth_date, max(passed))


def _too_young(grant: Grant, _: Facts, policy: Policy, at: datetime) -> bool:
    """A child under 12 doesn't decide itself."""
    return grant.basis == "client" and policy.birth_date is not None and not _reached(policy.birth_date, PARENTS_DECIDE_UNTIL, at)


def _reached(birth_date: date | None, age: int, at: datetime) -> bool:
    return birth_date is not None and birthday(birth_date, age) <= at


# Rungs ---------------------------------------------------------------------------------------------------------------------------


def _outside_data_period(grant: Grant, facts: Facts, _: Subscriber, __: datetime) -> bool:
    """An item's own time lies outside the period that the grant is about; an item without a time lies in no period."""
    if _is_base(facts) or (grant.data_from is None and grant.data_to is None):
        return False
    return facts.data_at is None or not within(facts.data_at, grant.data_from, grant.data_to)


def _outside_classes(grant: Grant, facts: Facts, _: Subscriber, __: datetime) -> bool:
    return grant.classes is not None and facts.rule is not None and not _is_base(facts) and facts.rule.class_ not in grant.classes


def _too_low(grant: Grant, facts: Facts, _: Subscriber, __: datetime) -> bool:
    """A basic member sees of the circle's items what the class map leaves."""
    shown = facts.rule is not None and facts.rule.basic_projection
    return grant.level == "basic" and not (shown and audience_of(facts) == "circle")


def _step_up_missing(_: Grant, facts: Facts, subscriber: Subscriber, at: datetime) -> bool:
    """A dossier needs a stronger sign-in than a calendar, and one that isn't too long ago."""
    return audience_of(facts) != "circle" and (subscriber.acr < subscriber.needed_acr or _grown_old(subscriber, at))


def _grown_old(subscriber: Subscriber, at: datetime) -> bool:
    if subscriber.auth_time is None or subscriber.step_up_minutes is None:
        return False
    return subscriber.auth_time + timedelta(minutes=subscriber.step_up_minutes) <= at


def _is_base(facts: Facts) -> bool:
    return facts.rule is not None and facts.rule.class_ in BASE_CLASSES


def within(at: datetime, start: datetime | None, end: datetime | None) -> bool:
    """Tell whether a moment lies in a half-open period; an end that is ``None`` is open."""
    return (start is None or at >= start) and (end is None or at < end)


RULES: Final = Rules(
    forbids=(
        Forbid("link", "not-linked", lambda _, subscriber, __, ___: subscriber.link_state != "active"),
        Forbid("stop", "client-stop", _stopped),
        Forbid("withdrawn", "resource-withdrawn", lambda facts, *_: facts.withdrawn),
        Forbid("confidential", "marked-confidential", lambda facts, *_: not facts.labels.isdisjoint({"confidential", "V"})),
        Forbid("hidden", "hidden", lambda facts, *_: "hidden" in facts.labels),
        Forbid("third party", "third-party-info", lambda facts, *_: "third-party" in facts.labels),
        Forbid("unmapped", "class-unmapped", lambda facts, *_: facts.rule is None),
        Forbid("unlabelled", "unlabelled", _unlabelled),
        Forbid("provider", "not-in-audience", lambda facts, *_: audience_of(facts) == "provider"),
        Forbid("class never leaves", "not-in-audience", lambda facts, *_: facts.rule is not None and facts.rule.label == "V"),
        Forbid("exclusion", "excluded", _excluded),
        Forbid("objection", "excluded", _objected),
        Forbid("origin", "from-this-portal", _from_this_portal),
    ),
    bars=(
        Bar("representation", "representation-missing", _unrepresented),
        Bar("confirmation", "age-gate", _unconfirmed),
        Bar("childhood", "age-gate", _too_young),
    ),
    rungs=(
        Rung("level none", "no-grant", lambda grant, *_: grant.level == "none"),
        Rung("taken back", "no-grant", lambda grant, *_: grant.status in ("withdrawn", "entered-in-error")),
        Rung("suspended", "grant-suspended", lambda grant, *_: grant.status == "suspended"),
        Rung("period", "grant-outside-period", lambda grant, _, __, at: not within(at, grant.valid_from, grant.valid_to)),
        Rung("data period", "before-data-period", _outside_data_period),
        Rung("classes", "class-not-in-grant", _outside_classes),
        Rung("level", "level-too-low", _too_low),
        Rung("step-up", "step-up-missing", _step_up_missing),
    ),
)
