"""What must hold of every decision, as checks of a deciding function: of ours, and of ours with a rule left out, which must fail some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.disclosure.decide import Exclusion, Policy, Subscriber, Verdict, birthday
from gateway.disclosure.reasons import CODES, LADDER
from tests.unit.disclosure.cases import NOW, Decide, World
from tests.unit.disclosure.oracle import forbidding, lacking

Check = Callable[[Decide, World], None]
STRANGER = 7
LISTS = ("grants", "exclusions", "representations", "external")


def default_deny(decide: Decide, world: World) -> None:
    """Seen is only what nothing forbids, by a grant of one's own that lacks nothing."""
    assert not decide(world.item, world.subscriber, replace(world.policy, grants=[]), NOW).permitted
    verdict = decide(world.item, world.subscriber, world.policy, NOW)
    if verdict.permitted:
        assert forbidding(world.item, world.subscriber, world.policy, NOW) == []
        (grant,) = [grant for grant in world.policy.grants if grant.id == verdict.grant_id]
        assert grant.person == world.subscriber.person
        assert lacking(grant, world.item, world.subscriber, world.policy, NOW) == []


def what_permits_is_monotone(decide: Decide, world: World) -> None:
    """One more grant, mandate or permission from elsewhere never hides anything."""
    before = decide(world.item, world.subscriber, world.policy, NOW)
    permission = replace(world.consent, decision="permit")
    for more in (
        replace(world.policy, grants=[*world.policy.grants, world.grant]),
        replace(world.policy, representations=[*world.policy.representations, world.mandate]),
        replace(world.policy, external=[*world.policy.external, permission]),
    ):
        assert decide(world.item, world.subscriber, more, NOW).permitted or not before.permitted


def what_forbids_is_antitone(decide: Decide, world: World) -> None:
    """One more exclusion or objection never shows anything, and an exclusion that names it hides it."""
    before = decide(world.item, world.subscriber, world.policy, NOW)
    objection = replace(world.consent, decision="deny")
    for more in (
        replace(world.policy, exclusions=[*world.policy.exclusions, world.exclusion]),
        replace(world.policy, external=[*world.policy.external, objection]),
    ):
        assert before.permitted or not decide(world.item, world.subscriber, more, NOW).permitted
    named = Exclusion(valid_from=NOW, person=world.subscriber.person, rkey=world.item.rkey)
    hidden = replace(world.policy, exclusions=[*world.policy.exclusions, named])
    assert not decide(world.item, world.subscriber, hidden, NOW).permitted


def people_do_not_interfere(decide: Decide, world: World) -> None:
    """What was decided about others changes nothing for a person, and without it all stays the same."""
    before = decide(world.item, world.subscriber, world.policy, NOW)
    others = replace(
        world.policy,
        grants=[*world.policy.grants, replace(world.grant, person=STRANGER)],
        exclusions=[*world.policy.exclusions, replace(world.exclusion, person=STRANGER)],
        representations=[*world.policy.representations, replace(world.mandate, person=STRANGER)],
        external=[*world.policy.external, replace(world.consent, person=STRANGER)],
    )
    assert decide(world.item, world.subscriber, others, NOW) == before
    alone = replace(
        world.policy,
        grants=[grant for grant in world.policy.grants if grant.person == world.subscriber.person],
        exclusions=[one for one in world.policy.exclusions if one.person in (None, world.subscriber.person)],
        representations=[one for one in world.policy.representations if one.person == world.subscriber.person],
        external=[one for one in world.policy.external if one.person in (None, world.subscriber.person)],
    )
    assert decide(world.item, world.subscriber, alone, NOW) == before


def order_is_nothing(decide: Decide, world: World) -> None:
    """Records come in any order."""
    before = decide(world.item, world.subscriber, world.policy, NOW)
    backwards = {name: list(reversed(list(getattr(world.policy, name)))) for name in LISTS}
    assert decide(world.item, world.subscriber, replace(world.policy, **backwards), NOW) == before  # type: ignore[arg-type]


