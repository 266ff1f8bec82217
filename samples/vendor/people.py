"""Vesta's clients and the people around them: other people than the sample ECD's, with numbers and BSNs of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from random import Random

from samples.ecd.bsn import bsns
from samples.ecd.chance import dice, one
from samples.ecd.names import PersonName, old_name, young_name
from samples.ecd.people import STREETS, TOWNS, mobile

FIRST_CLIENT, FIRST_CONTACT = 70001, 80001
#: The walk over all test numbers is the sample ECD's; it takes from the beginning and will never come this far.
BSNS_FROM = 25_000

#: Relationship as in table 0063, the Dutch word, gender, years younger than the client.
TIES = (
    ("CHD", "dochter", "female", 30), ("CHD", "zoon", "male", 30), ("GCH", "kleindochter", "female", 56), ("SIB", "broer", "male", 2),
    ("OTH", "buurvrouw", "female", 15), ("FND", "vriendin", "female", 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where somebody lives."""

    street: str
    number: int
    addition: str
    postcode: str
    town: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody around a client."""

    number: str
    name: PersonName
    gender: str
    tie: str
    word: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client as Vesta has it now; a change makes a new one."""

    number: str
    bsn: str
    name: PersonName
    gender: str
    born: date
    address: Address
    phone: str
    mail: str
    contacts: tuple[Contact, ...]


def clients(seed: int, count: int, today: date) -> list[Client]:
    """Return the clients, in the order of their numbers."""
    numbers = islice(bsns(seed), BSNS_FROM, None)
    return list(_clients(seed, count, today, numbers))


def _clients(seed: int, count: int, today: date, numbers: Iterator[str]) -> Iterator[Client]:
    contact = FIRST_CONTACT
    for place in range(count):
        rng = dice(seed, "vesta", "client", place)
        gender = "female" if rng.random() < 0.62 else "male"
        name = old_name(rng, gender, married=rng.random() < 0.8)
        around = tuple(_contacts(rng, contact, name))
        contact += len(around)
        yield Client(
            number=str(FIRST_CLIENT + place),
            bsn=next(numbers),
            name=name,
            gender=gender,
            born=today - timedelta(days=int(rng.uniform(70, 99) * 365.25)),
            address=_address(rng),
            phone=mobile(rng),
            mail=f"client{FIRST_CLIENT + place}@voorbeeld.example" if rng.random() < 0.4 else "",
            contacts=around,
        )


def _contacts(rng: Random, first: int, client: PersonName) -> Iterator[Contact]:
    for place in range(1 + int(rng.random() * 3)):
        tie, word, gender, _ = one(rng, TIES)
        yield Contact(
            number=str(first + place),
            name=young_name(rng, gender, client.own if tie == "CHD" else None),
            gender=gender,
            tie=tie,
            word=word,
            phone=mobile(rng),
        )


def _address(rng: Random) -> Address:
    town, _, _, digits = one(rng, TOWNS)
    letters = "".join(one(rng, "ABCDEGHJKLMNPRTVXZ") for _ in range(2))
    return Address(
        street=one(rng, STREETS),
        number=1 + int(rng.random() * 180),
        addition=one(rng, ("a", "bis", "2")) if rng.random() < 0.15 else "",
        postcode=f"{digits + int(rng.random() * 5)} {letters}",
        town=town,
    )
