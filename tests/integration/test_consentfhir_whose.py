"""A Consent is of the organisation whose client it is about: another's is carried out by nobody here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.consentfhir import terms
from gateway.consentfhir.issues import Unacceptable
from gateway.jsonbytes import dumps, loads
from tests.integration.store_world import World, filled_world
from tests.integration.test_consentfhir import permit, put, recorded, shown


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        yield opened


OURS = {"system": terms.ORGANISATION, "value": "ours"}
NOT_OURS: list[Any] = [
    [{"identifier": {"system": terms.ORGANISATION, "value": "heelandereinstelling"}}],
    [{"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "ours"}}],
    [{"identifier": OURS}, {"identifier": {**OURS, "value": "heelandereinstelling"}}],
    [{"identifier": OURS, "reference": "Organization/other"}],
    [{"display": "Een andere instelling"}],
    [{"identifier": ["ours"]}],
    "ours",
]


@pytest.mark.parametrize("organization", NOT_OURS, ids=[str(place) for place in range(len(NOT_OURS))])
def test_a_consent_of_another_organisation_is_refused_and_nothing_of_it_is_carried_out(world: World, organization: Any) -> None:
    world.link("50", "basic")
    body, before = shown(world), recorded(world)
    ours = body["organization"][0]["identifier"]["value"]
    body["organization"] = loads(dumps(organization).replace(b'"ours"', dumps(ours)))
    body["provision"]["provision"] = [permit("50", "circle", "trust-group", "provider-and-trust-group")]

    with pytest.raises(Unacceptable) as refused:
        put(world, body)

    assert all(issue.at.startswith("Consent.organization") for issue in refused.value.issues)
    assert recorded(world) == before


def test_a_consent_that_names_no_organisation_is_ours(world: World) -> None:
    world.link("50")
    body = shown(world)
    del body["organization"]
    body["provision"]["provision"] = [permit("50", "circle")]

    assert put(world, body)
