"""Who sees what, decided without I/O or clock: default deny, a forbid wins, one reason of a closed list.

Twin of the view ``disclosure_verdict`` (migrations/sql/0023_at_most.sql), which every read and every push goes through; this form is for
explaining, simulating and proving. A property test keeps the two equal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gateway.disclosure.policy import (
    AUDIENCES,
    BASE_CLASSES,
    NEEDED_ACR,
    Basis,
    ClassRule,
    Exclusion,
    ExternalConsent,
    Facts,
    Grant,
    Level,
    Policy,
    Representation,
    RepresentationKind,
    Scope,
    Subscriber,
    Verdict,
)
from gateway.disclosure.reasons import CODES, LADDER, Code
from gateway.disclosure.rules import RULES, Case, Rules, audience_of, birthday

__all__ = [
    "AUDIENCES",
    "BASE_CLASSES",
    "NEEDED_ACR",
    "Basis",
    "ClassRule",
    "Exclusion",
    "ExternalConsent",
    "Facts",
    "Grant",
    "Level",
    "Policy",
    "Representation",
    "RepresentationKind",
    "Scope",
    "Subscriber",
    "Verdict",
    "audience_of",
    "birthday",
    "decide",
    "decide_by",
]

# How far each end is along: the ladder, then grants that would permit but are barred, then one that does.
REACHED: Final[dict[Code, int]] = {code: far for far, code in enumerate((*LADDER, "age-gate", "representation-missing", "grant"))}
# What refuses by itself is the same answer each time.
REFUSALS: Final[dict[Code, Verdict]] = {code: Verdict(code=code) for code in CODES}


def decide(facts: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> Verdict:
    """Decide whether a member sees a resource at a moment, and how."""
    return decide_by(RULES, facts, subscriber, policy, at)


def decide_by(rules: Rules, facts: Facts, subscriber: Subscriber, policy: Policy, at: datetime) -> Verdict:
    """Decide by other rules than ours: what a proof leaves one out of.

    The first forbid that holds is the reason. Else, of the person's grants, the one that comes furthest is: one that permits, one that would
    but is barred, one that falls short. Of equals, the wider level, then the older one.
    """
    case = Case(facts, subscriber, policy, at, audience_of(facts))
    for _, refusal, holds in rules.forbids:
        if holds(case):
            return REFUSALS[refusal]
    own = [(_end_of(rules, grant, case), grant) for grant in policy.grants if grant.person == subscriber.person]
    code, best = max(own, key=_far) if len(own) > 1 else own[0] if own else (LADDER[0], None)
    if best is None or code == LADDER[0]:
        return REFUSALS[LADDER[0]]
    return Verdict(code=code, projection=_projection(facts, subscriber, best) if code == "grant" else None, grant_id=best.id)


def _far(end: tuple[Code, Grant]) -> tuple[int, bool, int]:
    code, grant = end
    return REACHED[code], grant.level == "private-medical", -grant.id


def _end_of(rules: Rules, grant: Grant, case: Case) -> Code:
    """Return what a grant comes to; one that is barred and falls short as well counts for nothing."""
    short = _falls_short(rules, grant, case)
    for _, code, holds in rules.bars:
        if holds(grant, case):
            return LADDER[0] if short else code
    return short or "grant"


def _falls_short(rules: Rules, grant: Grant, case: Case) -> Code | None:
    for _, code, fails in rules.rungs:
        if fails(grant, case):
            return code
    return None


def _projection(facts: Facts, subscriber: Subscriber, grant: Grant) -> str | None:
    """Contact details of a relation go to that person alone; a basic member sees what the class map leaves."""
    if facts.rtype == "RelatedPerson":
        return "whole" if facts.rid == subscriber.related_rid else "name-role"
    return "whole" if grant.level == "private-medical" or facts.rule is None else facts.rule.basic_projection
