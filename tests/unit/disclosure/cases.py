"""Small worlds for the rules: few values each, so that everything meets everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from gateway.disclosure.decide import ClassRule, Exclusion, Facts, Grant, Policy, Subscriber

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAYS = [NOW + timedelta(days=days) for days in (-20, -10, 0, 10, 20)]
PERSONS = (1, 2)
CLASSES = ("report", "calendar", "profile", "care-team", "message")
LABELS = ("confidential", "hidden", "third-party", "V", "draft")
OWN_RELATION = "related-1"

days = st.sampled_from(DAYS)
maybe_day = st.none() | days
audiences = st.sampled_from([None, "circle", "trust-group", "provider-and-trust-group", "provider", "unheard-of"])
rules = st.builds(
    ClassRule,
    class_=st.sampled_from(CLASSES),
    audience=audiences,
    basic_projection=st.sampled_from([None, "whole", "reduced"]),
    label=st.sampled_from([None, "N", "R", "R", "V"]),
)
facts = st.builds(
    Facts,
    rkey=st.sampled_from([1, 2]),
    rtype=st.sampled_from(["Observation", "Appointment", "Communication", "Patient", "RelatedPerson"]),
    rid=st.sampled_from([OWN_RELATION, "other"]),
    rule=st.none() | rules | rules | rules,
    audience=st.none() | st.none() | audiences,
    labels=st.frozensets(st.sampled_from(LABELS), max_size=1) | st.just(frozenset()),
    data_at=maybe_day,
    withdrawn=st.sampled_from([False, False, False, True]),
    origin_portal=st.sampled_from([None, None, "caren", "other"]),
)
subscribers = st.builds(
    Subscriber,
    person=st.sampled_from(PERSONS),
    link_state=st.sampled_from(["active", "active", "active", "pending", "ended"]),
    origin=st.sampled_from([None, "caren"]),
    step_up=st.booleans(),
    related_rid=st.sampled_from([None, OWN_RELATION]),
)
grants = st.builds(
    Grant,
    id=st.just(0),
    person=st.sampled_from(PERSONS),
    level=st.sampled_from(["none", "basic", "private-medical", "private-medical"]),
    valid_from=st.sampled_from([DAYS[0], DAYS[0], DAYS[2], DAYS[4]]),
    valid_to=st.sampled_from([None, None, DAYS[2], DAYS[4]]),
    status=st.sampled_from(["active", "active", "active", "suspended", "withdrawn", "entered-in-error"]),
    classes=st.none() | st.frozensets(st.sampled_from(CLASSES), max_size=3),
    data_from=maybe_day | st.none(),
    data_to=maybe_day | st.none(),
)
exclusions = st.builds(
    Exclusion,
    valid_from=days,
    valid_to=maybe_day,
    person=st.none() | st.sampled_from(PERSONS),
    class_=st.none() | st.sampled_from(CLASSES),
    rkey=st.none() | st.sampled_from([1, 2]),
)


def numbered(found: list[Grant]) -> list[Grant]:
    """Give each grant its own number, as the database does."""
    from dataclasses import replace

    return [replace(grant, id=number) for number, grant in enumerate(found, start=1)]


grant_lists = st.lists(grants, max_size=3).map(numbered)
policies = st.builds(
    Policy,
    stopped=st.sampled_from([False, False, False, True]),
    grants=grant_lists,
    exclusions=st.lists(exclusions, max_size=1),
)
