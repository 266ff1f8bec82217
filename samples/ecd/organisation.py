"""Thuiszorg De Linde: its teams, and the people who work there."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from samples.ecd.chance import dice, new_uuid, one
from samples.ecd.names import young_name
from samples.ecd.records import Record, World
from samples.ecd.times import stamp

ORGANISATION = "Thuiszorg De Linde"
ORGANISATION_AGB = "75990123"

TEAMS = ("Groenlo Centrum", "Lichtenvoorde", "Winterswijk West", "Aalten", "Nachtteam")

#: Expertise profiles with how common they are. Care plans and medical reports are written by the first three.
EXPERTISES = (
    (1, "Wijkverpleegkundige", 14),
    (2, "Verpleegkundige MBO", 14),
    (3, "Specialist ouderengeneeskunde", 2),
    (4, "Verzorgende IG", 40),
    (5, "Helpende plus", 12),
    (6, "Fysiotherapeut", 5),
    (7, "Ergotherapeut", 4),
    (8, "Casemanager dementie", 4),
    (9, "Huishoudelijke hulp", 5),
)
NURSES = frozenset({1, 2, 3})
CARERS = frozenset({1, 2, 4, 5})


def fill_employees(world: World, clients: int) -> None:
    """Add one employee to every four clients, fourteen at least, so that every expertise is there."""
    rng = dice(world.seed, "employees")
    for number in range(max(14, clients // 4)):
        world["employees"].put(_employee(world, rng, number))


def _employee(world: World, rng: Random, number: int) -> Record:
    identity, expertise = _expertise(rng, number)
    gender = "female" if rng.random() < 0.85 else "male"
    name = young_name(rng, gender)
    created = world.now - timedelta(days=400 + number, minutes=number * 7)
    return {
        "id": 301 + number,
        "uuid": new_uuid(rng),
        "identificationNo": f"M{301 + number:05d}",
        **name.fields(),
        "gender": gender,
        "teamName": one(rng, TEAMS),
        "expertiseProfiles": [{"id": identity, "name": expertise}],
        "organizationName": ORGANISATION,
        "organizationAgb": ORGANISATION_AGB,
        "workEmailAddress": f"m{301 + number:05d}@thuiszorgdelinde.example",
        "createdAt": stamp(created),
        "updatedAt": stamp(created),
    }


def _expertise(rng: Random, number: int) -> tuple[int, str]:
    """Return an expertise: the first nine employees one of each, the others by how common it is."""
    if number < len(EXPERTISES):
        return EXPERTISES[number][:2]
    chosen = rng.choices(EXPERTISES, [common for *_, common in EXPERTISES])[0]
    return chosen[0], chosen[1]


def staff(world: World, wanted: frozenset[int]) -> list[Record]:
    """Return the employees with one of these expertises."""
    return [one_ for one_ in world["employees"].all() if one_["expertiseProfiles"][0]["id"] in wanted]
