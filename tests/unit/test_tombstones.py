"""Tombstones: one for each type that is ever disclosed, with all that FHIR R4 asks of it and nothing of the content."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from connectors.portals.member_fhir import TYPES
from gateway.connector import RemoteState
from gateway.jsonbytes import loads
from gateway.outbox.tombstone import FORMS, hash_of, is_gone, tombstone

ELEMENTS: dict[str, Any] = json.loads(files("gateway.mapping.r4").joinpath("elements.json").read_text(encoding="utf-8"))
SAID = {"entered-in-error", "inactive", "retired", "masked", "plan", "declined", False}
WHO = {"resourceType", "id"}


def held(type_: str, **changes: Any) -> RemoteState:
    """What a portal shows of a tombstone, with its own meta."""
    body = {**loads(tombstone(type_, "x") or b"{}"), "meta": {"versionId": "7", "lastUpdated": "2026-11-20T07:00:00Z"}, **changes}
    return RemoteState(type=type_, id="x", body=json.dumps(body).encode())


def leaves(value: Any) -> list[Any]:
    """Return every value in a resource but addresses of what the values mean."""
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() if name not in ("url", "system") for leaf in leaves(inner)]
    return [leaf for inner in value for leaf in leaves(inner)] if isinstance(value, list) else [value]


def test_every_type_that_is_disclosed_can_be_blanked() -> None:
    assert set(TYPES) <= set(FORMS)
    assert tombstone("Basic", "x") is None


@pytest.mark.parametrize("type_", FORMS)
def test_a_tombstone_holds_nothing_but_that_it_does_not_count(type_: str) -> None:
    body = loads(tombstone(type_, "x") or b"")
    assert (body["resourceType"], body["id"]) == (type_, "x")
    assert set(leaves({name: value for name, value in body.items() if name not in WHO})) <= SAID


@pytest.mark.parametrize("type_", sorted(set(FORMS) & set(ELEMENTS)))
def test_a_tombstone_has_every_element_that_its_type_requires_and_no_unknown_one(type_: str) -> None:
    given = {name.lstrip("_") for name in FORMS[type_]}
    known = {path.partition(".")[2]: element for path, element in ELEMENTS[type_].items() if path.count(".") == 1}
    stems = {name.removesuffix("[x]") for name in known}
    assert all(any(name.startswith(stem) for stem in stems) for name in given)
    required = {name.removesuffix("[x]") for name, element in known.items() if element["min"] > 0}
    assert {stem for stem in required if not any(name.startswith(stem) for name in given)} == set()


@pytest.mark.parametrize("type_", FORMS)
def test_a_tombstone_is_known_for_what_it_is_whatever_meta_the_portal_writes(type_: str) -> None:
    assert is_gone(held(type_))
    assert is_gone(RemoteState(type=type_, id="x", body=None))
    assert not is_gone(held(type_, note=[{"text": "still here"}]))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"meta":3}'])
def test_what_cannot_be_read_is_not_taken_for_gone(body: bytes) -> None:
    assert hash_of(RemoteState(type="Observation", id="x", body=body)) is not None
