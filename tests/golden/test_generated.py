"""What holds for every record of a generated organisation: lineage, agreement with the maker's own truth, and who may be referred to."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from gateway.disclosure.classes import _read
from gateway.disclosure.decide import AUDIENCES, ClassRule
from gateway.jsonbytes import dumps, loads
from gateway.mapping.tables import WIDTH
from gateway.mapping.versions import compile_shipped, shipped_files
from gateway.model import Mapped, MapResult, SourceRecord
from samples.ecd.records import World
from samples.ecd.truth import truth_lines
from tests.conformance.produced import IDS, sample, source_records

CLIENTS: Final = 15
CLOSED: Final = frozenset({"V", "confidential", "hidden"})
DIRECTORY: Final = frozenset({"Practitioner", "PractitionerRole", "Organization"})
CANARY: Final = re.compile(rb"KANARIE-\d+")
STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """An organisation, and what the maps make of each of its records."""

    world: World
    results: Mapping[tuple[str, str], tuple[SourceRecord, MapResult]]
    rules: Mapping[str, ClassRule]

    def resources(self) -> Iterator[tuple[SourceRecord, Mapped]]:
        """Yield every resource with its record."""
        for record, result in self.results.values():
            for mapped in result.mapped:
                yield record, mapped

    def closed(self, mapped: Mapped) -> bool:
        """Whether no family member may see a resource, whatever their level."""
        rule = self.rules.get(mapped.class_)
        return bool(mapped.labels & CLOSED) or rule is None or mapped.audience == "provider"

    def width(self, mapped: Mapped) -> int:
        """Return how wide the audience of a resource is; nobody at all is 0."""
        audience = mapped.audience or self.rules[mapped.class_].audience
        assert audience in AUDIENCES
        return 0 if self.closed(mapped) else WIDTH[audience]


@pytest.fixture(scope="module")
def generated() -> Generated:
    world = sample(CLIENTS)
    maps = compile_shipped("ons")
    return Generated(
        world=world,
        results={(record.stream, record.key): (record, maps.map(record, IDS)) for record in source_records(world)},
        rules=_read(shipped_files("ons")["class_map.csv"]),
    )


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{path}[{number}]")
    elif value is not None:
        yield path


def _found(record: Any, path: str) -> bool:
    """Whether a path with indexes leads to a value of the record; ``.`` is the record itself."""
    node = record
    for name, number in STEP.findall(path if path != "." else ""):
        node = node[int(number)] if number else node.get(name)
        if node is None:
            return False
    return True


def test_every_leaf_has_exactly_one_line_of_lineage(generated: Generated) -> None:
    for _, mapped in generated.resources():
        lines = Counter(line.path for line in mapped.lineage)
        assert set(_leaves(mapped.body, "")) - {"resourceType"} == set(lines) - {"resourceType"}, mapped.type
        assert max(lines.values()) == 1, mapped.type


def test_every_line_of_lineage_points_at_a_value_of_the_record(generated: Generated) -> None:
    for record, mapped in generated.resources():
        body = loads(record.body)
        lost = {line.source for line in mapped.lineage if line.origin == "source" and not _found(body, line.source or "")}
        assert lost == set(), (record.kind, mapped.type)


def test_every_record_yields_the_resources_that_its_maker_counts(generated: Generated) -> None:
    """The generator's truth names, per part of a record, how many resources of each type there must be, and why nobody sees them."""
    parts = {(line["stream"], line["key"], line["part"]): line for line in truth_lines(generated.world) if "stream" in line}
    wanted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (stream, key, _), line in parts.items():
        wanted[stream, key].update(line["yields"])

    for place, counts in wanted.items():
        assert Counter(mapped.type for mapped in generated.results[place][1].mapped) == counts, place[0]


def test_nothing_is_quarantined(generated: Generated) -> None:
    assert {result.outcome for _, result in generated.results.values()} <= {"ok", "ok-with-issues", "set-aside"}


def test_what_no_family_may_read_stands_in_closed_resources_only(generated: Generated) -> None:
    marked = [mapped for _, mapped in generated.resources() if CANARY.search(dumps(mapped.body))]

    assert marked
    assert [mapped.type for mapped in marked if not generated.closed(mapped)] == []


def test_references_never_go_to_a_narrower_audience(generated: Generated) -> None:
    known = {f"{mapped.type}/{mapped.id}": mapped for _, mapped in generated.resources()}
    for mapped in known.values():
        width = 0 if generated.closed(mapped) else generated.width(mapped)
        for reference in mapped.references:
            assert width <= generated.width(known[reference]), (mapped.type, reference.partition("/")[0])


def test_a_bsn_stands_in_no_body(generated: Generated) -> None:
    numbers = {client["bsn"].encode() for client in generated.world["clients"].all()}
    for _, mapped in generated.resources():
        assert not any(number in dumps(mapped.body) for number in numbers), mapped.type


def test_every_clinical_resource_is_in_the_compartment_of_its_client(generated: Generated) -> None:
    for record, mapped in generated.resources():
        raw = loads(record.body)
        client = raw["id"] if record.kind == "client" else raw.get("clientId")
        if record.kind == "agenda_occurrence":
            client = raw["agendaClientInvitations"][0]["clientId"]
        expected = None if mapped.type in DIRECTORY else IDS.resource_id(record.system, "Patient", f"client/{client}")
        assert mapped.patient == expected, mapped.type
