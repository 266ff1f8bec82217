"""What is alike to the rules: items of one client, and members of all clients, of which nothing that a rule reads differs.

Two items of one cell have one verdict; two members of one kind have the same one for the same cell, but for the number of the grant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import datetime
from operator import attrgetter

from gateway.disclosure.policy import Exclusion, ExternalConsent, Facts, Grant, Policy, Subscriber
from gateway.disclosure.rules import within

# What the rules read of an item, but for what few items are told apart by: its number, its person, its time.
KIND = attrgetter("rule", "rtype", "audience", "labels", "withdrawn", "origin_portal")
# What they read of a member whatever is decided about.
MEMBER = attrgetter(
    "link_state", "acr", "pull", "auth_time", "needed_acr", "step_up_minutes", "origin", "related_rid", "audiences"
)


def bounds_of(grants: Collection[Grant]) -> list[datetime]:
    """Return the moments between which the times of items make no difference to these grants, in order."""
    return sorted({bound for grant in grants for bound in (grant.data_from, grant.data_to) if bound is not None})


def divider(policy: Policy, subscribers: Collection[Subscriber]) -> Callable[[Facts], Hashable]:
    """Return a function that gives items the same cell when this policy can't tell them apart for these members.

    Items are told apart by their number where the policy names it, by their time where a grant is about a period, and the records of
    relations by whether they are a member's own.
    """
    bounds = bounds_of(policy.grants)
    named = {exclusion.rkey for exclusion in policy.exclusions} | {consent.rkey for consent in policy.external}
    own = {subscriber.related_rid for subscriber in subscribers}

    def cell(facts: Facts) -> Hashable:
        whose = facts.rid if facts.rid in own else None
        number = facts.rkey if facts.rkey in named else None
        return KIND(facts), whose, number, _period(bounds, facts.data_at)

    def plain(facts: Facts) -> Hashable:
        return (KIND(facts), facts.rid) if facts.rid in own else KIND(facts)

    return cell if bounds or named - {None} else plain


def _period(bounds: Sequence[datetime], data_at: datetime | None) -> int:
    """Return which of the periods between the bounds a moment lies in; -1 for an item without a time."""
    return -1 if data_at is None else bisect_right(bounds, data_at)


def member_kind(subscriber: Subscriber, grants: Sequence[Grant], policy: Policy, at: datetime) -> Hashable:
    """Return what the rules can read of a member of a client at a moment; ``grants`` are the person's own.

    Of the policy's periods only what they come to at the moment, of data periods only where the cells of the items put their ends.
    """
    ended = policy.end_of_care_at is not None and policy.end_of_care_at <= at
    bounds = bounds_of(policy.grants)
    return (
        MEMBER(subscriber),
        policy.stopped or ended,
        policy.birth_date,
        tuple(_grant(grant, bounds, at) for grant in grants),
        tuple((one.class_, one.rkey) for one in policy.exclusions if _concerns(one, subscriber, at)),
        tuple(
            (one.decision, one.person is None, one.category, one.purpose, one.class_, one.rkey)
            for one in policy.external
            if _concerns(one, subscriber, at)
        ),
        tuple(
            (one.kind, one.scope)
            for one in policy.representations
            if one.person == subscriber.person and within(at, one.valid_from, one.valid_to)
        ),
    )


def _grant(grant: Grant, bounds: Sequence[datetime], at: datetime) -> Hashable:
    return (
        grant.level,
        grant.status,
        within(at, grant.valid_from, grant.valid_to),
        grant.classes,
        None if grant.data_from is None else bounds.index(grant.data_from),
        None if grant.data_to is None else bounds.index(grant.data_to),
        grant.basis,
        grant.parental,
        grant.confirmed_at,
    )


def _concerns(record: Exclusion | ExternalConsent, subscriber: Subscriber, at: datetime) -> bool:
    return record.person in (None, subscriber.person) and within(at, record.valid_from, record.valid_to)
