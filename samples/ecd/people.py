"""Clients and the people around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from samples.ecd.bsn import bsns
from samples.ecd.chance import dice, new_uuid, one
from samples.ecd.names import PersonName, old_name, young_name
from samples.ecd.records import Record, World
from samples.ecd.times import stamp

#: Town, municipality, area code, postcode digits.
TOWNS = (
    ("Groenlo", "Oost Gelre", "0544", 7141), ("Lichtenvoorde", "Oost Gelre", "0544", 7131), ("Winterswijk",
    "Winterswijk", "0543", 7101),
    ("Aalten", "Aalten", "0543", 7121), ("Eibergen", "Berkelland", "0545", 7151), ("Neede", "Berkelland",
    "0545", 7161),
    ("Zieuwent", "Oost Gelre", "0544", 7136), ("Beltrum", "Berkelland", "0544", 7156),
)  # fmt: skip
STREETS = (
    "Lindelaan", "Parallelweg", "Burgemeester Vosstraat", "'s-Gravenweg", "Kerkstraat", "Mattelierstraat",
    "Beukenhof", "De Esch",
    "Molenweg", "Pastoor Bosstraat", "Nieuwe Markt", "Lange Wal", "Eikendreef", "Beatrixlaan",
    "Zonnebloemhof", "1e Dwarsstraat",
)  # fmt: skip
CONDITIONS = ("diabetes", "hartfalen", "copd", "dementie", "wond", "cva", "parkinson", "artrose", "blaas", "nierfalen")

#: v3-RoleCode as the value set of the Dutch contact person has it, the Dutch word, the gender, years younger than the client.
PARTNERS = {"male": ("HUSB", "echtgenoot"), "female": ("WIFE", "echtgenote")}
FAMILY_TIES = (
    ("DAUC", "dochter", "female", 30, 34), ("SONC", "zoon", "male", 30, 30), ("DAUINLAW", "schoondochter",
    "female", 31, 8),
    ("SONINLAW", "schoonzoon", "male", 31, 6), ("GRNDDAU", "kleindochter", "female", 56, 5), ("GRNDSON",
    "kleinzoon", "male", 56, 3),
    ("NIECE", "nicht", "female", 25, 4), ("NEPHEW", "neef", "male", 25, 3), ("SIS", "zus", "female", 2, 3),
    ("BRO", "broer", "male", 2, 2),
)  # fmt: skip
ROLES = {
    "01": "Eerste relatie/contactpersoon", "02": "Tweede relatie/contactpersoon",
    "04": "Financieel (gemachtigd)", "09": "Anders",
    "14": "Bewindvoerder", "15": "Mentor", "19": "Buur", "20": "Vriend(in)/kennis", "23": "Contactpersoon",
    "24": "Wettelijke vertegenwoordiger", "100001": "Mantelzorger",
}  # fmt: skip
LATER_ROLES = ("100001", "23", "23", "24", "04", "15", "14")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the generator knows of a client and the record does not say: it makes the reports hang together."""

    client: int
    gender: str
    name: PersonName
    conditions: frozenset[str]
    contact: str
    weight: float
    systolic: int
    glucose: float


def fill_people(world: World, clients: int) -> list[Profile]:
    """Add the clients and their relations; return what the other parts need to know of each."""
    numbers = bsns(world.seed)
    return [_one_client(world, number, numbers) for number in range(clients)]


def _one_client(world: World, number: int, numbers: Iterator[str]) -> Profile:
    rng = dice(world.seed, "client", number)
    identity = 1001 + number
    gender = "female" if rng.random() < 0.66 else "male"
    born = world.today - timedelta(days=int(min(max(rng.gauss(83, 7), 55), 103) * 365.25) + int(rng.random() * 365))
    married = rng.random() < 0.85
    name = old_name(rng, gender, married=married)
    client = _client(world, rng, identity=identity, name=name, gender=gender, born=born, married=married)
    client["bsn"] = next(numbers)
    world["clients"].put(client)
    ties = _relations(world, rng, client, name, married=married)
    return _profile(rng, client, name, ties)


def _client(world: World, rng: Random, *, identity: int, name: PersonName, gender: str, born: date, married: bool) -> Record:
    created = world.now - timedelta(days=90 + int(rng.random() * 2000), minutes=int(rng.random() * 600))
    updated = created + timedelta(days=int(rng.random() * 80))
    return {
        "id": identity,
        "uuid": new_uuid(rng),
        "identificationNo": f"{identity:07d}",
        "bsn": "",
        **name.fields(),
        "gender": gender,
        "dateOfBirth": born.isoformat(),
        "deathDate": None,
        "civilStatus": (4 if rng.random() < 0.6 else 2) if married else 1,
        "emailAddress": f"client{identity}@voorbeeld.example" if rng.random() < 0.25 else None,
        "mobilePhone": mobile(rng) if rng.random() < 0.5 else None,
        "addresses": [_address(rng, identity)],
        "careAllocations": [{"id": identity, "beginDate": created.date().isoformat(), "endDate": None}],
        "createdAt": stamp(created),
        "updatedAt": stamp(updated),
    }


