"""The rules of who sees what, each by its name: what forbids, what bars a grant, and on what a grant can fall short.

``RULES`` holds them in the order of the reason codes. A rule looks at one thing and says whether it stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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
CONFIDENTIAL: Final = frozenset({"confidential", "V"})
# Which scopes of a mandate open what isn't meant for the circle, and what is.
SCOPES: Final = (frozenset({"medical"}), frozenset({"care", "medical"}))


class Case(NamedTuple):
    """What is decided: one resource, one member, at one moment. ``audience`` is whom the resource is meant for."""

    facts: Facts
    subscriber: Subscriber
    policy: Policy
    at: datetime
    audience: str | None


class Forbid(NamedTuple):
    """A reason why a member does not see an item, whatever was granted."""

    name: str
    code: Code
    holds: Callable[[Case], bool]


class Bar(NamedTuple):
    """A reason to set a grant aside: it can't permit by itself, as who gave it can't give it (any more)."""

    name: str
    code: Code
    holds: Callable[[Grant, Case], bool]


class Rung(NamedTuple):
    """Something that a grant can fall short on."""

    name: str
    code: Code
    fails: Callable[[Grant, Case], bool]


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
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


# Forbids -------------------------------------------------------------------------------------------------------------------------


def _stopped(case: Case) -> bool:
    return case.policy.stopped or (case.policy.end_of_care_at is not None and case.policy.end_of_care_at <= case.at)


def _not_for_this_portal(case: Case) -> bool:
    return case.subscriber.audiences is not None and case.audience not in case.subscriber.audiences


def _from_this_portal(case: Case) -> bool:
    return case.facts.origin_portal is not None and case.facts.origin_portal == case.subscriber.origin


def _excluded(case: Case) -> bool:
    return any(_applies(exclusion, case) for exclusion in case.policy.exclusions)


def _objected(case: Case) -> bool:
    """An objection stands unless a permission is nowhere less specific, and somewhere more: where neither is, the objection wins."""
    if not case.policy.external:
        return False
    applying = [
        consent
        for consent in case.policy.external
        if consent.category in (None, CATEGORY) and consent.purpose in (None, PURPOSE) and _applies(consent, case)
    ]
    permits = [_specificity(consent) for consent in applying if consent.decision == "permit"]
    denies = [_specificity(consent) for consent in applying if consent.decision == "deny"]
    return any(not any(_outranks(permit, deny) for permit in permits) for deny in denies)


def _applies(record: Exclusion | ExternalConsent, case: Case) -> bool:
    """Tell whether it holds now, and everything that it names is meant here."""
    return (
        within(case.at, record.valid_from, record.valid_to)
        and record.person in (None, case.subscriber.person)
        and record.class_ in (None, _class(case.facts))
        and record.rkey in (None, case.facts.rkey)
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


# Bars ----------------------------------------------------------------------------------------------------------------------------


def _unrepresented(grant: Grant, case: Case) -> bool:
    """A right that holds by law holds as long as the person represents the client in this."""
    if grant.basis != "statutory":
        return False
    return not any(_represents(representation, grant.person, case) for representation in case.policy.representations)


def _represents(representation: Representation, person: int, case: Case) -> bool:
    return (
        representation.person == person
        and not SCOPES[case.audience == "circle"].isdisjoint(representation.scope)
        and within(case.at, representation.valid_from, representation.valid_to)
        and not (representation.kind == "parent-authority" and _reached(OF_AGE, case) is not None)
    )


def _unconfirmed(grant: Grant, case: Case) -> bool:
    """What a parent gave must be confirmed again when the client comes to decide with them, and alone."""
    passed = [day for age in CONFIRMED_AGAIN_AT if (day := _reached(age, case))]
    if not passed or not _parental(grant, case):
        return False
    return grant.confirmed_at is None or grant.confirmed_at < passed[-1]


def _parental(grant: Grant, case: Case) -> bool:
    """A right that holds by law is a parent's while parental authority is all by which the person represents the client in this."""
    if grant.basis != "statutory":
        return grant.parental
    kinds = {mandate.kind for mandate in case.policy.representations if _represents(mandate, grant.person, case)}
    return grant.parental or kinds == {"parent-authority"}