def reasons_are_true(decide: Decide, world: World) -> None:
    """A verdict has a known code, the first that is true; a permit can be repeated from the grant that it names alone."""
    verdict = decide(world.item, world.subscriber, world.policy, NOW)
    assert verdict.code in CODES
    assert (verdict.projection is not None) == verdict.permitted
    in_the_way = forbidding(world.item, world.subscriber, world.policy, NOW)
    if in_the_way:
        assert verdict == Verdict(code=in_the_way[0])  # type: ignore[arg-type]
        return
    own = {grant.id: grant for grant in world.policy.grants if grant.person == world.subscriber.person}
    lacks = {number: lacking(grant, world.item, world.subscriber, world.policy, NOW) for number, grant in own.items()}
    assert verdict.code == _furthest(lacks)
    if verdict.grant_id is not None:
        assert verdict.code == (lacks[verdict.grant_id] or ["grant"])[0]
        named = replace(world.policy, grants=[own[verdict.grant_id]])
        assert decide(world.item, world.subscriber, named, NOW) == verdict


def _furthest(lacks: dict[int, list[str]]) -> str:
    """Return the reason of the grant that came furthest: nothing lacking, then only a bar, then as far along the ladder as can be."""
    bars = ("representation-missing", "age-gate")
    unbarred = [found for found in lacks.values() if not set(found) & set(bars)]
    if [] in unbarred:
        return "grant"
    only = [found[0] for found in lacks.values() if found and set(found) <= set(bars)]
    if only:
        return min(only, key=bars.index)
    return max((found[0] for found in unbarred), key=[str(code) for code in LADDER].index, default=LADDER[0])


def withdrawing_empties(decide: Decide, world: World) -> None:
    """Without rights, without a link or after a stop nothing is seen."""
    withdrawn = replace(world.policy, grants=[replace(grant, status="withdrawn") for grant in world.policy.grants])
    ended = replace(world.subscriber, link_state="ended")
    stopped = replace(world.policy, stopped=True)
    for item in world.items:
        assert not decide(item, world.subscriber, withdrawn, NOW).permitted
        assert not decide(item, ended, world.policy, NOW).permitted
        assert not decide(item, world.subscriber, stopped, NOW).permitted
        assert not decide(item, world.subscriber, replace(world.policy, end_of_care_at=NOW), NOW).permitted


def time_changes_nothing_between_boundaries(decide: Decide, world: World) -> None:
    """From one boundary until right before the next every verdict is the same."""
    boundaries = sorted(boundaries_of(world.policy, world.subscriber))
    for at in (NOW, world.moment):
        start = max((one for one in boundaries if one <= at), default=at)
        end = min((one for one in boundaries if one > at), default=at + timedelta(days=40_000))
        verdict = decide(world.item, world.subscriber, world.policy, at)
        assert decide(world.item, world.subscriber, world.policy, start) == verdict
        assert decide(world.item, world.subscriber, world.policy, end - timedelta(microseconds=1)) == verdict


def boundaries_of(policy: Policy, subscriber: Subscriber) -> Iterator[datetime]:
    """Yield every moment at which time by itself may change a verdict."""
    for name in LISTS:
        for record in getattr(policy, name):
            yield from (moment for moment in (record.valid_from, record.valid_to) if moment is not None)
    if policy.end_of_care_at is not None:
        yield policy.end_of_care_at
    if policy.birth_date is not None:
        yield from (birthday(policy.birth_date, age) for age in (12, 16, 18))
    if subscriber.auth_time is not None and subscriber.step_up_minutes is not None:
        yield subscriber.auth_time + timedelta(minutes=subscriber.step_up_minutes)


CHECKS: tuple[Check, ...] = (
    default_deny,
    what_permits_is_monotone,
    what_forbids_is_antitone,
    people_do_not_interfere,
    order_is_nothing,
    reasons_are_true,
    withdrawing_empties,
    time_changes_nothing_between_boundaries,
)