def _address(rng: Random, identity: int) -> Record:
    city, municipality, area, digits = one(rng, TOWNS)
    letters = "".join(one(rng, "ABCDEGHJKLMNPRTVXZ") for _ in range(2))
    return {
        "id": identity,
        "type": "1",
        "typeString": "Living",
        "street": one(rng, STREETS),
        "homeNumber": 1 + int(rng.random() * 180),
        "homeNumberExtension": one(rng, ("A", "B", "2", "bis")) if rng.random() < 0.12 else None,
        "zipcode": f"{digits + int(rng.random() * 5)} {letters}",
        "city": city,
        "municipality": municipality,
        "country": "NL",
        "telephoneNumber": f"{area}-0{int(rng.random() * 100_000):05d}",
    }


def mobile(rng: Random) -> str:
    """Return a mobile number in one of the ways people write it. 06-0 is given out to nobody."""
    digits = f"0{int(rng.random() * 10_000_000):07d}"
    return one(rng, (f"06-{digits}", f"06{digits}", f"06 {digits[:4]} {digits[4:]}", f"+316{digits}"))


def _relations(world: World, rng: Random, client: Record, name: PersonName, *, married: bool) -> list[Record]:
    """Add two to five people around the client; return them in order."""
    added: list[Record] = []
    if married and client["civilStatus"] == 2:
        added.append(_partner(world, rng, client, name))
    for _ in range(rng.choices((1, 2, 3, 4), (15, 45, 30, 10))[0] + (not added)):
        added.append(_family_member(world, rng, client, name, len(added)))
    if rng.random() < 0.12:
        added.append(_neighbour(world, rng, client))
    return added


def _partner(world: World, rng: Random, client: Record, name: PersonName) -> Record:
    gender = "male" if client["gender"] == "female" else "female"
    own = name.partner or name.own
    spouse = old_name(rng, gender, married=False)
    spouse = PersonName(first=spouse.first, given=spouse.given, own=own)
    code, word = PARTNERS[gender]
    return _put(world, rng, client, spouse, gender, role="01", tie=(code, word), younger=-2 + int(rng.random() * 5))


def _family_member(world: World, rng: Random, client: Record, name: PersonName, place: int) -> Record:
    code, word, gender, younger, _ = rng.choices(FAMILY_TIES, [tie[4] for tie in FAMILY_TIES])[0]
    father = name.partner if client["gender"] == "female" and name.partner else name.own
    person = young_name(rng, gender, father if code in {"DAUC", "SONC", "GRNDDAU", "GRNDSON"} else None)
    role = ("01", "02")[place] if place < 2 else one(rng, LATER_ROLES)
    return _put(world, rng, client, person, gender, role=role, tie=(code, word), younger=younger + int(rng.random() * 6))


def _neighbour(world: World, rng: Random, client: Record) -> Record:
    gender = one(rng, ("female", "male"))
    tie = ("OTH", "buurvrouw" if gender == "female" else "buurman")
    return _put(world, rng, client, young_name(rng, gender), gender, role="19", tie=tie, younger=20)


def _put(
    world: World, rng: Random, client: Record, name: PersonName, gender: str, *, role: str, tie: tuple[str, str], younger: int
) -> Record:
    identity = 5001 + len(world["relations"])
    born = date.fromisoformat(client["dateOfBirth"]) + timedelta(days=int(younger * 365.25))
    record = {
        "id": identity,
        "uuid": new_uuid(rng),
        "clientId": client["id"],
        **name.fields(),
        "gender": gender,
        "dateOfBirth": born.isoformat() if rng.random() < 0.3 else None,
        "clientContactRelationType": {"code": role, "name": ROLES[role]},
        "personalRelationType": {"code": tie[0], "name": tie[1]},
        "inCaseOfEmergency": role == "01",
        "organization": None,
        "mobilePhone": mobile(rng),
        "telephoneNumber": client["addresses"][0]["telephoneNumber"] if tie[0] in {"HUSB", "WIFE"} else None,
        "emailAddress": f"contact{identity}@voorbeeld.example" if rng.random() < 0.8 else None,
        "comments": one(rng, ("Overdag bereikbaar.", "Liefst na 18.00 uur bellen.", "Woont in het buitenland.", "")) or None,
        "createdAt": client["createdAt"],
        "updatedAt": client["updatedAt"],
    }
    world["relations"].put(record)
    return record


def _profile(rng: Random, client: Record, name: PersonName, ties: list[Record]) -> Profile:
    contact = one(rng, ties)
    conditions = {one(rng, CONDITIONS) for _ in range(rng.choices((1, 2, 3), (30, 45, 25))[0])}
    return Profile(
        client=client["id"],
        gender=client["gender"],
        name=name,
        conditions=frozenset(conditions | ({"diabetes"} if rng.random() < 0.15 else set())),
        contact=f"{contact['personalRelationType']['name']} {contact['givenName']}",
        weight=rng.uniform(52, 96),
        systolic=int(rng.uniform(115, 165)),
        glucose=rng.uniform(6, 11),
    )
