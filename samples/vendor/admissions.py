"""ADT: clients, the people around them, stays, and clients who turn out to have been registered twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from samples.ecd.chance import dice
from samples.ecd.names import PersonName
from samples.ecd.people import mobile
from samples.vendor.er7 import NULL, SENDER, day, escaped, header, segment, stamp, wire
from samples.vendor.house import DOCTOR, HOUSE, WARDS, professional
from samples.vendor.people import Client, Contact
from samples.vendor.world import Message, Thing, World

#: Of this many clients one is in the house, one was registered twice.
STAYS_EVERY, DOUBLE_EVERY = 4, 7
SECOND_NUMBER = 9000
GENDERS = {"female": "F", "male": "M"}


def register(world: World, client: Client) -> None:
    """Tell of a client and everybody around (A28). Of a few the text says 8859/1 and is UTF-8."""
    rng = dice(world.seed, "vesta", "register", client.number)
    segments = [pid(client), *(nk1(number, one) for number, one in enumerate(client.contacts, 1))]
    relations = [relation(client, one) for one in client.contacts]
    send(world, "A28", "ADT_A05", segments, person(client), *relations, truthful=rng.random() > 0.1)


def move_phone(world: World, client: Client) -> None:
    """Tell of a new number (A31); a mail address that is no longer used is emptied."""
    rng = dice(world.seed, "vesta", "phone", client.number)
    changed = replace(client, phone=mobile(rng), mail="")
    world.now_is(changed)
    send(world, "A31", "ADT_A05", [pid(changed, mail=NULL if client.mail else "")], person(changed))


def new_name(world: World, client: Client, name: PersonName) -> None:
    """Tell that the first of those around a client goes by another name now (A08)."""
    one = replace(client.contacts[0], name=name)
    world.now_is(replace(client, contacts=(one, *client.contacts[1:])))
    send(world, "A08", "ADT_A01", [pid(client), nk1(1, one)], relation(client, one))


def admit(world: World, client: Client) -> None:
    """Tell of a stay in the house (A01), which is part of the dossier."""
    rng = dice(world.seed, "vesta", "stay", client.number)
    ward = WARDS[int(rng.random() * len(WARDS))]
    room = 100 + int(rng.random() * 40)
    begun = world.now - timedelta(hours=2)
    visit = segment(
        "PV1",
        f1="1",
        f2="I",
        f3=f"{ward}^{room}^1^{HOUSE}",
        f7=professional(DOCTOR),
        f19=f"V{client.number}-1^^^{SENDER}^VN",
        f44=stamp(begun),
    )
    stay = Thing(name=f"stay:{client.number}", client=client.number, sort="dossier", type="Encounter")
    send(world, "A01", "ADT_A01", [pid(client), visit], stay)


def merge(world: World, client: Client) -> None:
    """Tell of a second registration of a client (A28), and then that the two are one (A40)."""
    number = str(int(client.number) + SECOND_NUMBER)
    double = replace(client, number=number, contacts=(), mail="")
    send(world, "A28", "ADT_A05", [pid(double)], person(double))
    segments = [pid(client), segment("MRG", f1=f"{number}^^^{SENDER}^PI")]
    send(world, "A40", "ADT_A39", segments, person(client), person(double))


def send(world: World, trigger: str, structure: str, segments: list[str], *things: Thing, truthful: bool = True) -> None:
    """Add an ADT message about what was just changed."""
    control_id, at = world.next_id(), world.tick()
    head = [header(f"ADT^{trigger}", structure, control_id, at), segment("EVN", f1=trigger, f2=stamp(at))]
    data = wire(head + segments, truthful=truthful)
    world.tell(Message(control_id=control_id, at=at, kind="adt", trigger=trigger, data=data), *things)


def person(client: Client) -> Thing:
    """Return what a client's own record is."""
    says = (client.name.own[1],)
    return Thing(name=f"client:{client.number}", client=client.number, sort="client", type="Patient", says=says)


def relation(client: Client, contact: Contact) -> Thing:
    """Return what the record of somebody around a client is."""
    return Thing(
        name=f"relation:{contact.number}",
        client=client.number,
        sort="relation",
        type="RelatedPerson",
        person=contact.number,
        says=(contact.name.own[1],),
    )


def pid(client: Client, *, mail: str | None = None, number: int = 1) -> str:
    """Write who a message is about: number and BSN, names, address, telephone and mail."""
    bsn = f"{client.bsn}^^^NLMINBIZA^NNNLD"
    own = f"{client.number}^^^{SENDER}^PI"
    address = mail if mail is not None else client.mail
    return segment(
        "PID",
        f1=str(number),
        f3=f"{own}~{bsn}" if int(client.number) % 2 else f"{bsn}~{own}",
        f5=f"{named(client.name)}^^^^L~{client.name.own[1]}^{escaped(client.name.given)}^^^^^N",
        f7=day(client.born),
        f8=GENDERS[client.gender],
        f11=_home(client),
        f13=f"{client.phone}^PRN^CP" + (f"~^NET^Internet^{address}" if address and address != NULL else ""),
        f14=NULL if address == NULL else "",
        f15="nl",
        f30="N",
    )


def who(client: Client, *, number: int = 1) -> str:
    """Write who a message is about as messages of other kinds do: number, name, date of birth and gender."""
    return segment(
        "PID",
        f1=str(number),
        f3=f"{client.number}^^^{SENDER}^PI",
        f5=f"{named(client.name)}^^^^L",
        f7=day(client.born),
        f8=GENDERS[client.gender],
    )


def named(name: PersonName) -> str:
    """Write a name: the family name as it is said with its parts, the first given name, the others."""
    own, partner = name.own, name.partner or ("", "")
    said = " ".join(part for part in (name.prefix, name.last) if part)
    first, _, others = name.first.partition(" ")
    family = "&".join(escaped(part) for part in (said, *own, *partner)).rstrip("&")
    return f"{family}^{escaped(first)}^{escaped(others)}"


def nk1(number: int, contact: Contact) -> str:
    """Write somebody around a client, with the number that Vesta knows them by."""
    return segment(
        "NK1",
        f1=str(number),
        f2=f"{named(contact.name)}^^^^L",
        f3=f"{contact.tie}^{contact.word}^HL70063",
        f5=f"{contact.phone}^PRN^CP",
        f7="C^contactpersoon^HL70131",
        f15=GENDERS[contact.gender],
        f33=f"{contact.number}^^^{SENDER}^PI",
    )


def _home(client: Client) -> str:
    home = client.address
    line = " ".join(part for part in (home.street, str(home.number), home.addition) if part)
    street = f"{escaped(line)}&{escaped(home.street)}&{home.number}"
    return f"{street}^{home.addition}^{home.town}^^{home.postcode}^NL^H"
