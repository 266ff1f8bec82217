"""ORU: what is measured, with the decimal commas and loose units of real life; values that are corrected, and one that was somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from samples.ecd.chance import dice, one
from samples.vendor.admissions import who
from samples.vendor.er7 import SENDER, header, segment, stamp, wire
from samples.vendor.house import somebody
from samples.vendor.people import Client
from samples.vendor.world import Message, Thing, World

FINAL, CORRECTED, WRONG = "F", "C", "W"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value: the code with its name, the value as it is typed, the unit, and the number that must be read in it."""

    code: str
    typed: str
    unit: str
    reads: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured of a client at one moment, under the number that Vesta gave it."""

    number: str
    client: Client
    at: datetime
    by: str
    values: tuple[Value, ...]


def _comma(rng: Random, value: float) -> tuple[str, str]:
    """Return a number as it is typed, and as it reads: a comma, a point, or a digit more than was needed."""
    reads = f"{value:.1f}" + ("0" if rng.random() < 0.2 else "")
    return (reads if rng.random() < 0.3 else reads.replace(".", ",")), reads


def _weight(rng: Random) -> tuple[Value, ...]:
    typed, reads = _comma(rng, rng.uniform(52, 96))
    return (Value(code="29463-7^Gewicht^LN", typed=typed, unit=one(rng, ("kg^kilogram^UCUM", "kg")), reads=reads),)


def _pressure(rng: Random) -> tuple[Value, ...]:
    high = int(rng.uniform(112, 168))
    low = int(high * 0.56)
    unit = one(rng, ("mm[Hg]^^UCUM", "mmHg"))
    return (
        Value(code="8480-6^Bovendruk^LN", typed=str(high), unit=unit, reads=str(high)),
        Value(code="8462-4^Onderdruk^LN", typed=str(low), unit=unit, reads=str(low)),
    )


def _temperature(rng: Random) -> tuple[Value, ...]:
    typed, reads = _comma(rng, rng.uniform(36.2, 38.4))
    return (Value(code="8310-5^Temperatuur^LN", typed=typed, unit=one(rng, ("Cel^^UCUM", "C")), reads=reads),)


def _saturation(rng: Random) -> tuple[Value, ...]:
    found = str(int(rng.uniform(89, 99)))
    return (Value(code="59408-5^Saturatie^LN", typed=found, unit="%^^UCUM", reads=found),)


def _glucose(rng: Random) -> tuple[Value, ...]:
    typed, reads = _comma(rng, rng.uniform(5, 13))
    return (Value(code="14743-9^Bloedsuiker^LN", typed=typed, unit="mmol/L^^UCUM", reads=reads),)


KINDS: Final[tuple[Callable[[Random], tuple[Value, ...]], ...]] = (_weight, _pressure, _temperature, _saturation, _glucose)


def taken(world: World, client: Client, place: int) -> Measurement:
    """Return the measurement of this place in a client's row."""
    rng = dice(world.seed, "vesta", "measured", client.number, place)
    return Measurement(
        number=f"VM{client.number}-{place}",
        client=client,
        at=world.now - timedelta(minutes=5 + int(rng.random() * 40)),
        by=somebody(rng),
        values=one(rng, KINDS)(rng),
    )


def report(world: World, *measurements: Measurement) -> None:
    """Tell of measurements, each with its own client: a round along the rooms goes as one message."""
    send(world, FINAL, measurements)


def correct(world: World, measurement: Measurement) -> None:
    """Tell that a value was read wrongly: the same number, another value."""
    rng = dice(world.seed, "vesta", "corrected", measurement.number)
    send(world, CORRECTED, (replace(measurement, values=_again(rng, measurement.values)),))


def _again(rng: Random, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return the values read anew; the lowest digit of each becomes another one."""
    step = 1 + int(rng.random() * 8)
    return tuple(
        replace(value, typed=value.typed[:-1] + _other(value.typed, step), reads=value.reads[:-1] + _other(value.reads, step))
        for value in values
    )


def _other(text: str, step: int) -> str:
    return str((int(text[-1]) + step) % 10)


def take_back(world: World, measurement: Measurement) -> None:
    """Tell that a measurement was somebody else's."""
    send(world, WRONG, (measurement,))


def send(world: World, state: str, measurements: tuple[Measurement, ...]) -> None:
    """Add the message about measurements in this state, a patient and an order for each."""
    control_id, at = world.next_id(), world.tick()
    segments = [header("ORU^R01", "ORU_R01", control_id, at)]
    for number, measurement in enumerate(measurements, 1):
        segments += _result(number, measurement, state)
    things = (thing(measurement, state) for measurement in measurements)
    world.tell(Message(control_id=control_id, at=at, kind="oru", trigger="R01", data=wire(segments)), *things)


def _result(number: int, measurement: Measurement, state: str) -> list[str]:
    order = segment(
        "OBR",
        f1="1",
        f3=f"{measurement.number}^{SENDER}",
        f4="METING^Meting^L",
        f7=stamp(measurement.at),
        f25=FINAL if state == FINAL else CORRECTED,
    )
    return [
        who(measurement.client, number=number),
        order,
        *(_obx(place, measurement, state) for place in range(len(measurement.values))),
    ]


def _obx(place: int, measurement: Measurement, state: str) -> str:
    value = measurement.values[place]
    return segment(
        "OBX",
        f1=str(place + 1),
        f2="NM",
        f3=value.code,
        f5=value.typed,
        f6=value.unit,
        f11=state,
        f14=stamp(measurement.at),
        f16=measurement.by,
    )


def thing(measurement: Measurement, state: str) -> Thing:
    """Return what a measurement is: two halves of a blood pressure are one."""
    return Thing(
        name=f"measured:{measurement.number}",
        client=measurement.client.number,
        sort="dossier",
        type="Observation",
        closed="resource-withdrawn" if state == WRONG else None,
        says=tuple(value.reads for value in measurement.values),
    )
