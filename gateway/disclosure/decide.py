"""Who sees what, decided without I/O or clock: default deny, a forbid wins, one reason of a closed list.

Twin of the view ``disclosure_verdict`` (migrations/sql/0003_disclosure.sql), which every read and every push goes through; this form is for
explaining, simulating and proving. A property test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from gateway.disclosure.reasons import LADDER, Code

Level = Literal["none", "basic", "private-medical"]
AUDIENCES: Final = frozenset({"circle", "trust-group", "provider-and-trust-group", "provider"})
# What every right brings along: whose page it is, and who else may look. Nothing else would make sense without it.
BASE_CLASSES: Final = frozenset({"profile", "care-team"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRule:
    """What the class map says about one key of a source; ``basic_projection`` is how a basic member sees it, if at all."""

    class_: str
    audience: str | None
    basic_projection: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one resource, its content apart."""

    rkey: int
    rtype: str
    rid: str
    rule: ClassRule | None
    audience: str | None = None
    labels: frozenset[str] = frozenset()
    data_at: datetime | None = None
    withdrawn: bool = False
    origin_portal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One member at one portal. ``origin`` is the portal's name in the source's records; ``related_rid`` is the person's own record."""

    person: int
    link_state: Literal["pending", "active", "ended"]
    origin: str | None = None
    step_up: bool = True
    related_rid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A permission of one person; periods are half open, ``classes`` narrows, ``None`` is all."""

    id: int
    person: int
    level: Level
    valid_from: datetime
    valid_to: datetime | None = None
    status: Literal["active", "suspended", "withdrawn", "entered-in-error"] = "active"
    classes: frozenset[str] | None = None
    data_from: datetime | None = None
    data_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A forbid: of everything, or only of the person, class or resource that it names."""

    valid_from: datetime
    valid_to: datetime | None = None
    person: int | None = None
    class_: str | None = None
    rkey: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that was decided for one client."""

    stopped: bool = False
    grants: Collection[Grant] = ()
    exclusions: Collection[Exclusion] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer; ``projection`` only with ``grant``; ``grant_id`` is the grant that decided, if one did."""

    code: Code
    projection: str | None = None
    grant_id: int | None = None

    @property
    def permitted(self) -> bool:
        """Tell whether the member sees it, whole or not."""
        return self.code == "grant"


def decide(facts: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> Verdict:
    """Decide whether a member sees a resource, and how."""
    refusal = (
        _link_refusal(subscriber, policy)
        or _item_refusal(facts)
        or _audience_refusal(facts)
        or _forbid(facts, subscriber, policy, at)
    )
    if refusal is not None:
        return Verdict(code=refusal)
    own = [grant for grant in policy.grants if grant.person == subscriber.person]
    if not own:
        return Verdict(code="no-grant")
    best = max(own, key=lambda grant: (_rank(grant, facts, subscriber, at), grant.level == "private-medical", -grant.id))
    rank = _rank(best, facts, subscriber, at)
    if rank < len(LADDER):
        return Verdict(code=LADDER[rank], grant_id=best.id if rank else None)
    return Verdict(code="grant", projection=_projection(facts, subscriber, best), grant_id=best.id)


def audience_of(facts: Facts) -> str | None:
    """Return whom an item is meant for: its own label beats the class map's. A message without a known one is the trust group's."""
    named = facts.audience or (facts.rule.audience if facts.rule else None)
    if facts.rtype == "Communication" and named not in AUDIENCES:
        return "trust-group"
    return named


def _link_refusal(subscriber: Subscriber, policy: Policy) -> Code | None:
    if subscriber.link_state != "active":
        return "not-linked"
    return "client-stop" if policy.stopped else None


def _item_refusal(facts: Facts) -> Code | None:
    """Refuse what the source or its writer took back or marked."""
    if facts.withdrawn:
        return "resource-withdrawn"
    if facts.labels & {"confidential", "V"}:
        return "marked-confidential"
    if "hidden" in facts.labels:
        return "hidden"
    return "third-party-info" if "third-party" in facts.labels else None


def _audience_refusal(facts: Facts) -> Code | None:
    """Refuse what no right could open: silence about the class or the audience means no."""
    if facts.rule is None:
        return "class-unmapped"
    audience = audience_of(facts)
    if audience not in AUDIENCES:
        return "unlabelled"
    return "not-in-audience" if audience == "provider" or facts.rule.label == "V" else None


def _forbid(facts: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> Code | None:
    if any(_excludes(exclusion, facts, subscriber, at) for exclusion in policy.exclusions):
        return "excluded"
    from_here = facts.origin_portal is not None and facts.origin_portal == subscriber.origin
    return "from-this-portal" if from_here else None


def _excludes(exclusion: Exclusion, facts: Facts, subscriber: Subscriber, at: datetime) -> bool:
    return (
        _within(at, exclusion.valid_from, exclusion.valid_to)
        and exclusion.person in (None, subscriber.person)
        and (exclusion.class_ is None or (facts.rule is not None and exclusion.class_ == facts.rule.class_))
        and exclusion.rkey in (None, facts.rkey)
    )


def _rank(grant: Grant, facts: Facts, subscriber: Subscriber, at: datetime) -> int:
    """Return how far a grant comes along ``LADDER``: the index of what it fails on, or its length when it permits."""
    rule = facts.rule
    if rule is None or grant.level == "none" or grant.status in ("withdrawn", "entered-in-error"):
        return LADDER.index("no-grant")
    circle = audience_of(facts) == "circle"
    base = rule.class_ in BASE_CLASSES
    checks: tuple[tuple[Code, bool], ...] = (
        ("grant-suspended", grant.status == "suspended"),
        ("grant-outside-period", not _within(at, grant.valid_from, grant.valid_to)),
        ("before-data-period", not base and not _covers(grant, facts.data_at)),
        ("class-not-in-grant", not base and grant.classes is not None and rule.class_ not in grant.classes),
        ("level-too-low", grant.level == "basic" and not (circle and rule.basic_projection)),
        ("step-up-missing", not circle and not subscriber.step_up),
    )
    return next((LADDER.index(code) for code, fails in checks if fails), len(LADDER))


def _covers(grant: Grant, data_at: datetime | None) -> bool:
    """Tell whether an item's own time lies in the period that a grant is about; an item without a time lies in no period."""
    if grant.data_from is None and grant.data_to is None:
        return True
    return data_at is not None and _within(data_at, grant.data_from, grant.data_to)


def _within(at: datetime, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or at >= start) and (end is None or at < end)


def _projection(facts: Facts, subscriber: Subscriber, grant: Grant) -> str | None:
    """Contact details of a relation go to that person alone; a basic member sees what the class map leaves."""
    if facts.rtype == "RelatedPerson":
        return "whole" if facts.rid == subscriber.related_rid else "name-role"
    return "whole" if grant.level == "private-medical" or facts.rule is None else facts.rule.basic_projection
