"""Does the portal hold exactly what the sample organisation says each person may have?

The truth comes from the generator, the facts from the portal's own store; the gateway is asked only for the names of
its members and, last, for its ledgers. A difference names the record, the member and what is wrong.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

DIRECTORY: Final = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location"})
GATEWAYS_OWN: Final = frozenset({"CareTeam"})
CANARY: Final = re.compile(rb"KANARIE-[0-9A-Za-z-]+")
REFERENCE: Final = re.compile(rb'"reference": ?"([A-Z][A-Za-z]+/[^"]+)"')
RECORD: Final = re.compile(r"/record/(?P<system>[^/]+)/(?P<stream>[^#]+)#(?P<key>.+)$")
WRITES: Final = "select member, type, id, op, body from version order by seq"
VOLATILE: Final = frozenset({"versionId", "lastUpdated", "source"})

# What a reduced resource may consist of; one key more makes it whole.
REDUCED: Final[Mapping[str, frozenset[str]]] = {
    "Appointment": frozenset({"resourceType", "id", "meta", "status", "start", "end", "participant", "serviceType", "comment"}),
    "Patient": frozenset({"resourceType", "id", "meta", "name"}),
    "RelatedPerson": frozenset({"resourceType", "id", "meta", "patient", "name", "relationship"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One accepted write in the portal's store, in the order in which it came; ``body`` is empty for a delete."""

    member: str
    type: str
    id: str
    op: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as it should be: ``lie`` says which kind, ``key`` where."""

    lie: str
    key: str
    detail: str


@dataclass(slots=True)
class _Expected:
    """What one member should have of one record: types with their number, how many of them whole; what must be in it; why when nothing."""

    yields: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    says: Counter[str] = field(default_factory=Counter)
    reasons: set[str] = field(default_factory=set)


def compare(truth: Iterable[Mapping[str, Any]], writes: Iterable[Write], members: Mapping[str, str]) -> list[Difference]:
    """Compare; ``members`` maps the generator's ``client/person`` to the member's name at the portal."""
    history = list(writes)
    expected = _expectations(truth, members)
    differences = [*_sent_twice(history), *_canaries(history), *_leading_outside(history)]
    held = _held(history)
    for place in sorted(expected.keys() | held.keys()):
        differences += _compare_record(place, expected.get(place), held.get(place, []))
    return differences


def _expectations(truth: Iterable[Mapping[str, Any]], members: Mapping[str, str]) -> dict[tuple[str, str, str], _Expected]:
    expected: dict[tuple[str, str, str], _Expected] = defaultdict(_Expected)
    for line in truth:
        if not line.get("member_key"):
            continue
        one = expected[line["stream"], str(line["key"]), members[line["member_key"]]]
        if line["expect"] == "never":
            one.reasons.add(line["reason"])
            continue
        one.yields.update(line["yields"])
        one.says.update(line.get("says", ()))
        if line["expect"] == "whole":
            one.whole.update(line["yields"])
    return expected


def _held(history: list[Write]) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """Group what the portal holds now by (stream, record key, member). The directory and the gateway's own are apart."""
    current: dict[tuple[str, str, str], bytes] = {}
    for write in history:
        place = (write.member, write.type, write.id)
        if write.op == "delete":
            current.pop(place, None)
        else:
            current[place] = write.body
    held: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for (member, kind, _), body in current.items():
        if kind not in DIRECTORY | GATEWAYS_OWN:
            resource = json.loads(body, parse_float=str)
            stream, key = _record_of(resource)
            held[stream, key, member].append(resource)
    return held


def _record_of(resource: Mapping[str, Any]) -> tuple[str, str]:
    found = RECORD.search(resource.get("meta", {}).get("source", ""))
    return (found["stream"], found["key"]) if found else ("?", f"{resource['resourceType']}/{resource['id']}")


