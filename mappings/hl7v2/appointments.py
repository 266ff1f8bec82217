"""What an appointment takes from its message beyond single fields: its key, a word for the discipline, its end, and who takes part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.mapping import ConvertContext, Converted, converter
from gateway.mapping.datatypes import parts, plain
from gateway.mapping.datatypes_identity import client_key, named, own_names, place_key, professional
from gateway.mapping.datatypes_values import dtm

# Minutes in one unit of SCH-10, AIS-8 and of the letter before a number in TQ-3. Senders who leave the unit out mean minutes.
MINUTES: Final = {"": 1, "min": 1, "m": 1, "minuten": 1, "minutes": 1, "minuut": 1, "h": 60, "hr": 60, "uur": 60, "uren": 60}
START, LENGTH, UNIT, TIMING = 4, 7, 8, 11
FURTHER: Final = "further clients"
Segment = list[str]


def first(segment: Segment, number: int) -> str:
    """Return the first repetition of a field, raw; empty when the segment ends before it."""
    return segment[number].partition("~")[0] if len(segment) > number else ""


def numbered(entity: str, context: ConvertContext) -> str | None:
    """Return the key of an entity identifier (EI): its number; one that another application gave out is named after that.

    Two numbering systems in one feed never mix, and it makes no difference whether a sender names itself each time.
    """
    number, *rest = parts(entity, 4)[:4]
    number, name = plain(number), named("&".join(rest))
    if not number:
        return None
    return number if not name or name in own_names(context) else f"{name}|{number}"


@converter("entity_key", raw=True)
def entity_key(value: str, context: ConvertContext) -> str | None:
    """Read an entity identifier (EI) and return the key of what it numbers."""
    return numbered(value, context)


@converter("appointment_key", raw=True)
def appointment_key(value: Segment, context: ConvertContext) -> str | None:
    """Read SCH and return the key of the appointment: the filler's number (SCH-2), else the placer's (SCH-1)."""
    return numbered(first(value, 2), context) or numbered(first(value, 1), context)


@converter("further_client", raw=True, private=True)
def further_client(pid: Segment, context: ConvertContext) -> str | None:
    """Read PID and answer for a client whom no PID before it means; nothing for the first of the message, who has SCH's own appointment."""
    memo = context.record.memo
    if FURTHER not in memo:
        memo[FURTHER] = _further(context)
    found: str | None = memo[FURTHER].get(id(pid))
    return found


def _further(context: ConvertContext) -> dict[int, str]:
    """Return the keys of the clients after the first, each by the fields of the PID that names it first."""
    named_by: dict[str, int] = {}
    first_of, *others = context.record.nodes["PID"]
    own = client_key(first_of.f, context)
    for node in others:
        key = client_key(node.f, context)
        if key and key != own:
            named_by.setdefault(key, id(node.f))
    return {place: key for key, place in named_by.items()}


# What a coded field says of the discipline, by the row and the field as it was sent. The row is kept with it: its table decides.
_known: dict[tuple[int, str], tuple[Any, str | None]] = {}
MEMO, MEMO_LENGTH = 1024, 160


@converter("discipline", to="string", options=(), raw=True, alone=True, remembered=True)
def discipline(value: str, context: ConvertContext) -> str | None:
    """Read a coded field and return our word for the discipline that its code or text names; nothing for what the table doesn't know.

    Everybody in the circle reads this word, so it is never the source's own: "wondcontrole" would say too much.
    """
    key = (id(context.row), value)
    known = _known.get(key)
    if known is not None:
        return known[1]
    found = _discipline(value, context)
    # Without a code it is a text that somebody wrote, and those are not kept.
    if value[0] != "^" and len(value) <= MEMO_LENGTH:
        if len(_known) >= MEMO:
            _known.clear()
        _known[key] = (context.row, found)
    return found


def _discipline(value: str, context: ConvertContext) -> str | None:
    for text in parts(value, 2)[:2]:
        found = context.codes.find(plain(text).casefold(), "") if context.codes else []
        if found:
            return found[0].code
    return None


@converter("appointment_end", to="instant", options=(), raw=True)
def appointment_end(value: Segment, context: ConvertContext) -> str | None:
    """Read SCH, of an appointment that says no end, and return its start and length: SCH-9, or SCH-11's own, or those of its services."""
    start = moment(parts(first(value, TIMING), START)[3], context)
    services = [node.f for node in context.record.nodes.get("AIS", ())]
    length = minutes(first(value, 9), first(value, 10)) or timing(parts(first(value, TIMING), START)[2])
    if length:
        begun = start or next(begins(services, context), None)
        return _text(begun + length) if begun else None
    ends = [begun + lasts for begun, lasts in _services(services, start, context)]
    return _text(max(ends)) if ends else None


def begins(services: list[Segment], context: ConvertContext) -> Iterator[datetime]:
    """Yield when each service begins (AIS-4)."""
    yield from (found for one in services if (found := moment(first(one, START), context)))


def _services(services: list[Segment], start: datetime | None, context: ConvertContext) -> Iterator[tuple[datetime, timedelta]]:
    for one in services:
        begun = moment(first(one, START), context) or start
        lasts = minutes(first(one, LENGTH), first(one, UNIT))
        if begun and lasts:
            yield begun, lasts


def minutes(number: str, unit: str) -> timedelta | None:
    """Return a length of time; nothing for none, for what is no number and for a unit that isn't known."""
    factor = MINUTES.get(plain(unit.partition("^")[0]).casefold())
    text = plain(number).replace(",", ".")
    if factor is None or not text.replace(".", "", 1).isdecimal() or float(text) <= 0:
        return None
    return timedelta(minutes=float(text) * factor)


def timing(text: str) -> timedelta | None:
    """Return the length in TQ-3: ``M30``, ``H1`` or a bare number of minutes."""
    return minutes(text[1:], text[0]) if text[:1] in ("M", "H", "m", "h") else minutes(text, "")


def moment(text: str, context: ConvertContext) -> datetime | None:
    """Return a moment with its offset; nothing for none and for a date alone, which has no end to compute."""
    made = dtm(text, context) if text else None
    found = made.value if isinstance(made, Converted) else made
    return datetime.fromisoformat(found) if isinstance(found, str) and len(found) > len("2026-03-11") else None


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


@converter(
    "personnel_participant",
    to="BackboneElement",
    options=(),
    remembered=True,
    sources={"actor.reference": "1", "actor.display": "2", "status": ""},
)
def personnel_participant(value: str, context: ConvertContext) -> dict[str, Any] | None:
    """Read who comes (AIP-3) and return the participant; who has no number is known by name alone."""
    actor = professional(value, context).referred()
    return {"actor": actor, "status": "accepted"} if actor else None


@converter("place_participant", to="BackboneElement", options=(), remembered=True, sources={"actor.reference": "", "status": ""})
def place_participant(value: str, context: ConvertContext) -> dict[str, Any] | None:
    """Read where it is (AIL-3) and return the participant."""
    key = place_key(value, context)
    return {"actor": context.reference("Location", "location", key), "status": "accepted"} if key else None


@converter("other_participant", to="BackboneElement", options=(), remembered=True, sources={"actor.display": "2", "status": ""})
def other_participant(value: str, context: ConvertContext) -> dict[str, Any] | None:  # noqa: ARG001
    """Read what else is needed (AIG-3): a car, a lift, a room. It has a name and no record of its own."""
    code, text = (plain(one) for one in parts(value, 2)[:2])
    return {"actor": {"display": text or code}, "status": "accepted"} if text or code else None
