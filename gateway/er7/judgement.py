"""May this message come in? Judged by its envelope and required segments, never by what maps make of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from gateway.er7.envelope import Envelope, envelope
from gateway.er7.message import Message
from gateway.er7.structures import NEEDS, STRUCTURES, TYPES, Needs

Code = Literal["AA", "AE", "AR"]
# Table 0357: what ERR-3 can say.
CONDITIONS: Final = {
    0: "Message accepted",
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    206: "Application record locked",
    207: "Application internal error",
}


class Fault(NamedTuple):
    """One thing wrong with a message, as an ERR segment says it.

    ``condition`` is a code of table 0357; ``segment``, ``sequence`` (which of that name, from 1) and ``field`` say where; ``text`` is
    a sentence for the person at the sending side and holds nothing from the message.
    """

    condition: int
    text: str
    segment: str = "MSH"
    sequence: int = 1
    field: int | None = None
    severity: Literal["E", "W", "I"] = "E"


class Verdict(NamedTuple):
    """AA: take it; AE: keep it, it is not right; AR: keep it, nothing can be done with it. ``faults`` may hold warnings with any."""

    code: Code
    faults: tuple[Fault, ...] = ()


ACCEPTED: Final = Verdict("AA")


def judge(message: Message | None, known: Envelope | None = None, *, reason: str = "") -> Verdict:
    """Judge a message; ``None`` is one without a readable MSH, with the reason that ``NotHL7`` gave.

    ``known`` is its envelope where the caller has it. Whether the sender is known is the caller's business.
    """
    if message is None:
        return Verdict("AR", (Fault(100, f"This is no HL7 v2 message: {reason or 'it has no readable MSH segment'}."),))
    known = known or envelope(message)
    if refused := _refused(known):
        return Verdict("AR", refused)
    faults = _faults(message, NEEDS[known.structure])
    if known.version:
        return Verdict("AE", faults) if faults else ACCEPTED
    warning = Fault(101, "MSH-12 (version) is empty; the message was read as version 2.5.", field=12, severity="W")
    return Verdict("AE" if faults else "AA", (*faults, warning))


def _refused(known: Envelope) -> tuple[Fault, ...]:
    """Return why nothing can be done with a message."""
    if known.control_id and (known.message_type, known.trigger) in STRUCTURES:
        return ()
    faults = [] if known.control_id else [Fault(101, "MSH-10 (message control id) is empty.", field=10)]
    if not known.message_type:
        faults.append(Fault(101, "MSH-9 (message type) is empty.", field=9))
    elif known.message_type not in TYPES:
        faults.append(Fault(200, "MSH-9 names a message type that is not taken here.", field=9))
    elif not known.trigger:
        faults.append(Fault(201, "MSH-9 names no event.", field=9))
    elif (known.message_type, known.trigger) not in STRUCTURES:
        faults.append(Fault(201, "MSH-9 names an event that is not taken here.", field=9))
    return tuple(faults)


def _faults(message: Message, needs: Needs) -> tuple[Fault, ...]:
    """Return which segments are missing, wrongly doubled or out of their group."""
    names = [segment[0] for segment in message.segments]
    faults = [_missing(name) for name in needs.required if name not in names]
    faults += [_doubled(name) for name in ("MSH", *needs.single) if names.count(name) > 1]
    if needs.groups and not faults:
        return tuple(_ungrouped(names, *needs.groups, paired=needs.paired)) or tuple(_nobodys(names))
    return tuple(faults)


def _missing(name: str) -> Fault:
    return Fault(100, f"The {name} segment is missing; this message needs one.", segment=name)


def _doubled(name: str, sequence: int = 2) -> Fault:
    return Fault(100, f"There is one {name} segment too many.", segment=name, sequence=sequence)


def _ungrouped(names: list[str], first: str, second: str, *, paired: bool) -> Iterator[Fault]:
    """Yield each ``first`` without a ``second`` of its own, and each ``second`` that has no ``first`` of its own."""
    opened = closed = 0
    alone = False
    for name in names:
        if name == first:
            if alone:
                yield _alone(first, second, opened)
            opened, alone = opened + 1, True
        elif name == second:
            closed += 1
            if not opened:
                yield Fault(100, f"The {second} segment comes before the {first} it belongs to.", segment=second, sequence=closed)
            elif paired and not alone:
                yield _doubled(second, closed)
            alone = False
    if alone:
        yield _alone(first, second, opened)


def _nobodys(names: list[str]) -> Iterator[Fault]:
    """Yield a result that stands before every patient: in a message about several nobody could say whose it is."""
    if "PID" in names and "OBX" in names[: names.index("PID")]:
        yield Fault(100, "The OBX segment comes before the PID it belongs to.", segment="OBX", sequence=1)


def _alone(first: str, second: str, sequence: int) -> Fault:
    return Fault(100, f"The {first} segment has no {second} of its own after it.", segment=first, sequence=sequence)