def _compare_record(place: tuple[str, str, str], expected: _Expected | None, held: list[dict[str, Any]]) -> Iterator[Difference]:
    stream, key, member = place
    name = f"{stream}#{key} for {member}"
    counts = Counter(resource["resourceType"] for resource in held)
    if expected is None:
        yield Difference(lie="swapped-member", key=name, detail=f"this member has no part in the record, holds {dict(counts)}")
        return
    missing, extra = expected.yields - counts, counts - expected.yields
    if missing:
        yield Difference(lie="dropped", key=name, detail=f"missing {dict(missing)}")
    if extra:
        reasons = ", ".join(sorted(expected.reasons)) or "more than the record gives"
        yield Difference(lie="delivered-though-withheld", key=name, detail=f"{dict(extra)} although: {reasons}")
    for kind in sorted(REDUCED.keys() & (counts.keys() | expected.yields.keys())):
        if not missing[kind] and not extra[kind]:
            yield from _compare_shapes(name, kind, expected.whole[kind], [one for one in held if one["resourceType"] == kind])
    lost = sorted(expected.says.keys() - {text for resource in held for text in _texts(resource)})
    if lost and not missing:
        yield Difference(lie="garbled", key=name, detail=f"{len(lost)} of the values told are not in it")


def _compare_shapes(name: str, kind: str, whole: int, held: list[dict[str, Any]]) -> Iterator[Difference]:
    """Compare how many of one type are more than the reduced form with how many should be."""
    beyond = [found for resource in held if (found := sorted(resource.keys() - REDUCED[kind]))]
    if len(beyond) > whole:
        yield Difference(lie="reduced-sent-whole", key=name, detail=f"{kind} carries {', '.join(beyond[-1])}")
    elif len(beyond) < whole:
        yield Difference(lie="whole-sent-reduced", key=name, detail=f"{kind} carries no more than the reduced form")


def _texts(value: Any) -> Iterator[str]:
    """Yield every text and number in a resource; a number with the digits it was written with."""
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
    else:
        yield str(value)


def _sent_twice(history: list[Write]) -> Iterator[Difference]:
    """The same content written again, without a retraction between (I2)."""
    last: dict[tuple[str, str, str], bytes] = {}
    for write in history:
        place = (write.member, write.type, write.id)
        if write.op == "delete":
            last.pop(place, None)
            continue
        before = last.get(place)
        if before is not None and _content(before) == _content(write.body):
            yield Difference(lie="sent-twice", key=f"{write.type}/{write.id} for {write.member}", detail="equal content")
        last[place] = write.body


def _content(body: bytes) -> str:
    resource = json.loads(body, parse_float=str)
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in VOLATILE}
    return json.dumps({**resource, "meta": meta}, sort_keys=True)


def _canaries(history: list[Write]) -> Iterator[Difference]:
    """A hidden or confidential text that ever reached the portal, also in an old version."""
    for write in history:
        for canary in sorted(set(CANARY.findall(write.body))):
            name = f"{write.type}/{write.id} for {write.member}"
            yield Difference(lie="delivered-though-withheld", key=name, detail=f"canary {canary.decode()}")


def _leading_outside(history: list[Write]) -> Iterator[Difference]:
    """A reference to something that the member doesn't hold: it leads to what isn't theirs, or nowhere."""
    current = {(write.member, f"{write.type}/{write.id}"): write for write in history}
    current = {place: write for place, write in current.items() if write.op != "delete"}
    for (member, name), write in current.items():
        for found in sorted(set(REFERENCE.findall(write.body))):
            if (member, found.decode()) not in current:
                yield Difference(
                    lie="leads-outside", key=f"{name} for {member}", detail=f"refers to {found.decode().partition('/')[0]}"
                )


def held_by_kind(writes: Iterable[Write]) -> Counter[str]:
    """Count what the portal holds now by resource type: the figure that the gateway's ledger must agree with."""
    alive: dict[tuple[str, str, str], str] = {}
    for write in writes:
        place = (write.member, write.type, write.id)
        if write.op == "delete":
            alive.pop(place, None)
        else:
            alive[place] = write.type
    return Counter(alive.values())


def portal_writes(store: Path) -> Iterator[Write]:
    """Read every write that the portal accepted, in order, from its own store and not through its interface."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        for member, kind, identity, op, body in database.execute(WRITES):
            yield Write(member=member, type=kind, id=identity, op=op, body=body or b"")
