"""Records of every shape that a Consent can carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from gateway.consentfhir.records import Elsewhere, Person, Place, Prohibition, Right, Rights, Statement

PATIENT = "6f0cb4a4-2f0c-4e34-9c1b-6f6f1f9a1b11"
CLASSES = ("calendar", "care-plan", "measurement", "message", "report")

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
maybe_moments = st.none() | moments
codes = st.text("0123456789abcXYZ-", min_size=1, max_size=12)
people = st.builds(Person, code=codes, related_rid=st.none() | st.uuids().map(str))
refs = st.builds("{}/{}".format, st.sampled_from(["Observation", "Appointment"]), st.uuids())


def periods(start: str, end: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw the two ends of a period, either or both open."""

    def ends(at: datetime | None, length: timedelta | None) -> dict[str, Any]:
        return {start: at, end: None if length is None else (at or datetime(2050, 1, 1, tzinfo=UTC)) + length}

    return st.builds(ends, maybe_moments, st.none() | st.timedeltas(timedelta(microseconds=1), timedelta(days=9000)))


def built(record: type, *parts: st.SearchStrategy[dict[str, Any]], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a record from its periods and its other fields."""
    return st.builds(
        lambda *drawn: record(**{name: value for part in drawn for name, value in part.items()}),
        *parts,
        st.fixed_dictionaries(fields),
    )


rights = built(
    Right,
    periods("valid_from", "valid_to"),
    periods("data_from", "data_to"),
    person=people,
    level=st.sampled_from(["basic", "private-medical"]),
    suspended=st.booleans(),
    classes=st.none() | st.frozensets(st.sampled_from(CLASSES)).map(lambda found: tuple(sorted(found))),
    basis=st.sampled_from(["client", "representative", "statutory"]),
    representative=st.none() | codes,
    parental=st.booleans(),
    confirmed_at=maybe_moments,
)
prohibitions = built(
    Prohibition,
    periods("valid_from", "valid_to"),
    reason=codes,
    person=st.none() | people,
    class_=st.none() | st.sampled_from(CLASSES),
    resource=st.none() | refs,
)
statements = built(
    Statement,
    periods("valid_from", "valid_to"),
    st.one_of(
        st.just({}), st.fixed_dictionaries({"person": people}), st.fixed_dictionaries({"category": st.just("support-network")})
    ),
    decision=st.sampled_from(["permit", "deny"]),
    purpose=st.none() | st.sampled_from(["SUPNWK", "TREAT"]),
    class_=st.none() | st.sampled_from(CLASSES),
    resource=st.none() | refs,
)
own = st.builds(
    Rights,
    patient=st.just(PATIENT),
    rights=st.lists(rights, max_size=4).map(tuple),
    prohibitions=st.lists(prohibitions, max_size=3).map(tuple),
)
elsewhere = st.builds(
    Elsewhere,
    patient=st.just(PATIENT),
    source=st.text(min_size=1, max_size=20).filter(lambda text: text == text.strip()),
    statements=st.lists(statements, min_size=1, max_size=4).map(tuple),
)
places = st.builds(Place, organisation=codes, name=st.just("Thuiszorg De Linde"), changed_at=maybe_moments)
