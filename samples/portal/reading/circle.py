"""Who belongs to the client's circle, with which rights, and the client's own data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from samples.portal.reading.dutchtime import moment
from samples.portal.reading.people import human_name, relation
from samples.portal.reading.resources import Contents, Resource, dig, listed, text
from samples.portal.reading.rights import LEVEL_NAMES, Level, Reader, level_of, member_id, participants

GENDERS: Final = {"male": "man", "female": "vrouw", "other": "anders", "unknown": "onbekend"}
CHANNELS: Final = {"phone": "Telefoon", "email": "E-mail", "fax": "Fax"}
MOBILE: Final = "MC"
UNNAMED: Final = "Naam niet bekend"
NOBODY: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in the circle; ``contact`` holds (kind, value) pairs and is empty unless it is the reader."""

    name: str
    relation: str
    level: Level
    is_reader: bool
    member: str = ""
    contact: tuple[tuple[str, str], ...] = ()

    @property
    def right(self) -> str:
        """Return the level's Dutch name."""
        return LEVEL_NAMES[self.level]


def client_name(contents: Contents) -> str:
    """Return the client's name; empty when there is nobody to name."""
    return next(filter(None, map(human_name, contents.of("Patient"))), "")


def circle(contents: Contents, reader: Reader, today: date, names: Mapping[str, str] = NOBODY) -> list[Person]:
    """Return everybody in the care team, the highest rights first. ``names``: what members call themselves, where the care team names nobody."""
    found = [_participant(contents, participant, reader, today, names) for participant in participants(contents)]
    return sorted(found, key=lambda person: (-person.level, person.name))


def contacts(contents: Contents, reader: Reader) -> list[Person]:
    """Return the contact persons as the care organisation recorded them."""
    found = [_contact(person, reader) for person in contents.of("RelatedPerson")]
    return sorted(found, key=lambda person: person.name)


def client_data(contents: Contents) -> list[tuple[str, list[str]]]:
    """Return what is recorded about the client, as (heading, lines); never the BSN."""
    patient = next(contents.of("Patient"), {})
    born = moment(text(patient, "birthDate"))
    rows = [
        ("Naam", [human_name(patient)]),
        ("Officiële naam", [name for name in map(_official, listed(patient, "name")) if name != human_name(patient)]),
        ("Geboortedatum", [str(born) if born else ""]),
        ("Geslacht", [GENDERS.get(text(patient, "gender"), "")]),
        ("Adres", [line for address in listed(patient, "address") for line in _address(address)]),
        *((kind, [value]) for kind, value in _telecom(patient)),
    ]
    return [(heading, kept) for heading, lines in rows if (kept := [line for line in lines if line])]


def _participant(contents: Contents, participant: Resource, reader: Reader, today: date, names: Mapping[str, str]) -> Person:
    reference = dig(participant, "member")
    person = contents.resolve(reference)
    is_client = text(reference, "reference").startswith("Patient/")
    return Person(
        member=member_id(participant),
        name=human_name(person) or text(reference, "display") or names.get(member_id(participant), UNNAMED),
        relation="cliënt" if is_client else relation(person),
        level=level_of(participant, today),
        is_reader=member_id(participant) == reader.member,
    )


def _contact(person: Resource, reader: Reader) -> Person:
    own = reader.reference == f"RelatedPerson/{text(person, 'id')}"
    return Person(
        name=human_name(person) or UNNAMED,
        relation=relation(person),
        level=Level.NONE,
        is_reader=own,
        contact=tuple(_telecom(person)) if own else (),
    )


def _official(name: Resource) -> str:
    return human_name({"name": [name]}) if text(name, "use") == "official" else ""


def _address(address: Resource) -> list[str]:
    lines = [line for line in listed(address, "line") if isinstance(line, str)]
    return [*lines, "  ".join(filter(None, (text(address, "postalCode"), text(address, "city"))))]


def _telecom(resource: Resource) -> list[tuple[str, str]]:
    found = [(_channel(point), text(point, "value")) for point in listed(resource, "telecom")]
    return [(kind, value) for kind, value in found if value]


def _channel(point: Resource) -> str:
    marks = [text(coding, "code") for one in listed(point, "_system", "extension") for coding in _coded(one)]
    return "Mobiel" if MOBILE in marks else CHANNELS.get(text(point, "system"), "Contact")


def _coded(extension: Resource) -> list[Resource]:
    return listed(extension, "valueCodeableConcept", "coding")
