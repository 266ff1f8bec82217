"""Appointments a week at a time. Their times are indicative, and the page says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from samples.portal.reading.dutchtime import Moment, moment
from samples.portal.reading.people import author_of
from samples.portal.reading.resources import Contents, Resource, concept_text, dig, listed, text

CANCELLED: Final = frozenset({"cancelled", "noshow"})
HIDDEN: Final = frozenset({"entered-in-error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One appointment; ``who``, ``description`` and ``instruction`` are empty in the reduced form."""

    id: str
    start: Moment
    end: Moment | None
    discipline: str
    description: str
    who: tuple[str, ...]
    instruction: str
    cancelled: bool
    organisation: str = ""

    @property
    def order(self) -> tuple[date, bool, datetime, str]:
        """Return a sort key."""
        return *self.start.order, self.id

    @property
    def hours(self) -> str:
        """Return ``08:00 – 08:30``."""
        return " – ".join(filter(None, (self.start.clock, self.end.clock if self.end else "")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of the week with its appointments in order."""

    day: date
    appointments: tuple[Appointment, ...]


def appointments(contents: Contents) -> list[Appointment]:
    """Return all appointments, first one first."""
    found = [_appointment(contents, item) for item in contents.of("Appointment") if text(item, "status") not in HIDDEN]
    return first_first(one for one in found if one is not None)


def first_first(found: Iterable[Appointment]) -> list[Appointment]:
    """Return them in the order in which they come."""
    return sorted(found, key=lambda one: one.order)


def week(found: list[Appointment], monday: date) -> list[Day]:
    """Return the seven days from a Monday, empty ones too."""
    days = [monday + timedelta(days=number) for number in range(7)]
    return [Day(day=day, appointments=tuple(one for one in found if one.start.day == day)) for day in days]


def _appointment(contents: Contents, item: Resource) -> Appointment | None:
    start = moment(text(item, "start"))
    if start is None:
        return None
    discipline = next(filter(None, map(concept_text, listed(item, "serviceType"))), "")
    description = text(item, "description")
    return Appointment(
        id=text(item, "id"),
        start=start,
        end=moment(text(item, "end")),
        discipline=discipline or description or "Afspraak met de zorg",
        description=description if description != discipline and discipline else "",
        who=tuple(_who(contents, item)),
        instruction=text(item, "patientInstruction"),
        cancelled=text(item, "status") in CANCELLED,
        organisation=contents.organisation,
    )


def _who(contents: Contents, item: Resource) -> list[str]:
    actors = [dig(participant, "actor") for participant in listed(item, "participant")]
    others = [actor for actor in actors if not text(actor, "reference").startswith("Patient/")]
    return [name for name in (str(author_of(contents, actor)) for actor in others) if name]
