"""Measurements as series: one kind and one unit each. What isn't a number is told as text and never drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from samples.portal.reading.dutchtime import Moment, moment
from samples.portal.reading.people import Author, author_of
from samples.portal.reading.resources import Contents, Resource, codings, concept_text, dig, listed, text
from samples.portal.reading.timeline import REPORT, SOEP

LABELS: Final = {
    "29463-7": "Gewicht",
    "85354-9": "Bloeddruk",
    "14743-9": "Bloedsuiker",
    "15074-8": "Bloedsuiker",
    "14749-6": "Bloedsuiker",
    "8867-4": "Hartslag",
    "8893-0": "Pols",
    "8310-5": "Temperatuur",
    "2708-6": "Zuurstofsaturatie",
    "59408-5": "Zuurstofsaturatie",
    "9279-1": "Ademhaling",
    "8302-2": "Lengte",
    "225908003": "Pijnscore",
    "8480-6": "Bovendruk",
    "8462-4": "Onderdruk",
}
ORDER: Final = tuple(dict.fromkeys(LABELS.values()))
UNITS: Final = {"mm[Hg]": "mmHg", "Cel": "°C", "/min": "per minuut"}
UNREADABLE: Final = "geen leesbare waarde"
MISSING: Final = "–"
LARGEST: Final = Decimal("1e9")  # beyond any measurement; a chart can draw no more than a float holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One number of a measurement; ``number`` is ``None`` when there is none to draw."""

    name: str
    number: Decimal | None
    unit: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measurement: its values, or the text that stands in their place."""

    id: str
    label: str
    moment: Moment
    values: tuple[Value, ...]
    note: str
    author: Author

    @property
    def unit(self) -> str:
        """Return the unit of its numbers; empty when it has none."""
        return next((value.unit for value in self.values if value.number is not None), "")

    @property
    def text(self) -> str:
        """Return the values as read aloud: ``142 / 84 mmHg``, ``72,50 kg``."""
        words = [value.text for value in self.values]
        return UNREADABLE if set(words) == {MISSING} else f"{' / '.join(words)} {self.unit}".strip()

    @property
    def readable(self) -> bool:
        """Return whether there is a number in it."""
        return any(value.number is not None for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Measurements of one kind and unit by one organisation, newest first; ``key`` is its place on the page."""

    key: str
    label: str
    unit: str
    items: tuple[Measurement, ...]
    organisation: str = ""

    def chart(self) -> dict[str, Any]:
        """Return what the chart draws, oldest first: moments in seconds, and a line for each value."""
        drawn = [item for item in reversed(self.items) if item.readable]
        names = list(dict.fromkeys(value.name for item in drawn for value in item.values))
        return {
            "label": self.label,
            "unit": self.unit,
            "times": [item.moment.chart_seconds for item in drawn],
            "moments": [str(item.moment) for item in drawn],
            "lines": [_line(name, drawn) for name in names],
        }


def series(contents: Contents) -> list[Series]:
    """Return every series, the usual kinds first."""
    found = sorted(_measurements(contents), key=lambda item: (item.moment.order, item.id), reverse=True)
    units: dict[str, str] = {}
    for item in found:
        if item.unit:
            units.setdefault(item.label, item.unit)
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for item in found:
        groups.setdefault((item.label, item.unit or units.get(item.label, "")), []).append(item)
    ordered = sorted(groups.items(), key=lambda group: (_rank(group[0][0]), group[0]))
    return [
        Series(key=f"reeks-{number}", label=label, unit=unit, items=tuple(items), organisation=contents.organisation)
        for number, ((label, unit), items) in enumerate(ordered, start=1)
    ]


def renumbered(found: Iterable[Series]) -> list[Series]:
    """Return the series of several organisations with a place of its own for each."""
    return [replace(one, key=f"reeks-{number}") for number, one in enumerate(found, start=1)]


def dutch_number(number: Decimal) -> str:
    """Return a number with a decimal comma, every digit kept."""
    return f"{number:f}".replace(".", ",")


def _measurements(contents: Contents) -> Iterator[Measurement]:
    for item in contents.of("Observation"):
        codes = codings(dig(item, "code"))
        at = moment(text(item, "effectiveDateTime") or text(item, "effectivePeriod", "start"))
        if at is None or REPORT in codes or any(code in SOEP for _, code in codes):
            continue
        performer = next(iter(listed(item, "performer")), None)
        values = tuple(_values(item))
        if values:
            yield Measurement(
                id=text(item, "id"),
                label=_label(dig(item, "code")),
                moment=at,
                values=values,
                note=" ".join(filter(None, (text(note, "text") for note in listed(item, "note")))),
                author=author_of(contents, performer),
            )


def _values(item: Resource) -> Iterator[Value]:
    components = [part for part in listed(item, "component") if "valueQuantity" in part or "dataAbsentReason" in part]
    for part in components or [item]:
        value = _value(part, _label(dig(part, "code")))
        if value is not None:
            yield value


def _value(part: Resource, name: str) -> Value | None:
    quantity = dig(part, "valueQuantity") or {"value": dig(part, "valueInteger")}
    number = dig(quantity, "value")
    if isinstance(number, int | Decimal) and not isinstance(number, bool):
        return _number(Decimal(number), quantity, name)
    words = text(part, "valueString") or concept_text(dig(part, "valueCodeableConcept"))
    if not words and "dataAbsentReason" in part:
        words = MISSING
    return Value(name=name, number=None, unit="", text=words) if words else None


def _number(number: Decimal, quantity: Resource, name: str) -> Value:
    unit = UNITS.get(text(quantity, "code")) or text(quantity, "unit") or text(quantity, "code")
    comparator = text(quantity, "comparator")
    if comparator or abs(number) > LARGEST:  # "more than 33,3" is no point on a line
        words = " ".join(filter(None, (comparator, dutch_number(number), unit)))
        return Value(name=name, number=None, unit="", text=words)
    return Value(name=name, number=number, unit=unit, text=dutch_number(number))


def _label(concept: object) -> str:
    known = (LABELS.get(code, "") for _, code in codings(concept))
    return next(filter(None, known), "") or concept_text(concept) or "Meting"


def _rank(label: str) -> int:
    return ORDER.index(label) if label in ORDER else len(ORDER)


def _line(name: str, drawn: list[Measurement]) -> dict[str, Any]:
    found = [next((value for value in item.values if value.name == name), None) for item in drawn]
    return {
        "name": name,
        "numbers": [None if value is None or value.number is None else float(value.number) for value in found],
        "texts": ["" if value is None else value.text for value in found],
    }
