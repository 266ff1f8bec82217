"""Small worlds for the rules: open but for a few things each, so that every reason is met, also behind the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st

from gateway.disclosure.decide import ClassRule, Exclusion, Facts, Grant, Policy, Subscriber

T = TypeVar("T", ClassRule, Exclusion, Facts, Grant, Policy, Subscriber)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAYS = [NOW + timedelta(days=days) for days in (-20, -10, 0, 10, 20)]
PERSONS = (1, 2)
CLASSES = ("report", "calendar", "profile", "care-team", "message")
LABELS = ("confidential", "hidden", "third-party", "V", "draft")
OWN_RELATION = "related-1"

days = st.sampled_from(DAYS)
maybe_day = st.none() | days
audiences = st.sampled_from(["circle", "trust-group", "provider-and-trust-group", "provider", None, "unheard-of"])
known_audiences = st.sampled_from(["circle", "trust-group", "provider-and-trust-group"])


@st.composite
def varied(draw: st.DrawFn, base: st.SearchStrategy[T], changes: Mapping[str, st.SearchStrategy[Any]], most: int) -> T:
    """Draw a record and change at most so many of its fields."""
    names = draw(st.lists(st.sampled_from(sorted(changes)), max_size=most, unique=True))
    return replace(draw(base), **{name: draw(changes[name]) for name in names})


rules = varied(
    st.builds(
        ClassRule,
        class_=st.sampled_from(CLASSES),
        audience=known_audiences,
        basic_projection=st.sampled_from(["whole", "reduced", None]),
    ),
    {"audience": audiences, "label": st.sampled_from(["N", "R", "V"])},
    2,
)
facts = varied(
    st.builds(
        Facts,
        rkey=st.sampled_from([1, 2]),
        rtype=st.sampled_from(["Observation", "Appointment", "Communication", "Patient", "RelatedPerson"]),
        rid=st.sampled_from([OWN_RELATION, "other"]),
        rule=rules,
        data_at=maybe_day,
    ),
    {
        "rule": st.none(),
        "audience": audiences,
        "labels": st.frozensets(st.sampled_from(LABELS), min_size=1, max_size=2),
        "withdrawn": st.just(True),
        "origin_portal": st.sampled_from(["caren", "other"]),
    },
    2,
)
subscribers = varied(
    st.builds(
        Subscriber,
        person=st.sampled_from(PERSONS),
        link_state=st.just("active"),
        acr=st.just(2),
        origin=st.sampled_from([None, "caren"]),
        related_rid=st.sampled_from([None, OWN_RELATION]),
    ),
    {"link_state": st.sampled_from(["pending", "ended"]), "acr": st.just(1)},
    1,
)
grants = varied(
    st.builds(
        Grant,
        id=st.just(0),
        person=st.sampled_from(PERSONS),
        level=st.sampled_from(["basic", "private-medical"]),
        valid_from=st.just(DAYS[0]),
    ),
    {
        "level": st.just("none"),
        "valid_from": days,
        "valid_to": days,
        "status": st.sampled_from(["suspended", "withdrawn", "entered-in-error"]),
        "classes": st.frozensets(st.sampled_from(CLASSES), max_size=3),
        "data_from": days,
        "data_to": days,
    },
    2,
)
exclusions = varied(
    st.builds(Exclusion, valid_from=st.just(DAYS[0])),
    {
        "valid_from": days,
        "valid_to": days,
        "person": st.sampled_from(PERSONS),
        "class_": st.sampled_from(CLASSES),
        "rkey": st.sampled_from([1, 2]),
    },
    3,
)


def numbered(found: list[Grant]) -> list[Grant]:
    """Give each grant its own number, as the database does."""
    return [replace(grant, id=number) for number, grant in enumerate(found, start=1)]


policies = varied(
    st.builds(Policy, grants=st.lists(grants, min_size=1, max_size=4).map(numbered)),
    {
        "exclusions": st.lists(exclusions, min_size=1, max_size=2),
        "stopped": st.sampled_from([False, True]),
        "grants": st.just([]),
    },
    1,
)
