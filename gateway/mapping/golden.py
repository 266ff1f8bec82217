"""Golden pairs of a version: a message as it comes in, and beside it what becomes of it, agreed once and compared ever after.

``golden/<case>.source`` holds the message, ``golden/<case>.expected.json`` the outcome as ``written`` writes it. The kind of the record
is that of the message (HL7 v2), or the folder below ``golden/`` (``golden/report/<case>.source``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import UUID

import msgspec

from gateway.identity import IdSpace
from gateway.jsonbytes import DecodeError, canonical, dumps, loads
from gateway.mapping.engine import MappingSet
from gateway.mapping.findings import Finding
from gateway.mapping.overlay import EXPECTED, GOLDEN, SOURCE
from gateway.model import Mapped, MapResult, SourceRecord

# Fixed, so that a pair means the same on every machine.
IDS: Final = IdSpace(namespace=UUID("3f0d2b1c-9a5e-4c58-8d3b-7f6a51e0c2d4"), hash_key=b"the golden pairs and nothing else")
ER7: Final = "er7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One case; ``expected`` is ``None`` while nobody wrote down what becomes of it."""

    name: str
    source: bytes
    expected: bytes | None
    expected_name: str

    def result(self, maps: MappingSet) -> MapResult:
        """Return what becomes of the message."""
        return maps.map(self._record(maps), IDS)

    def _record(self, maps: MappingSet) -> SourceRecord:
        kind = PurePosixPath(self.name.removeprefix(GOLDEN)).parent.name or _kind(maps, self.source)
        system = maps.version_label.partition("@")[0]
        return SourceRecord(system=f"{system}-golden", kind=kind, stream=kind, key=self.name, body=self.source)


def _kind(maps: MappingSet, source: bytes) -> str:
    """Return the kind of a message that says so itself."""
    if maps.dialect.name != ER7:
        return next(iter(maps.routes)) if len(maps.routes) == 1 else ""
    from gateway import er7

    try:
        return er7.envelope(er7.parse(source)).message_type.lower()
    except er7.NotHL7:
        return ""


def pairs(files: Mapping[str, bytes]) -> list[Pair]:
    """Return the golden pairs among the files of a version, by name."""
    found = []
    for name in sorted(files):
        if name.startswith(GOLDEN) and not name.endswith(EXPECTED):
            case = name[: name.rindex(SOURCE)]
            expected = case + EXPECTED
            found.append(Pair(name=name, source=files[name], expected=files.get(expected), expected_name=expected))
    return found


def faults(files: Mapping[str, bytes], maps: MappingSet) -> Iterator[Finding]:
    """Yield each pair that doesn't hold: half of it is missing, or something else comes out."""
    found = pairs(files)
    for name in sorted(files):
        if name.startswith(GOLDEN) and name.endswith(EXPECTED) and name not in {pair.expected_name for pair in found}:
            yield Finding(name, 1, f"its message is missing: {name.removesuffix(EXPECTED)}{SOURCE}")
    for pair in found:
        problem = _problem(pair, maps)
        if problem:
            yield Finding(pair.name if pair.expected is None else pair.expected_name, 1, problem)


def _problem(pair: Pair, maps: MappingSet) -> str:
    if pair.expected is None:
        return f"what becomes of it is missing: {pair.expected_name} (mapping check --update writes it)"
    try:
        expected = loads(pair.expected)
    except DecodeError:
        return "not JSON"
    made = loads(written(pair.result(maps)))
    if canonical(expected) == canonical(made):
        return ""
    places = list(differences(expected, made, ""))
    more = f" and {len(places) - 1} more places" if len(places) > 1 else ""
    return f"something else comes out, at {places[0]}{more}"


def differences(one: Any, other: Any, path: str) -> Iterator[str]:
    """Yield the places where two JSON values differ; digits count."""
    if type(one) is dict and type(other) is dict:
        for name in dict.fromkeys([*one, *other]):
            below = f"{path}.{name}" if path else name
            if name in one and name in other:
                yield from differences(one[name], other[name], below)
            else:
                yield below
    elif type(one) is list and type(other) is list:
        for number in range(max(len(one), len(other))):
            if number < min(len(one), len(other)):
                yield from differences(one[number], other[number], f"{path}[{number}]")
            else:
                yield f"{path}[{number}]"
    elif canonical(one) != canonical(other):
        yield path or "the whole"


def written(result: MapResult) -> bytes:
    """Return a result as it stands in an expected file: every digit kept, one leaf a line, no lineage."""
    content = {
        "outcome": result.outcome,
        "reason": result.reason,
        "issues": [asdict(issue) for issue in result.issues],
        "resources": [_resource(mapped) for mapped in result.mapped],
    }
    return msgspec.json.format(dumps(content), indent=2) + b"\n"


def _resource(mapped: Mapped) -> dict[str, Any]:
    return {
        "class": mapped.class_,
        "write": mapped.write,
        "audience": mapped.audience,
        "labels": sorted(mapped.labels),
        "data_at": mapped.data_at and mapped.data_at.isoformat(),
        "patient": mapped.patient,
        "origin_portal": mapped.origin_portal,
        **({"withdrawn": True} if mapped.withdrawn else {}),
        "secrets": dict(mapped.secrets),
        "references": sorted(mapped.references),
        "body": mapped.body,
    }
