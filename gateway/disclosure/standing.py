"""The level at which a person stands: the widest of their rights that hold, as the CareTeam tells it (``grant_standing`` is its twin)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gateway.disclosure.policy import Facts, Grant, Level, Policy, Subscriber
from gateway.disclosure.rules import RULES, Case, within

WIDER: Final[tuple[Level, ...]] = ("none", "basic", "private-medical")
# Any item of the circle: no right that bars this one opens another.
ANY_ITEM: Final = Facts(rkey=0, rtype="", rid="", rule=None, audience="circle")


def level_at(subscriber: Subscriber, policy: Policy, at: datetime) -> Level:
    """Return the widest level of a person's rights that hold: active, in their period, and not set aside by age or an ended mandate."""
    case = Case(ANY_ITEM, subscriber, policy, at, ANY_ITEM.audience)
    levels = (grant.level for grant in policy.grants if grant.person == subscriber.person and _stands(grant, case))
    return max(levels, key=WIDER.index, default="none")


def _stands(grant: Grant, case: Case) -> bool:
    holds = grant.status == "active" and within(case.at, grant.valid_from, grant.valid_to)
    return holds and not any(bar.holds(grant, case) for bar in RULES.bars)
