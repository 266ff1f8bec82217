"""The portal API: what the care organisation decided outlives letters, invitations and administrators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import consent
from tests.integration.portal_api_world import Portal, portals


@pytest.fixture
def portal(module_database_url: str, tmp_path: Path) -> Iterator[Portal]:
    with portals(module_database_url, tmp_path) as (found, _):
        yield found


def act(calling: Portal, operation: Any, **values: Any) -> Any:
    return operation(calling.world.gateway, calling.world.org, client="1001", **values)


# Letters and invitations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["withdraw", "withdraw everybody", "suspend", "unlink"])
def test_an_open_letter_goes_with_the_rights_of_its_reader(portal: Portal, how: str) -> None:
    portal.world.link("51", "basic")
    code = portal.letter("51")
    if how == "unlink":
        act(portal, consent.unlink, portal="familie", person="51")
    elif how == "suspend":
        act(portal, consent.suspend, person="51")
    else:
        act(portal, consent.withdraw, **({} if how.endswith("everybody") else {"person": "51"}))

    assert portal.redeem(code).status_code == 404
    portal.world.disclose()
    portal.world.deliver()
    assert portal.world.held("51") == {}


def test_a_letter_to_somebody_who_has_nothing_yet_goes_when_everybodys_rights_are_withdrawn(portal: Portal) -> None:
    code = portal.letter("51")

    act(portal, consent.withdraw)

    assert portal.redeem(code).status_code == 404


def test_no_letter_gives_a_level_while_rights_are_suspended(portal: Portal) -> None:
    portal.world.link("51", "basic")
    act(portal, consent.suspend, person="51")

    assert portal.redeem(portal.letter("51")).status_code == 409


def test_open_invitations_go_when_everybodys_rights_are_withdrawn(portal: Portal) -> None:
    page, administrator = portal.page()
    token = portal.invite(page, administrator)["token"]

    act(portal, consent.withdraw)

    assert portal.accept(token).status_code == 404
