"""Conversion without an installation: what intake would answer to a unit of input and what the maps make of it. Nothing is kept.

No duplicate is recognised and no sender refused: that takes a journal and a list of sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.canonical import BASE, BSN
from gateway.clock import system_clock
from gateway.config import AMSTERDAM
from gateway.er7 import Fault, Message, Note, NotHL7, Unit, Verdict, envelope, judge, parse
from gateway.identity import IdSpace
from gateway.intake.arrival import STREAM
from gateway.intake.reception import source_time
from gateway.intake.reply import Reply
from gateway.mapping.engine import MappingSet
from gateway.model import Issue, Mapped, MapResult, SourceRecord

# Without a source ids only have to be the same every time; nobody's real ids come from this space.
NAMESPACE: Final = IdSpace(
    namespace=UUID("0f5e3a1c-6a8d-5b7e-9c43-7a6f7267736c"), hash_key=b"zorgsluis convert, without a source"
)
SYSTEM: Final = "hl7v2"
ZONE: Final = ZoneInfo(AMSTERDAM)

Outcome = Literal["ok", "ok-with-issues", "quarantined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What becomes of one unit. ``ack`` is ``None`` when it gets no answer; ``faults`` are what an ERR segment would say."""

    index: int
    ack: str | None
    outcome: Outcome
    issues: tuple[Issue, ...]
    faults: tuple[Fault, ...] = ()
    mapped: tuple[Mapped, ...] = ()
    message: Message | None = None

    def bundle(self) -> dict[str, Any] | None:
        """Return the resources as a transaction, as the provider may see them: with the BSN in its place."""
        return transaction(self.mapped) if self.mapped else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversions:
    """Converts by one set of maps. ``system`` and ``ids`` are those of a source, else fixed ones."""

    maps: MappingSet = field(repr=False)
    ids: IdSpace = field(default=NAMESPACE, repr=False)
    system: str = SYSTEM
    zone: ZoneInfo = ZONE

    def of(self, unit: Unit) -> Conversion:
        """Return what becomes of a unit. Never raises."""
        if not unit.complete:
            reason = "the frame is cut off" if unit.data else "there is nothing in it"
            return Conversion(index=unit.index, ack=None, outcome="quarantined", issues=(structure(reason), *noted(unit.notes)))
        message, why = _split(unit.data, self.maps.dialect.charset)
        head = None if message is None else envelope(message)
        verdict = judge(message, head, reason=why)
        ack = Reply(envelope=head, clock=system_clock).first_code(verdict.code)
        if head is None or verdict.code != "AA":
            issues = (*noted(unit.notes), *map(refused, verdict.faults))
            return _made(unit, message, ack, verdict, MapResult(outcome="quarantined", issues=issues))
        record = SourceRecord(
            system=self.system,
            kind=head.message_type.lower(),
            stream=STREAM,
            key=f"{head.sender}|{head.facility}|{head.control_id}",
            body=unit.data,
            source_time=source_time(head.at, self.zone),
        )
        return _made(unit, message, ack, verdict, self.maps.map(record, self.ids))


def _split(data: bytes, charset: str | None) -> tuple[Message | None, str]:
    try:
        return parse(data, charset), ""
    except NotHL7 as error:
        return None, str(error)


def _made(unit: Unit, message: Message | None, ack: str, verdict: Verdict, result: MapResult) -> Conversion:
    if result.outcome == "set-aside":
        # Its status keeps it out of the store: nothing is wrong with it, and there is nothing to show.
        issues = (
            *noted(unit.notes),
            *result.issues,
            _issue("information", f"set aside by its status: {result.reason}", "set aside"),
        )
    elif result.outcome == "quarantined" or verdict.code != "AA":
        issues = result.issues
    else:
        issues = (*noted(unit.notes), *result.issues)
    outcome: Outcome = "quarantined" if result.outcome == "quarantined" else "ok-with-issues" if issues else "ok"
    return Conversion(
        index=unit.index,
        ack=ack,
        outcome=outcome,
        issues=issues,
        faults=verdict.faults,
        mapped=result.mapped,
        message=message,
    )


def noted(notes: Iterable[Note]) -> Iterator[Issue]:
    """Yield what had to be put right around a message as issues."""
    return (_issue("warning", note.reason, "read all the same", note.code) for note in notes)


def structure(reason: str) -> Issue:
    """Return the issue of what can't be mapped at all."""
    return _issue("error", reason, "record quarantined")


def refused(fault: Fault) -> Issue:
    """Return what intake refuses a message for as an issue."""
    place = fault.segment if fault.sequence == 1 else f"{fault.segment}({fault.sequence})"
    return _issue(
        "warning" if fault.severity == "W" else "error",
        fault.text,
        "record quarantined",
        source=place if fault.field is None else f"{place}-{fault.field}",
    )


def _issue(
    severity: Literal["error", "warning", "information"],
    reason: str,
    action: str,
    code: Literal["structure", "charset"] = "structure",
    *,
    source: str = "",
) -> Issue:
    return Issue(
        severity=severity, code=code, row="", source_path=source, target_path="", masked="", reason=reason, action=action
    )


def transaction(mapped: Iterable[Mapped]) -> dict[str, Any]:
    """Return resources as a transaction Bundle: ``PUT Type/id``, absolute ``fullUrl``, relative references."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(one) for one in mapped]}


def _entry(one: Mapped) -> dict[str, Any]:
    place = f"{one.type}/{one.id}"
    return {"fullUrl": f"{BASE}/{place}", "resource": with_secrets(one), "request": {"method": "PUT", "url": place}}


def with_secrets(one: Mapped) -> dict[str, Any]:
    """Return a body with the BSN, which the store keeps apart, where a provider expects it: first among the identifiers."""
    number = one.secrets.get("bsn")
    if number is None:
        return one.body
    return {**one.body, "identifier": [{"system": BSN, "value": number}, *one.body.get("identifier", ())]}
