"""What happens on an ordinary day: a report edited or taken back, a visit moved, a new version of a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from samples.ecd.agenda import INDICATIVE
from samples.ecd.chance import dice, new_uuid, one
from samples.ecd.people import mobile
from samples.ecd.records import Record, World
from samples.ecd.reports import TEXT, WEIGHT, hide
from samples.ecd.times import parse, stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record that is no longer what it was. ``op`` is ``upsert`` or ``delete``; ``what`` names the happening."""

    stream: str
    key: str
    op: str
    what: str
    client: str


def change(world: World, *, count: int, seed: int, ops: list[str] | None = None) -> list[Change]:
    """Let ``count`` things happen, in turn of each kind, to records chosen by the seed.

    One thing may touch two records (a new plan makes the old one OLD); no record is touched twice.

    Raises:
        ValueError: a kind of happening that there is not.
    """
    unknown = set(ops or ()) - set(HAPPENINGS)
    if unknown:
        raise ValueError(f"ops are {', '.join(HAPPENINGS)}")
    rng = dice(seed, "change", world.last_report, stamp(world.now))
    kinds = ops or [name for name in HAPPENINGS if name != "client_deleted"]
    pools = {what: _pool(world, rng, what) for what in kinds}
    done: list[Change] = []
    touched: set[tuple[str, str]] = set()
    for turn in range(count):
        what = kinds[turn % len(kinds)]
        made = _once(world, rng, what, pools[what], touched)
        touched.update((item.stream, item.key) for item in made)
        done.extend(made)
    return done


def _pool(world: World, rng: Random, what: str) -> list[str]:
    """Return the keys of what this could happen to, in the order in which it will."""
    stream, fits, _ = HAPPENINGS[what]
    keys = [str(record["id"]) for record in world[stream].all() if fits(world, record)]
    rng.shuffle(keys)
    return keys


def _once(world: World, rng: Random, what: str, pool: list[str], touched: set[tuple[str, str]]) -> list[Change]:
    """Let one thing happen; nothing when no record is left to which it could."""
    stream, _, act = HAPPENINGS[what]
    while pool:
        key = pool.pop()
        record = world[stream].get(key)
        if record is not None and (stream, key) not in touched:
            world.now += timedelta(seconds=1)
            return [_named(item, what) for item in act(world, rng, record)]
    return []


def _named(item: tuple[str, Record, str], what: str) -> Change:
    stream, record, op = item
    return Change(stream=stream, key=str(record["id"]), op=op, what=what, client=_client_of(stream, record))


def _client_of(stream: str, record: Record) -> str:
    if stream == "agenda":
        return str(record["agendaClientInvitations"][0]["clientId"])
    return str(record["id"] if stream == "clients" else record["clientId"])


Made = list[tuple[str, Record, str]]


def _touched(world: World, record: Record, **fields: object) -> Record:
    return {**record, **fields, "updatedAt": stamp(world.now)}


def _put(world: World, stream: str, record: Record) -> Made:
    world[stream].put(record, int(_client_of(stream, record)) if stream == "agenda" else None)
    return [(stream, record, "upsert")]


def _open(_: World, report: Record) -> bool:
    return not (report["confidential"] or report["hidden"] or report["carenId"])


def _plain(world: World, report: Record) -> bool:
    return _open(world, report) and report["reportTypeId"] in {TEXT, 109, 110, 111}


def _edit(world: World, rng: Random, report: Record) -> Made:
    added = one(
        rng,
        (
            "Aanvulling: later nog gebeld, gaat goed.",
            "Correctie: het was de linkerkant.",
            "Is besproken met de collega van de avond.",
        ),
    )
    return _put(world, "reports", _touched(world, report, comment=f"{report['comment']} {added}"))


def _new(world: World, rng: Random, like: Record) -> Made:
    """Write a report anew: the words of an earlier one, as carers do, a new number and today's time."""
    world.last_report += 1
    when = stamp(world.now - timedelta(minutes=5))
    fresh = {"id": world.last_report, "uuid": new_uuid(rng), "reportingDate": when, "createdAt": stamp(world.now)}
    return _put(world, "reports", _touched(world, like, **fresh))


def _weigh(world: World, rng: Random, report: Record) -> Made:
    corrected = f"{rng.uniform(50, 99):.1f}".replace(".", ",")
    entries = [{**report["reportEntries"][0], "value": corrected}]
    return _put(world, "reports", _touched(world, report, reportEntries=entries))


def _hide(world: World, _: Random, report: Record) -> Made:
    hidden = _touched(world, report)
    hide(hidden, "Verkeerde cliënt")
    return _put(world, "reports", hidden)


def _delete_report(world: World, _: Random, report: Record) -> Made:
    return [("reports", world["reports"].remove(str(report["id"])), "delete")]


