"""The agenda: series of visits and the occurrences that follow from them, with the exceptions that life brings."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from samples.ecd.chance import dice, new_uuid, one
from samples.ecd.organisation import staff
from samples.ecd.people import Profile
from samples.ecd.records import Record, World
from samples.ecd.reports import canary
from samples.ecd.times import at, stamp

#: Days around today that the agenda holds: from the first up to, not including, the last.
WINDOW = (-7, 28)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDICATIVE = "Tijden zijn een indicatie; we kunnen een half uur eerder of later komen."

#: Subject, discipline, expertise profiles, minutes.
VISITS = (
    ("Persoonlijke verzorging", "Verzorging", {4, 5}, 40),
    ("Steunkousen en medicatie", "Verzorging", {4, 5}, 20),
    ("Wondzorg", "Verpleging", {1, 2}, 30),
    ("Insuline en controle", "Verpleging", {1, 2}, 20),
)
WEEKLY = (
    ("Huishoudelijke hulp", "Huishoudelijke hulp", {9}, 120),
    ("Fysiotherapie aan huis", "Fysiotherapie", {6}, 30),
    ("Casemanager dementie", "Casemanagement", {8}, 60),
)
SINGLE = (
    ("Evaluatie zorgplan", "Verpleging", {1}, 45),
    ("Huisbezoek ergotherapeut", "Ergotherapie", {7}, 60),
    ("Griepprik", "Verpleging", {1, 2}, 15),
)


def fill_agenda(world: World, profiles: list[Profile]) -> None:
    """Add each client's series, then the occurrences of the days around today."""
    people = {number: staff(world, frozenset({number})) for number in range(1, 10)}
    for profile in profiles:
        rng = dice(world.seed, "agenda", profile.client)
        for plan in _plans(rng, profile):
            world.series.append(_series(world, rng, profile.client, plan, people))
    extend(world, world.today + timedelta(days=WINDOW[1]))


Plan = tuple[tuple[str, str, set[int], int], frozenset[int], str]


def _plans(rng: Random, profile: Profile) -> list[Plan]:
    """Choose what a client has: washing on some days, a weekly visit, now and then one of a kind."""
    chosen = (
        VISITS[3] if "diabetes" in profile.conditions else VISITS[2] if "wond" in profile.conditions else one(rng, VISITS[:2])
    )
    every_day = rng.random() < 0.18
    days = frozenset(range(7)) if every_day else frozenset(rng.sample(range(7), rng.choices((2, 3, 5), (35, 40, 25))[0]))
    plans: list[Plan] = [(chosen, days, "daily" if every_day else "weekly")]
    if rng.random() < 0.75:
        plans.append((one(rng, WEEKLY), frozenset({int(rng.random() * 5)}), "weekly"))
    plans.extend((one(rng, SINGLE), frozenset(), "single") for _ in range(rng.choices((0, 1, 2), (30, 50, 20))[0]))
    plans.extend((extra, frozenset(), "single") for extra in _unusual(rng))
    return plans


def _unusual(rng: Random) -> list[tuple[str, str, set[int], int]]:
    """What is not a visit: a stay of some days, a talk about the client, something that the client is not at."""
    found: list[tuple[str, str, set[int], int]] = []
    if rng.random() < 0.06:
        found.append(("Respijtlogeren", "Verzorging", {4}, 3 * 1440))
    if rng.random() < 0.15:
        found.append(("Teamoverleg over cliënt", "Intern", {1}, 30))
    if rng.random() < 0.12:
        found.append(("Bespreking met leverancier", "Intern", {7}, 30))
    return found


def _series(world: World, rng: Random, client: int, plan: Plan, people: dict[int, list[Record]]) -> Record:
    (subject, discipline, expertises, minutes), days, recurrence = plan
    first = world.today + timedelta(days=WINDOW[0])
    if recurrence == "single":
        first += timedelta(days=int(rng.random() * (WINDOW[1] - WINDOW[0])))
    who = one(rng, [person for number in sorted(expertises) for person in people[number]])
    return {
        "timeline": 7001 + len(world.series),
        "client": client,
        "uuid": new_uuid(rng),
        "subject": subject,
        "discipline": discipline,
        "employee": who["id"],
        "first": first,
        "days": days,
        "recurrence": recurrence,
        "start": (7 if recurrence != "single" else 9) * 60 + 15 * int(rng.random() * (16 if recurrence != "weekly" else 30)),
        "minutes": minutes,
    }


def extend(world: World, until: date) -> None:
    """Add the occurrences of the days that are not there yet, up to (not including) ``until``."""
    begun = world.agenda_until or world.today + timedelta(days=WINDOW[0])
    for series in world.series:
        for day in _days(series, begun, until):
            world["agenda"].put(_occurrence(world.seed, series, day), series["client"])
    world.agenda_until = max(begun, until)


def _days(series: Record, begun: date, until: date) -> list[date]:
    if series["recurrence"] == "single":
        return [series["first"]] if begun <= series["first"] < until else []
    span = [begun + timedelta(days=offset) for offset in range((until - begun).days)]
    return [day for day in span if day.weekday() in series["days"]]


def _occurrence(seed: int, series: Record, day: date) -> Record:
    rng = dice(seed, "occurrence", series["timeline"], day)
    start = series["start"] + (30 if rng.random() < 0.05 else 0)
    begin, end = at(day, start), at(day, start + series["minutes"])
    record = {
        "id": f"{series['timeline']}@{day.isoformat()}",
        "occurrenceDate": day.isoformat(),
        "uuid": series["uuid"],
        "groupUuid": None,
        "name": series["subject"],
        "comment": INDICATIVE,
        "timelineId": series["timeline"],
        "validFrom": series["first"].isoformat(),
        "validTo": None,
        "startTime": begin.strftime("%H:%M:00.000"),
        "endTime": end.strftime("%H:%M:00.000"),
        "startsAt": stamp(begin),
        "endsAt": stamp(end),
        "duration": 1600,
        "recurrenceType": series["recurrence"],
        "cycleInterval": 1,
        "customLocation": None,
        "registered": False,
        "registrationComplete": False,
        "creatorObjectId": series["employee"],
        **{name: number in series["days"] for number, name in enumerate(WEEKDAYS)},
        "hourTypeId": None,
        "clientPresent": True,
        "private": False,
        "agendaInvitations": [{"employeeId": series["employee"], "accepted": True}],
        "agendaClientInvitations": [{"clientId": series["client"], "accepted": True}],
        "labels": [{"id": 1 + len(series["discipline"]), "name": series["discipline"]}],
    }
    return _closed(record, series) if series["discipline"] == "Intern" else record


def _closed(record: Record, series: Record) -> Record:
    """What is not for the family: a private talk, or something where the client is not expected."""
    private = series["subject"].startswith("Teamoverleg")
    comment = f"Niet delen. {canary(series['timeline'], '-A')}"
    return {**record, "comment": comment, "private": private, "clientPresent": private}
