"""What the shipped maps make of Vesta's messages, held against Vesta's own truth: neither knows of the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import pytest

from gateway.disclosure.classes import _read
from gateway.identity import IdSpace
from gateway.jsonbytes import dumps
from gateway.mapping.engine import DIRECTORY
from gateway.mapping.versions import compile_shipped, shipped_files
from gateway.model import Mapped, MapResult, SourceRecord
from gateway.store.patch import merged
from samples.vendor.er7 import SENDER
from samples.vendor.sending import in_order_of_sending
from samples.vendor.story import generate
from samples.vendor.world import Message, World

SYSTEM: Final = "vesta-delinde"
IDS: Final = IdSpace(namespace=UUID("3f0d2b1c-9a5e-4c58-8d3b-7f6a51e0c2d4"), hash_key=b"vesta and nothing else")


@dataclass(slots=True)
class Held:
    """A resource as it stands, and the message that last changed it."""

    told: str
    body: dict[str, Any]
    mapped: Mapped
    withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that the maps made, and what stands after the last message."""

    world: World
    results: Mapping[str, MapResult]
    held: Mapping[str, Held]


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    world = generate(count=24, days=14, seed=7, today=date(2026, 11, 21))
    maps = compile_shipped("hl7v2")
    results = {one.key: maps.map(_record(one), IDS) for one in world.messages}
    held: dict[str, Held] = {}
    for message in in_order_of_sending(world.messages):
        for mapped in results[message.key].mapped:
            _keep(held, message.key, mapped)
    return Outcome(world=world, results=results, held=held)


def _record(message: Message) -> SourceRecord:
    return SourceRecord(
        system=SYSTEM, kind=message.kind, stream="hl7v2", key=message.key, body=message.data, source_time=message.at
    )


def _keep(held: dict[str, Held], key: str, mapped: Mapped) -> None:
    """Do what the store does with a resource, as far as it matters here."""
    name = f"{mapped.type}/{mapped.id}"
    known = held.get(name)
    if known is None:
        held[name] = Held(key, mapped.body, mapped, mapped.withdrawn)
        return
    # What is older than what stands changes nothing: so some come late, and some twice.
    if mapped.write == "ensure" or _at(mapped) < _at(known.mapped):
        return
    body = merged(known.body, mapped.body) if mapped.write == "patch" else mapped.body
    if dumps(body) != dumps(known.body) or mapped.withdrawn != known.withdrawn:
        held[name] = Held(key, body, mapped, mapped.withdrawn)


def _at(mapped: Mapped) -> datetime:
    assert mapped.source_time is not None
    return mapped.source_time


def _open(held: Held) -> bool:
    return not held.withdrawn and "V" not in held.mapped.labels and held.mapped.type not in DIRECTORY


def test_nothing_is_quarantined(outcome: Outcome) -> None:
    assert {result.outcome for result in outcome.results.values()} <= {"ok", "ok-with-issues"}


def test_what_stands_is_what_vesta_says_stands_and_by_the_same_message(outcome: Outcome) -> None:
    said = Counter((one.told, one.type) for one in outcome.world.things.values() if one.closed is None)
    made = Counter((one.told, one.mapped.type) for one in outcome.held.values() if _open(one))

    assert made == said


def test_what_vesta_closes_is_closed_for_the_reason_it_gives(outcome: Outcome) -> None:
    reasons: dict[Callable[[Held], bool], str] = {
        (lambda one: one.withdrawn): "resource-withdrawn",
        (lambda one: "confidential" in one.mapped.labels): "marked-confidential",
    }
    for holds, reason in reasons.items():
        said = {(one.told, one.type) for one in outcome.world.things.values() if one.closed == reason}
        made = {(one.told, one.mapped.type) for one in outcome.held.values() if holds(one)}

        assert said
        assert said <= made


def test_every_class_is_laid_down_with_the_audience_that_vesta_means(outcome: Outcome) -> None:
    rules = _read(shipped_files("hl7v2")["class_map.csv"])
    audiences = {"client": "circle", "relation": "circle", "visit": "circle", "dossier": "trust-group"}
    made: dict[tuple[str, str], set[str | None]] = defaultdict(set)
    for one in outcome.held.values():
        made[one.told, one.mapped.type].add(one.mapped.audience or rules[one.mapped.class_].audience)

    for thing in outcome.world.things.values():
        assert made[thing.told, thing.type] == {audiences[thing.sort]}, thing.type


def test_no_family_member_gets_a_word_that_was_to_stay_inside(outcome: Outcome) -> None:
    closed = [one for one in outcome.held.values() if b"KANARIE-" in dumps(one.body)]

    assert closed
    assert not [one.mapped.type for one in closed if _open(one)]


def test_the_numbers_in_the_links_lead_to_the_clients_and_the_people_around_them(outcome: Outcome) -> None:
    for link in outcome.world.links:
        assert f"Patient/{IDS.resource_id(SYSTEM, 'Patient', f'client/{link.client}')}" in outcome.held
        contact = f"contact/{link.client}/{SENDER}|{link.person}"
        assert f"RelatedPerson/{IDS.resource_id(SYSTEM, 'RelatedPerson', contact)}" in outcome.held
