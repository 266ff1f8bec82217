"""Clients with their resources, relatives and rights, made up in memory: what ``bench disclosure`` decides about."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.disclosure.decide import ClassRule, Exclusion, Facts, Grant, Policy, Subscriber

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
MEMBERS: Final = 3
RULES: Final = (
    ("Observation", ClassRule(class_="report", audience="trust-group", label="R"), 45),
    ("Observation", ClassRule(class_="measurement", audience="trust-group", label="R"), 25),
    ("Appointment", ClassRule(class_="calendar", audience="circle", basic_projection="reduced", label="N"), 20),
    ("CarePlan", ClassRule(class_="care-plan", audience="trust-group", label="R"), 5),
    ("Communication", ClassRule(class_="message", audience=None, label="N"), 3),
    ("RelatedPerson", ClassRule(class_="profile", audience="circle", basic_projection="name-role", label="N"), 2),
)
LABELS: Final = (frozenset[str](), frozenset({"hidden"}), frozenset({"confidential"}), frozenset({"third-party"}))


@dataclass(frozen=True, slots=True)
class Client:
    """One client: what there is, who is linked, and what was decided."""

    items: list[Facts]
    subscribers: tuple[Subscriber, ...]
    policy: Policy


def clients(count: int, items: int, seed: int) -> list[Client]:
    """Return so many clients with so many resources and three members each; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - made up, not secret
    return [_client(number, items, chance) for number in range(count)]


def _client(number: int, items: int, chance: random.Random) -> Client:
    kinds = chance.choices(RULES, weights=[weight for *_, weight in RULES], k=items)
    first = number * items
    facts = [_facts(first + place, type_, rule, chance) for place, (type_, rule, _) in enumerate(kinds)]
    people = tuple(_subscriber(number * MEMBERS + place, chance) for place in range(MEMBERS))
    return Client(facts, people, _policy(people, facts, chance))


def _facts(rkey: int, type_: str, rule: ClassRule, chance: random.Random) -> Facts:
    drawn = chance.random()
    return Facts(
        rkey=rkey,
        rtype=type_,
        rid=str(rkey),
        rule=rule if drawn > 0.002 else None,
        audience="circle" if type_ == "Communication" and drawn < 0.5 else None,
        labels=LABELS[chance.randrange(1, 4)] if drawn > 0.97 else LABELS[0],
        data_at=NOW - timedelta(hours=chance.randrange(24 * 730)),
        withdrawn=0.96 < drawn < 0.97,
    )


def _subscriber(person: int, chance: random.Random) -> Subscriber:
    return Subscriber(person=person, link_state="active" if chance.random() < 0.97 else "ended", acr=2, related_rid=None)


def _policy(people: tuple[Subscriber, ...], items: list[Facts], chance: random.Random) -> Policy:
    """One grant a person: whole, basic, or narrowed to classes and a year; here and there an exclusion."""
    since = NOW - timedelta(days=400)
    whole, basic, part = (one.person for one in people)
    grants = (
        Grant(id=whole, person=whole, level="private-medical", valid_from=since),
        Grant(id=basic, person=basic, level="basic", valid_from=since),
        Grant(
            id=part,
            person=part,
            level="private-medical",
            valid_from=since,
            classes=frozenset({"report", "calendar"}),
            data_from=NOW - timedelta(days=365),
        ),
    )
    exclusions: list[Exclusion] = []
    if chance.random() < 0.1:
        exclusions.append(Exclusion(valid_from=since, person=part, class_="report"))
    if chance.random() < 0.05:
        exclusions.append(Exclusion(valid_from=since, rkey=items[0].rkey))
    return Policy(stopped=chance.random() < 0.01, grants=grants, exclusions=tuple(exclusions))
