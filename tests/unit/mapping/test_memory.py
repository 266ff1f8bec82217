"""What is remembered between messages: never of a client, never across sources, never more than a bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct

from api.bench.messages import KINDS, messages
from gateway.identity import IdSpace
from gateway.jsonbytes import dumps
from gateway.mapping.convert import RowFacts
from gateway.mapping.engine import MappingSet
from gateway.mapping.memory import LONGEST, MOST_SOURCES, MOST_TEXTS, MOST_TOGETHER, Memories
from gateway.mapping.versions import compile_shipped
from gateway.model import MapResult, SourceRecord

ONE = IdSpace(namespace=UUID(int=1), hash_key=b"one")
OTHER = IdSpace(namespace=UUID(int=2), hash_key=b"other")
SENDERS = (b"ECD^2.16.840.1.113883.2.4.6.6.9001^ISO", b"AGB^1.2.3^ISO")


def fresh() -> MappingSet:
    """Return the shipped maps of a process that has seen no message yet."""
    maps = compile_shipped("hl7v2")
    return replace(maps, memories=Memories(maps.memories.rows))


@pytest.fixture
def maps() -> MappingSet:
    return fresh()


def mapped(maps: MappingSet, kind: str, body: bytes, *, system: str = "vesta", ids: IdSpace = ONE) -> MapResult:
    return maps.map(SourceRecord(system=system, kind=kind, stream="hl7v2", key="1", body=body), ids)


def written(result: MapResult) -> list[tuple[Any, ...]]:
    return [(one.type, one.id, dumps(one.body), sorted(one.references), one.patient, one.issues) for one in result.mapped]


def kept(value: Any) -> Iterator[str]:
    """Yield every text in what a memory holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from kept(name)
            yield from kept(part)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            yield from kept(part)
    elif isinstance(value, Struct) and hasattr(value, "body"):
        yield from kept(value.body)


def test_nothing_about_a_client_is_remembered(maps: MappingSet) -> None:
    for kind in KINDS:
        for body in messages(kind, 40, 5):
            assert mapped(maps, kind, body).mapped
    (memory,) = maps.memories.known.values()
    texts = list(kept([slot for slot in memory.slots if type(slot) is dict]))
    assert any("Bakker" in text for text in texts), "the staff is"
    for kind in KINDS:
        for body in messages(kind, 40, 5):
            pid = next(line for line in body.decode().split("\r") if line.startswith("PID|")).split("|")
            numbers = [one.partition("^")[0] for one in pid[3].split("~")]
            said = {*numbers, pid[7], pid[11].partition("^")[0], pid[13].partition("^")[0], pid[5].partition("&")[0]}
            assert said.isdisjoint(texts)
            assert not any(pid[5].partition("&")[0] in text for text in texts)


def test_sources_in_turn_get_what_each_gets_alone(maps: MappingSet) -> None:
    def asked() -> Iterator[tuple[str, bytes, str, IdSpace]]:
        for kind in KINDS:
            for body in messages(kind, 3, 9):
                for sender in SENDERS:
                    for system, ids in (("vesta", ONE), ("vesta", OTHER), ("ceres", ONE)):
                        yield kind, body.replace(SENDERS[0], sender), system, ids

    together = [written(mapped(maps, kind, body, system=system, ids=ids)) for kind, body, system, ids in asked()]
    alone: dict[tuple[str, IdSpace, bytes], MappingSet] = {}
    for (kind, body, system, ids), found in zip(asked(), together, strict=True):
        key = (system, ids, body[9:60])
        own = alone.setdefault(key, fresh())
        assert written(mapped(own, kind, body, system=system, ids=ids)) == found
    assert len(maps.memories.known) == len(alone) == 6


def test_a_value_that_is_known_is_what_it_was_when_it_was_learned(maps: MappingSet) -> None:
    bodies = [(kind, body) for kind in KINDS for body in messages(kind, 10, 3)]
    first = [written(mapped(fresh(), kind, body)) for kind, body in bodies]
    assert [written(mapped(maps, kind, body)) for kind, body in bodies] == first
    assert [written(mapped(maps, kind, body)) for kind, body in reversed(bodies)] == first[::-1]


def test_lineage_of_what_is_remembered_is_that_of_the_message_at_hand(maps: MappingSet) -> None:
    for body in messages("adt", 4, 4):
        later = body.replace(b"PD1||||", b"PD1|||dr. Elders|", 1)
        for sent in (body, later):
            doctors = [one for one in mapped(maps, "adt", sent).mapped if one.type == "Practitioner"]
            numbers = [line for one in doctors for line in one.lineage if line.path == "identifier[0].value"]
            assert [sent[slice(*line.offset or ())] for line in numbers] == [
                dumps(one.body["identifier"][0]["value"])[1:-1] for one in doctors
            ]


def test_memory_is_bounded_in_texts_their_length_and_sources() -> None:
    memories = Memories([None, RowFacts()])
    memory = memories.of("vesta", ONE, ())
    known = memory.slots[0]
    for number in range(MOST_TEXTS + 10):
        memory.keep(known, f"text {number}", number)
    assert len(known) == 10
    memory.keep(known, "x" * (LONGEST + 1), 1)
    memory.keep(known, "^somebody wrote this", 1)
    assert len(known) == 10
    memory.keep_all(known, tuple(map(str, range(MOST_TOGETHER + 1))), ())
    assert len(known) == 10
    for number in range(MOST_TEXTS + 10):
        memory.keep_all(known, ("text", str(number)), ())
    assert len(known) == 20
    for number in range(MOST_SOURCES * 3):
        memories.of("vesta", ONE, (str(number),))
    assert len(memories.known) <= MOST_SOURCES