def _too_young(grant: Grant, case: Case) -> bool:
    """A child under 12 doesn't decide itself."""
    return grant.basis == "client" and case.policy.birth_date is not None and not _reached(PARENTS_DECIDE_UNTIL, case)


def _reached(age: int, case: Case) -> datetime | None:
    """Return the birthday on which the client became this old, if that has come."""
    if case.policy.birth_date is None:
        return None
    day = birthday(case.policy.birth_date, age)
    return day if day <= case.at else None


# Rungs ---------------------------------------------------------------------------------------------------------------------------


def _outside_data_period(grant: Grant, case: Case) -> bool:
    """An item's own time lies outside the period that the grant is about; an item without a time lies in no period."""
    if (grant.data_from is None and grant.data_to is None) or _is_base(case.facts):
        return False
    return case.facts.data_at is None or not within(case.facts.data_at, grant.data_from, grant.data_to)


def _outside_classes(grant: Grant, case: Case) -> bool:
    if grant.classes is None or _is_base(case.facts):
        return False
    return _class(case.facts) not in grant.classes


def _too_low(grant: Grant, case: Case) -> bool:
    """A basic member sees of the circle's items what the class map leaves."""
    if grant.level != "basic":
        return False
    shown = case.facts.rule.basic_projection if case.facts.rule else None
    return case.audience != "circle" or shown is None


def _step_up_missing(_: Grant, case: Case) -> bool:
    """A dossier needs a stronger sign-in than a calendar, and one that isn't too long ago."""
    if case.audience == "circle":
        return False
    return case.subscriber.acr < case.subscriber.needed_acr or _grown_old(case.subscriber, case.at)


def _grown_old(subscriber: Subscriber, at: datetime) -> bool:
    """A push has no sign-in that could; a pull that doesn't say since when has one that has."""
    if not subscriber.pull or subscriber.step_up_minutes is None:
        return False
    return subscriber.auth_time is None or subscriber.auth_time + timedelta(minutes=subscriber.step_up_minutes) <= at


def _is_base(facts: Facts) -> bool:
    return _class(facts) in BASE_CLASSES


def _class(facts: Facts) -> str | None:
    return facts.rule.class_ if facts.rule else None


def _label(facts: Facts) -> str | None:
    return facts.rule.label if facts.rule else None


def within(at: datetime, start: datetime | None, end: datetime | None) -> bool:
    """Tell whether a moment lies in a half-open period; an end that is ``None`` is open."""
    return (start is None or at >= start) and (end is None or at < end)


RULES: Final = Rules(
    forbids=(
        Forbid("link", "not-linked", lambda case: case.subscriber.link_state != "active"),
        Forbid("stop", "client-stop", _stopped),
        Forbid("withdrawn", "resource-withdrawn", lambda case: case.facts.withdrawn),
        Forbid("confidential", "marked-confidential", lambda case: not case.facts.labels.isdisjoint(CONFIDENTIAL)),
        Forbid("hidden", "hidden", lambda case: "hidden" in case.facts.labels),
        Forbid("third party", "third-party-info", lambda case: "third-party" in case.facts.labels),
        Forbid("unmapped", "class-unmapped", lambda case: case.facts.rule is None),
        Forbid("unlabelled", "unlabelled", lambda case: case.audience not in AUDIENCES),
        Forbid("provider", "not-in-audience", lambda case: case.audience == "provider"),
        Forbid("portal", "not-in-audience", _not_for_this_portal),
        Forbid("never leaves", "not-in-audience", lambda case: _label(case.facts) == "V"),
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
        Rung("level none", "no-grant", lambda grant, _: grant.level == "none"),
        Rung("taken back", "no-grant", lambda grant, _: grant.status in ("withdrawn", "entered-in-error")),
        Rung("suspended", "grant-suspended", lambda grant, _: grant.status == "suspended"),
        Rung("period", "grant-outside-period", lambda grant, case: not within(case.at, grant.valid_from, grant.valid_to)),
        Rung("data period", "before-data-period", _outside_data_period),
        Rung("classes", "class-not-in-grant", _outside_classes),
        Rung("level", "level-too-low", _too_low),
        Rung("step-up", "step-up-missing", _step_up_missing),
    ),
)