def _move(world: World, rng: Random, occurrence: Record) -> Made:
    later = timedelta(minutes=one(rng, (-60, -30, 30, 90)))
    begin, end = parse(occurrence["startsAt"]) + later, parse(occurrence["endsAt"]) + later
    times = {"startsAt": stamp(begin), "endsAt": stamp(end)}
    legacy = {"startTime": begin.strftime("%H:%M:00.000"), "endTime": end.strftime("%H:%M:00.000")}
    return _put(world, "agenda", {**occurrence, **times, **legacy, "comment": f"Verzet. {INDICATIVE}"})


def _cancel(world: World, _: Random, occurrence: Record) -> Made:
    client = _client_of("agenda", occurrence)
    gone = world["agenda"].remove(occurrence["id"])
    return [("agenda", {**gone, "agendaClientInvitations": [{"clientId": int(client)}]}, "delete")]


def _renew(world: World, _: Random, plan: Record) -> Made:
    """Make a new version of the plan: entries get new ids, actions keep their persistent one, one goal moves on."""
    world.last_plan += 1
    entries = [_renewed(world, entry) for entry in plan["carePlanEntries"]]
    entries[0] = {**entries[0], "percentageRealized": 100}
    day = world.now.date().isoformat()
    fresh = {"id": world.last_plan, "beginDate": day, "createdAt": stamp(world.now), "carePlanEntries": entries}
    old = _touched(world, plan, status="OLD", endDate=day)
    return [*_put(world, "care_plans", old), *_put(world, "care_plans", _touched(world, plan, **fresh))]


def _renewed(world: World, entry: Record) -> Record:
    world.last_entry += 1
    return {**entry, "id": world.last_entry}


def _phone(world: World, rng: Random, relation: Record) -> Made:
    return _put(world, "relations", _touched(world, relation, mobilePhone=mobile(rng)))


def _leave(world: World, _: Random, client: Record) -> Made:
    """Delete a client with everything of it; only the client itself stands in the feed of deletes."""
    identity = client["id"]
    gone: Made = [("clients", world["clients"].remove(str(identity)), "delete")]
    world.client_deletes.append({"id": identity, "deletedAt": stamp(world.now)})
    for stream in ("relations", "reports", "care_plans", "agenda"):
        gone.extend((stream, world[stream].remove(str(record["id"])), "delete") for record in world[stream].of_client(identity))
    world.series = [series for series in world.series if series["client"] != identity]
    world.links = [one_ for one_ in world.links if one_.client != str(identity)]
    return gone


def _ahead(world: World, occurrence: Record) -> bool:
    """Whether it is a visit to come, that half an hour more or less leaves on its day."""
    begin = parse(occurrence["startsAt"])
    return occurrence["clientPresent"] and not occurrence["private"] and begin > world.now and 6 <= begin.hour <= 20


def _weighed(world: World, report: Record) -> bool:
    return _open(world, report) and report["reportTypeId"] == WEIGHT


def _in_force(_: World, plan: Record) -> bool:
    return bool(plan["status"] == "ACTIVE")


def _any(_: World, __: Record) -> bool:
    return True


Happening = tuple[str, Callable[[World, Record], bool], Callable[[World, Random, Record], Made]]

HAPPENINGS: dict[str, Happening] = {
    "report_edited": ("reports", _plain, _edit),
    "report_new": ("reports", _plain, _new),
    "weight_changed": ("reports", _weighed, _weigh),
    "visit_moved": ("agenda", _ahead, _move),
    "report_deleted": ("reports", _open, _delete_report),
    "visit_cancelled": ("agenda", _ahead, _cancel),
    "plan_renewed": ("care_plans", _in_force, _renew),
    "phone_changed": ("relations", _any, _phone),
    "report_hidden": ("reports", _plain, _hide),
    "client_deleted": ("clients", _any, _leave),
}

PLANTS = {"impossible_date": "2026-02-30T25:61:00.000+01:00"}


def plant(world: World, what: str, client: int | str | None = None) -> list[Change]:
    """Add a report that can't be read: its date is on no calendar.

    Raises:
        ValueError: nothing of that name can be planted, or the client has no report to take after.
    """
    if what not in PLANTS:
        raise ValueError(f"what is one of {', '.join(PLANTS)}")
    likes = [
        record
        for record in world["reports"].all()
        if _plain(world, record) and str(client or record["clientId"]) == str(record["clientId"])
    ]
    if not likes:
        raise ValueError("this client has no report")
    world.now += timedelta(seconds=1)
    [(stream, record, _)] = _new(world, dice(world.seed, "plant", world.last_report), likes[-1])
    planted = {**record, "reportingDate": PLANTS[what]}
    world[stream].put(planted)
    world.unmappable.add((stream, str(planted["id"])))
    return [_named((stream, planted, "upsert"), f"planted:{what}")]
