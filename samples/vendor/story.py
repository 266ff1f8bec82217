"""What happens to Vesta's clients, from their registration to this morning, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

from samples.ecd.chance import dice
from samples.ecd.links import LEVELS
from samples.ecd.names import PersonName
from samples.ecd.records import Link
from samples.ecd.times import AMSTERDAM, MORNING
from samples.vendor import admissions, documents, measurements, visits
from samples.vendor.people import Client, clients
from samples.vendor.world import World

#: What each client has, besides what befalls some of them.
MEASURED, WRITTEN, VISITS = 4, 4, 4
#: No happening takes more messages than this is time for.
SECONDS_TO_TELL: Final = 20
_WEIGHTS: Final = (10, 38, 52)

Happening = Callable[[], object]


def generate(*, count: int, days: int, seed: int, today: date) -> World:
    """Return what Vesta has told by the morning of ``today``, of clients whom it has known for ``days``."""
    # In UTC, so that no two messages change places in the night that the clocks go forward.
    now = datetime.combine(today, MORNING, tzinfo=AMSTERDAM).astimezone(UTC)
    world = World(seed=seed, today=today, now=now - timedelta(days=days))
    world.clients = clients(seed, count, today)
    for client in world.clients:
        admissions.register(world, client)
        _link(world, client)
    rows = [_happenings(world, place, client) for place, client in enumerate(world.clients)]
    turns = [one for turn in range(max(map(len, rows), default=0)) for row in rows for one in row[turn : turn + 1]]
    pause = int((now - world.now).total_seconds()) // (len(turns) + 1) - SECONDS_TO_TELL
    for happen in turns:
        world.now += timedelta(seconds=max(pause, 0))
        happen()
    world.now = max(world.now, now)
    return world


def _link(world: World, client: Client) -> None:
    """Link the people around a client to it; of every ninth client nobody."""
    rng = dice(world.seed, "vesta", "links", client.number)
    if int(client.number) % 9 == 0:
        return
    for place, contact in enumerate(client.contacts):
        # The first client has somebody of each level that sees something, whatever the dice say.
        level = "private-medical" if client is world.clients[0] and place == 0 else rng.choices(LEVELS, _WEIGHTS)[0]
        world.links.append(
            Link(
                client=client.number,
                person=contact.number,
                level=level,
                account=f"account-{contact.number}",
                trust_group=f"vertrouwensgroep-{client.number}" if level == "private-medical" else None,
                name=contact.name.familiar,
                note=contact.word,
            )
        )


def _happenings(world: World, place: int, client: Client) -> list[Happening]:
    """Return what happens to one client, in order: its own rows, laid between each other."""
    told: list[list[Happening]] = [
        _measured(world, place, client),
        _written(world, place, client),
        _planned(world, place, client),
        _administration(world, place, client),
    ]
    return [one for turn in range(max(map(len, told))) for row in told for one in row[turn : turn + 1]]


def _administration(world: World, place: int, client: Client) -> list[Happening]:
    """Change something in the office; each act finds the client as it is then."""
    acts: list[tuple[bool, Callable[[World, Client], None]]] = [
        (place % 3 == 1, admissions.move_phone),
        (place % 5 == 2, lambda world, now: admissions.new_name(world, now, _married(now))),
        (place % admissions.STAYS_EVERY == 0, admissions.admit),
        (place % admissions.DOUBLE_EVERY == 3, admissions.merge),
    ]
    return [partial(_act, world, client.number, act) for so, act in acts if so]


def _act(world: World, number: str, act: Callable[[World, Client], None]) -> None:
    act(world, world.client(number))


def _married(client: Client) -> PersonName:
    """Return the name of the first one around a client with the client's own family name behind it."""
    name = client.contacts[0].name
    return PersonName(
        first=name.first, given=name.given, own=("", "Zomerdijk"), partner=client.name.own, use="birthNamePartnerName"
    )


def _measured(world: World, place: int, client: Client) -> list[Happening]:
    """Measure; one value in some clients' rows is corrected later, one was somebody else's, some go in one round with a neighbour."""
    made: dict[int, measurements.Measurement] = {}
    neighbour = world.clients[place - 1] if place % 4 == 2 else None

    def measure(number: int) -> None:
        made[number] = measurements.taken(world, client, number)
        beside = [measurements.taken(world, neighbour, 100 + number)] if neighbour and number == 1 else []
        measurements.report(world, made[number], *beside)

    found: list[Happening] = [partial(measure, number) for number in range(MEASURED)]
    if place % 2:
        found.append(lambda: measurements.correct(world, made[0]))
    if place % 4 == 3:
        found.append(lambda: measurements.take_back(world, made[2]))
    return found


def _written(world: World, place: int, client: Client) -> list[Happening]:
    """Write; some of it is confidential, edited, replaced or was written by mistake; some get a letter."""
    made: dict[int, documents.Document] = {}

    def write(number: int) -> None:
        made[number] = documents.written(world, client, number)
        documents.send(world, "T02", made[number])

    found: list[Happening] = [partial(write, number) for number in range(WRITTEN)]
    if place % 3 == 0:
        found.append(lambda: documents.send(world, "T02", documents.confidential(world, client, WRITTEN)))
    if place % 4 == 1:
        found.append(lambda: documents.send(world, "T08", documents.edited(world, made[0])))
    if place % 6 == 2:
        found.append(lambda: documents.send(world, "T10", documents.successor(made[1])))
    if place % 5 == 4:
        found.append(lambda: documents.send(world, "T11", made[2]))
    if place % 4 == 0:
        found.append(lambda: documents.send(world, "T02", documents.letter(world, client, WRITTEN + 1)))
    return found


def _planned(world: World, place: int, client: Client) -> list[Happening]:
    """Plan; some visits are moved, cancelled, missed or deleted."""
    made = [visits.planned(world, client, number) for number in range(VISITS)]
    found: list[Happening] = [partial(visits.send, world, "S12", visit) for visit in made]
    later = ("S13", "S15", "S17", "S26", "S14")[place % 5]
    changed = visits.moved(made[0]) if later in ("S13", "S14") else made[0]
    found.append(partial(visits.send, world, later, changed))
    return found
