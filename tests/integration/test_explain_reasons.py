"""What a reason says of this client at this portal: who decides at the client's age, and which sign-in is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.insight.explain import explain
from tests.integration.store_world import World, filled, open_world


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    filled(opened)
    yield opened
    opened.database.close()


@pytest.fixture
def report(world: World) -> str:
    return world.ref("Observation", "1")


@pytest.mark.parametrize(
    ("born", "parental", "says"),
    [
        ("2018-05-01", False, "de ouders, en wat het kind zelf gaf, telt niet"),
        ("2013-05-01", True, "beslist samen met de ouders"),
        ("2009-05-01", True, "beslist zelf"),
    ],
    ids=["under 12", "12 to 15", "16 and older"],
)
def test_the_age_gate_says_who_decides_at_the_clients_age(
    world: World, report: str, born: str, parental: bool, says: str
) -> None:
    member = world.link("50", "private-medical")
    world.one("update client set birth_date = %s where id = %s returning id", born, world.client())
    world.one("update trust_grant set parental = %s where org = %s and superseded_at is null returning id", parental, world.org)

    answer = explain(world.gateway, world.org, member, report)

    assert answer.code == "age-gate"
    assert says in answer.nl


def test_a_sign_in_that_is_too_weak_is_told_by_its_levels_and_nothing_that_the_member_does_helps(
    world: World, report: str
) -> None:
    member = world.link("50", "private-medical")
    world.one("update organisation set dossier_acr = 3 where id = %s returning id", world.org)

    answer = explain(world.gateway, world.org, member, report)

    assert (answer.code, answer.change) == ("step-up-missing", "step-up")
    assert "reaches level 2, the organisation asks level 3" in answer.en
    assert "haalt niveau 2, de organisatie vraagt hiervoor niveau 3" in answer.nl
    assert answer.nl.endswith("een extra aanmeldstap van deze persoon of een ander recht helpt niet.")
