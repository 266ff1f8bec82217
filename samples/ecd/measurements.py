"""Measurements as people type them: strings, commas and points, loose units, meters that say HI."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from samples.ecd.chance import one
from samples.ecd.people import Profile

Entry = dict[str, Any]

#: What a glucose meter shows instead of a number.
METER_WORDS = ("HI", "LO", "<2,0", ">30")


def _entry(name: str, label: str, value: str, unit: str) -> Entry:
    return {"name": name, "value": value, "format": "decimal", "unit": unit, "displayName": label}


def _typed(rng: Random, value: float, digits: int = 1) -> str:
    """Print a number in one of the ways it gets typed: ``72,4``, ``72.4``, ``72.40``."""
    shape = rng.random()
    if shape < 0.55:
        return f"{value:.{digits}f}".replace(".", ",")
    if shape < 0.85:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f}0"


def weight(rng: Random, profile: Profile, drift: float) -> list[Entry]:
    """Weigh: around the client's own weight, drifting over the weeks."""
    unit = rng.choices(("kg", "Kg", "kilo", "KG"), (88, 6, 4, 2))[0]
    return [_entry("weight", "Gewicht", _typed(rng, profile.weight + drift + rng.gauss(0, 0.4)), unit)]


def blood_pressure(rng: Random, profile: Profile, drift: float) -> list[Entry]:
    """Both pressures; one in fourteen misses one (arm too sore, meter stopped)."""
    unit = rng.choices(("mm[Hg]", "mmHg", "mm Hg"), (80, 15, 5))[0]
    high = int(profile.systolic + drift + rng.gauss(0, 9))
    low = int(high * rng.uniform(0.5, 0.62))
    systolic = _entry("systolicPressure", "Bovendruk", str(high), unit)
    diastolic = _entry("diastolicPressure", "Onderdruk", str(low), unit)
    chance = rng.random()
    if chance < 0.03:
        return [systolic]
    if chance < 0.05:
        return [systolic, {**diastolic, "value": ""}]
    return [diastolic] if chance < 0.07 else [systolic, diastolic]


def temperature(rng: Random, _: Profile, __: float) -> list[Entry]:
    """Body temperature; ``Cek`` is the unit's well-known typing error."""
    unit = rng.choices(("Cel", "Cek", "°C", "graden"), (60, 20, 15, 5))[0]
    return [_entry("decimalValue", "Temperatuur", _typed(rng, 36.7 + abs(rng.gauss(0, 0.5))), unit)]


def glucose(rng: Random, profile: Profile, drift: float) -> list[Entry]:
    """Blood sugar; a meter says HI above 33.3 mmol/L and LO below 1.1."""
    unit = rng.choices(("mmol/L", "mmol/l", "mmol"), (75, 20, 5))[0]
    read = _typed(rng, max(2.8, profile.glucose + drift + rng.gauss(0, 1.6)))
    value = one(rng, METER_WORDS) if rng.random() < 0.05 else read
    return [_entry("decimalValue", "Bloedsuiker", value, unit)]


def saturation(rng: Random, profile: Profile, _: float) -> list[Entry]:
    base = 92 if "copd" in profile.conditions else 96
    return [
        _entry("decimalValue", "Saturatie", str(min(100, int(base + rng.gauss(0, 1.5)))), one(rng, ("%", "%", "%", "procent")))
    ]


def pain(rng: Random, profile: Profile, _: float) -> list[Entry]:
    """Pain from 0 to 10, a number without a unit."""
    base = 5 if profile.conditions & {"artrose", "wond"} else 2
    return [_entry("decimalValue", "Pijnscore", str(min(10, max(0, int(base + rng.gauss(0, 1.6))))), "")]


MEASURES: dict[int, Callable[[Random, Profile, float], list[Entry]]] = {
    102: weight,
    103: blood_pressure,
    104: temperature,
    105: glucose,
    311: saturation,
    314: pain,
}
