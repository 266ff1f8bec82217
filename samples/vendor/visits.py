"""SIU: appointments that are made, moved, cancelled, missed and deleted. The family reads when and which discipline, the trust group all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from samples.ecd.chance import dice, one
from samples.ecd.times import at as on
from samples.vendor.admissions import who
from samples.vendor.er7 import SENDER, escaped, header, segment, stamp, wire
from samples.vendor.house import somebody
from samples.vendor.people import Client
from samples.vendor.world import Message, Thing, World

#: Code and Dutch word of the discipline, what is done, minutes.
SORTS: Final = (
    ("WV^Wijkverpleging^L", "Wondzorg", 30),
    ("PV^Persoonlijke verzorging^L", "Hulp bij wassen & aankleden", 40),
    ("FT^Fysiotherapie^L", "Looptraining", 30),
    ("DB^Dagbesteding^L", "Koor", 90),
)
TRIGGERS: Final = {"S12": "Booked", "S13": "Booked", "S14": "Booked", "S15": "Cancelled", "S17": "Deleted", "S26": "Noshow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An appointment under the number that Vesta gave it."""

    number: str
    client: Client
    start: datetime
    minutes: int
    discipline: str
    service: str
    by: str
    note: str


def planned(world: World, client: Client, place: int) -> Visit:
    """Return the appointment of this place in a client's row, in the coming weeks."""
    rng = dice(world.seed, "vesta", "visit", client.number, place)
    discipline, service, minutes = one(rng, SORTS)
    day = world.today + timedelta(days=1 + place * 2 + int(rng.random() * 2))
    return Visit(
        number=f"VA{client.number}-{place}",
        client=client,
        start=on(day, 8 * 60 + 15 * int(rng.random() * 32)),
        minutes=minutes,
        discipline=discipline,
        service=service,
        by=somebody(rng),
        note="Sleutel ligt bij de receptie.\nGraag eerst bellen, één keer." if rng.random() < 0.5 else "",
    )


def moved(visit: Visit) -> Visit:
    """Return a visit an hour later."""
    return replace(visit, start=visit.start + timedelta(hours=1))


def send(world: World, trigger: str, visit: Visit) -> None:
    """Add the message of this event about a visit."""
    control_id, at = world.next_id(), world.tick()
    data = wire([header(f"SIU^{trigger}", "SIU_S12", control_id, at), *_segments(trigger, visit)])
    closed = "resource-withdrawn" if trigger == "S17" else None
    world.tell(
        Message(control_id=control_id, at=at, kind="siu", trigger=trigger, data=data),
        Thing(name=f"visit:{visit.number}", client=visit.client.number, sort="visit", type="Appointment", closed=closed),
    )


def _segments(trigger: str, visit: Visit) -> list[str]:
    end = visit.start + timedelta(minutes=visit.minutes)
    schedule = segment(
        "SCH",
        f1=f"{visit.number}^{SENDER}",
        f2=f"{visit.number}^{SENDER}",
        f6=f"{trigger}^^HL70003",
        f7=visit.discipline,
        f9=str(visit.minutes),
        f10="min^minuten^UCUM",
        f11=f"^^{visit.minutes}^{stamp(visit.start)}^{stamp(end)}",
        f16=visit.by,
        f25=f"{TRIGGERS[trigger]}^^HL70278",
    )
    note = [segment("NTE", f1="1", f2="L", f3=escaped(visit.note))] if visit.note else []
    length = {"f4": stamp(visit.start), "f7": str(visit.minutes), "f8": "min^minuten^UCUM"}
    service = segment("AIS", f1="1", f2="A", f3=f"D1^{escaped(visit.service)}^L", **length)
    person = segment("AIP", f1="1", f2="A", f3=visit.by, f4=visit.discipline)
    return [schedule, *note, who(visit.client), segment("RGS", f1="1", f2="A"), service, person]
