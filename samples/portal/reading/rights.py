"""What a member may see: the second check, after the gateway's own.

Everything that a page shows has passed ``visible``. Nothing is shown because nobody forbade it: an unknown level, an
unknown label or a missing one is a no.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final

from samples.portal.addresses import AUDIENCE, CONFIDENTIALITY, MEMBER, RIGHT
from samples.portal.reading.dutchtime import covers
from samples.portal.reading.resources import Contents, Resource, codings, dig, listed, text


class Level(IntEnum):
    """The levels, each with all that is below it."""

    NONE = 0
    BASIC = 1
    PRIVATE_MEDICAL = 2


LEVELS: Final = {"none": Level.NONE, "basic": Level.BASIC, "private-medical": Level.PRIVATE_MEDICAL}
LEVEL_NAMES: Final = {Level.NONE: "Niets", Level.BASIC: "Basis", Level.PRIVATE_MEDICAL: "Vertrouwensgroep"}

AUDIENCES: Final[dict[Level, frozenset[str]]] = {
    Level.NONE: frozenset(),
    Level.BASIC: frozenset({"circle"}),
    Level.PRIVATE_MEDICAL: frozenset({"circle", "trust-group", "provider-and-trust-group"}),
}
CIRCLE: Final = frozenset({"CareTeam", "Patient", "RelatedPerson"})
DIRECTORY: Final = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location"})
PEOPLE: Final = CIRCLE | DIRECTORY
BASIC_TYPES: Final = CIRCLE | {"Appointment", "Communication"}

# Whitelists: what isn't named is not shown, also when it was delivered.
BASIC_APPOINTMENT: Final = ("resourceType", "id", "status", "start", "end", "comment")
BASIC_PATIENT: Final = ("resourceType", "id", "name")
OTHER_PERSON: Final = ("resourceType", "id", "name", "relationship", "patient")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The member who looks: uuid, level, and the resource that is they (``RelatedPerson/…``), empty when unknown.

    ``confirmed``: with a second proof of who they are, without which the dossier stays shut.
    """

    level: Level
    member: str = ""
    reference: str = ""
    confirmed: bool = True


def reader_of(contents: Contents, member: str, today: date, *, confirmed: bool = True) -> Reader:
    """Return who a member is, from the CareTeam in their compartment; of several entries the lowest level counts."""
    own = [one for one in participants(contents) if member_id(one) == member]
    if not own:
        return Reader(level=Level.NONE, member=member, confirmed=confirmed)
    levels = [level_of(participant, today) for participant in own]
    return Reader(level=min(levels), member=member, reference=text(own[0], "member", "reference"), confirmed=confirmed)


def participants(contents: Contents) -> Iterator[Resource]:
    """Yield everybody in the care teams that are in force."""
    for team in contents.of("CareTeam"):
        if text(team, "status") in ("", "active"):
            yield from listed(team, "participant")


def member_id(participant: Resource) -> str:
    """Return the member uuid of a participant; empty when it isn't a member."""
    identifier = dig(participant, "member", "identifier")
    return text(identifier, "value") if text(identifier, "system") == MEMBER else ""


def level_of(participant: Resource, today: date) -> Level:
    """Return a participant's level today."""
    if not covers(text(participant, "period", "start"), text(participant, "period", "end"), today):
        return Level.NONE
    codes = [code for role in listed(participant, "role") for system, code in codings(role) if system == RIGHT]
    return min((LEVELS.get(code, Level.NONE) for code in codes), default=Level.NONE)


def visible(contents: Contents, reader: Reader) -> Contents:
    """Return what a reader may see, each item cut down to what the level allows."""
    shown = (reduced(item, reader) for item in contents if allowed(item, reader.level) and open_to(item, reader))
    return Contents(shown, contents.organisation)


def open_to(item: Resource, reader: Reader) -> bool:
    """Return whether an admitted item needs no second proof, or there was one: not a part of the dossier is shown without."""
    return reader.confirmed or (text(item, "resourceType") in BASIC_TYPES | DIRECTORY and audiences_of(item) <= {"circle"})


def audiences_of(item: Resource) -> set[str]:
    """Return whom an item is labelled for."""
    return {text(label, "code") for label in listed(item, "meta", "security") if text(label, "system") == AUDIENCE}


def allowed(item: Resource, level: Level) -> bool:
    """Return whether a level admits an item at all."""
    kind = text(item, "resourceType")
    if level is Level.NONE or (level is Level.BASIC and kind not in BASIC_TYPES) or blanked(item):
        return False
    labels = [(text(label, "system"), text(label, "code")) for label in listed(item, "meta", "security")]
    audiences = audiences_of(item)
    if (CONFIDENTIALITY, "V") in labels or not audiences <= AUDIENCES[level]:
        return False
    return bool(audiences) or kind in PEOPLE


def blanked(item: Resource) -> bool:
    """Return whether a tombstone stands in the place of what was here."""
    return text(item, "status") == "entered-in-error" or (item.get("active") is False and not listed(item, "name"))


def reduced(item: Resource, reader: Reader) -> Resource:
    """Return the part of an admitted item that a reader may see."""
    kind = text(item, "resourceType")
    if kind == "RelatedPerson" and reader.reference != f"RelatedPerson/{text(item, 'id')}":
        return _only(item, OTHER_PERSON)
    if reader.level is Level.BASIC and kind == "Patient":
        return _only(item, BASIC_PATIENT)
    if reader.level is Level.BASIC and kind == "Appointment":
        discipline = [{"text": text(item, "serviceType", "text")}]
        return {**_only(item, BASIC_APPOINTMENT), "serviceType": discipline}
    return item


def _only(item: Resource, names: tuple[str, ...]) -> Resource:
    return {name: item[name] for name in names if name in item}
