"""Small worlds for the rules: open but for a few things each, so that every reason is met, also behind the others.

Records are drawn from lists that hold a base and what it becomes when at most a few of its fields are changed, the simplest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, product
from typing import Any, TypeVar

from hypothesis import strategies as st

from gateway.disclosure.decide import (
    ClassRule,
    Exclusion,
    ExternalConsent,
    Facts,
    Grant,
    Policy,
    Representation,
    Subscriber,
    Verdict,
    birthday,
)

T = TypeVar("T")
Decide = Callable[[Facts, Subscriber, Policy, datetime], Verdict]

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAYS = [NOW + timedelta(days=days) for days in (-20, -10, 0, 10, 20)]
LONG_AGO = NOW - timedelta(days=9000)
# The day before, on and after NOW's: 12, 16 and 18 years earlier; an old client and a small child.
BIRTHS = [date(year, 3, day) for year in (2014, 2010, 2008) for day in (1, 2, 3)] + [date(1940, 2, 29), date(2020, 5, 1)]
PERSONS = (1, 2)
CLASSES = ("report", "calendar", "profile", "care-team", "message")
OWN_RELATION = "related-1"
KINDS = ("parent-authority", "mentor", "written-proxy", "administrator-finance")
PERIODS: Mapping[str, Sequence[Any]] = {"valid_from": DAYS[1:], "valid_to": DAYS}


def variants(base: T, most: int, **changes: Sequence[Any]) -> list[T]:
    """Return a record and what it becomes when at most so many of its fields have other values."""
    return [
        replace(base, **dict(zip(names, values, strict=True)))  # type: ignore[type-var]
        for many in range(most + 1)
        for names in combinations(changes, many)
        for values in product(*(changes[name] for name in names))
    ]


OPEN_RULES = [
    ClassRule(class_=class_, audience=audience, basic_projection=projection)
    for class_ in CLASSES
    for audience in ("circle", "trust-group", "provider-and-trust-group")
    for projection in ("whole", None)
] + [ClassRule(class_="calendar", audience="circle", basic_projection="reduced", label="N")]
CLOSED_RULES = [
    None,
    *(ClassRule(class_="report", audience=audience, basic_projection="whole") for audience in ("provider", None, "unheard-of")),
    ClassRule(class_="calendar", audience="circle", basic_projection="whole", label="V"),
]
VISIT = Facts(rkey=1, rtype="Appointment", rid="other", rule=OPEN_RULES[-1])
TYPES = ("Observation", "Communication", "Patient", "RelatedPerson")
OPEN = variants(
    VISIT, 3, rule=OPEN_RULES[:-1], rtype=TYPES, data_at=DAYS, rkey=[2], rid=[OWN_RELATION], origin_portal=["other", "caren"]
)
REFUSED = variants(
    replace(VISIT, rule=OPEN_RULES[0]),
    2,
    rule=CLOSED_RULES,
    audience=["circle", "trust-group", "provider-and-trust-group", "provider", "unheard-of"],
    labels=[
        frozenset(names) for names in (("confidential",), ("hidden",), ("third-party",), ("V",), ("draft",), ("V", "hidden"))
    ],
    withdrawn=[True],
    origin_portal=["caren", "other"],
    rtype=["Communication"],
    rkey=[2],
)
MEMBER = Subscriber(person=1, link_state="active", acr=2, origin="caren", related_rid=OWN_RELATION)
SIGN_INS: Mapping[str, Sequence[Any]] = {"acr": [1, 3], "needed_acr": [3]}
MEETS = [frozenset({"circle"}), frozenset({"trust-group", "provider-and-trust-group"}), frozenset({"circle", "provider"})]
PULLS = variants(
    replace(MEMBER, pull=True, step_up_minutes=15),
    2,
    auth_time=[NOW - timedelta(minutes=minutes) for minutes in (5, 15, 30)],
    step_up_minutes=[None],
    **SIGN_INS,
)
MEMBERS = [
    *variants(MEMBER, 2, person=[2], origin=[None], related_rid=[None], audiences=MEETS, step_up_minutes=[15], **SIGN_INS),
    *PULLS,
]
UNLINKED = variants(MEMBER, 2, person=[2], link_state=["pending", "ended"], acr=[1])
TERMS: Mapping[str, Sequence[Any]] = {
    "person": [2],
    "basis": ["statutory", "representative"],
    "parental": [True],
    "confirmed_at": [LONG_AGO, birthday(BIRTHS[1], 12), NOW],
    "status": ["suspended", "withdrawn", "entered-in-error"],
    "classes": [frozenset(), frozenset({"report", "message"}), frozenset({"calendar"})],
    "data_from": [DAYS[1], DAYS[3]],
    "data_to": [DAYS[1], DAYS[3]],
    **PERIODS,
}
TRUSTED = Grant(id=0, person=1, level="private-medical", valid_from=DAYS[0])
BASIC = Grant(id=0, person=1, level="basic", valid_from=DAYS[0])
NOTHING = Grant(id=0, person=1, level="none", valid_from=DAYS[0])
PLAIN_GRANTS = [*variants(TRUSTED, 1, **TERMS), *variants(BASIC, 1, **TERMS), *[NOTHING] * 5]
GRANTS = [*variants(TRUSTED, 3, **TERMS), *variants(BASIC, 3, **TERMS)]
EXCLUSIONS = variants(Exclusion(valid_from=DAYS[0]), 3, person=PERSONS, class_=["report", "calendar"], rkey=[1, 2], **PERIODS)
MANDATES = variants(
    Representation(person=1, kind="mentor", scope=frozenset({"medical"}), valid_from=DAYS[0]),
    2,
    person=[2],
    kind=["parent-authority", "administrator-finance"],
    scope=[frozenset({"care"}), frozenset({"finance"}), frozenset({"care", "medical"})],
    **PERIODS,
)
CONSENTS = [
    consent
    for decision in ("deny", "permit")
    for consent in variants(
        ExternalConsent(decision=decision, valid_from=DAYS[0]),
        3,
        person=PERSONS,
        category=["support-network", "professional"],
        purpose=["SUPNWK", "TREAT"],
        class_=["calendar", "report"],
        rkey=[1, 2],
        **PERIODS,
    )
]


def numbered(found: list[Grant]) -> list[Grant]:
    """Give each grant its own number, as the database does."""
    return [replace(grant, id=number) for number, grant in enumerate(found, start=1)]


facts = st.sampled_from(OPEN) | st.sampled_from(OPEN) | st.sampled_from(REFUSED)
subscribers = st.sampled_from([*MEMBERS * 8, *UNLINKED])
grants = st.sampled_from(PLAIN_GRANTS) | st.sampled_from(GRANTS)
exclusions = st.sampled_from(EXCLUSIONS)
mandates = st.sampled_from(MANDATES)
consents = st.sampled_from(CONSENTS)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "birth_date": st.sampled_from(BIRTHS),
    "representations": st.lists(mandates, min_size=1, max_size=2),
    "exclusions": st.lists(exclusions, min_size=1, max_size=2),
    "external": st.lists(consents, min_size=1, max_size=4),
    "end_of_care_at": st.sampled_from(DAYS),
    "stopped": st.just(True),
}
# Mostly one or two things were decided besides grants; what closes everything is rare.
MIXES = [
    names
    for many in range(3)
    for names in combinations(PARTS, many)
    if many < 2 or not {"end_of_care_at", "stopped"} & set(names)
]
# What hangs together is drawn together: a parent's grant and an age, mandates and what holds by them, and the will kept elsewhere.
BIRTHDAYS = [birthday(BIRTHS[1], 12), birthday(BIRTHS[1], 12) + timedelta(hours=1)]
PARENTAL = variants(
    replace(TRUSTED, parental=True, basis="representative"), 2, confirmed_at=[LONG_AGO, *BIRTHDAYS, NOW], level=["basic"]
)
BY_LAW = variants(replace(TRUSTED, basis="statutory"), 1, level=["basic"], confirmed_at=[BIRTHDAYS[0], NOW], parental=[True])
PARENT = replace(MANDATES[0], kind="parent-authority")
MANDATED = [PARENT, PARENT, *variants(MANDATES[0], 1, kind=["guardian"], scope=[frozenset({"care"})])]
SIMPLY_SAID = [
    consent
    for decision in ("deny", "permit")
    for consent in variants(replace(CONSENTS[0], decision=decision), 1, person=[1], category=["support-network"], rkey=[1])
]
OTHERS_SAY = [
    consent for consent in CONSENTS if consent.valid_from == DAYS[0] and consent.valid_to is None and consent.person != 2
]
THEMES: list[dict[str, st.SearchStrategy[Any]]] = [
    *({"grants": st.lists(grants, max_size=4)} | {name: PARTS[name] for name in names} for names in MIXES),
    *[{"grants": st.lists(st.sampled_from(PARENTAL), min_size=1, max_size=2), "birth_date": st.sampled_from(BIRTHS)}] * 3,
    *[
        {
            "grants": st.lists(st.sampled_from(BY_LAW), min_size=1, max_size=1),
            "representations": st.lists(st.sampled_from(MANDATED) | mandates, max_size=2),
            "birth_date": st.sampled_from([None, *BIRTHS[6:]]),
        }
    ]
    * 3,
    *[
        {
            "grants": st.lists(st.sampled_from(BY_LAW), min_size=1, max_size=1),
            "representations": st.sampled_from([[PARENT], [PARENT, MANDATES[0]], [MANDATES[0]]]),
            "birth_date": st.sampled_from([BIRTHS[1], BIRTHS[1], *BIRTHS]),
        }
    ]
    * 2,
    *[
        {
            "grants": st.just([TRUSTED]),
            "external": st.lists(st.sampled_from(SIMPLY_SAID) | st.sampled_from(OTHERS_SAY), min_size=1, max_size=3),
        }
    ]
    * 4,
]


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw what was decided for one client."""
    parts = {name: draw(part) for name, part in draw(st.sampled_from(THEMES)).items()}
    return Policy(**{**parts, "grants": numbered(parts["grants"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A client's items and policy, one member, and something that could be added to or changed in them."""

    items: tuple[Facts, ...]
    subscriber: Subscriber
    policy: Policy
    later: Policy
    grant: Grant
    exclusion: Exclusion
    mandate: Representation
    consent: ExternalConsent
    other: Facts
    moment: datetime

    @property
    def item(self) -> Facts:
        """The first of the items: what is asked about."""
        return self.items[0]


MOMENTS = [NOW + timedelta(hours=hours) for hours in (0, 1, 11, 30, 24 * 12, 24 * 370, 24 * 5000)]
worlds = st.builds(
    World,
    items=st.lists(facts, min_size=1, max_size=3).map(
        lambda found: tuple(
            replace(item, rkey=number, rid=item.rid if number == 1 else str(number)) for number, item in enumerate(found, start=1)
        )
    ),
    subscriber=subscribers,
    policy=policies(),
    later=policies(),
    grant=grants.map(lambda grant: replace(grant, id=9)),
    exclusion=exclusions,
    mandate=mandates,
    consent=consents,
    other=facts,
    moment=st.sampled_from(MOMENTS),
)
