"""The portal API: a page is about one client, also when organisations of one installation share it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.consent.pages import close_page
from tests.integration.portal_api_world import Portal, portals, wrong

BSN, OTHER_BSN = "999990019", "999990020"


@pytest.fixture
def portal(module_database_url: str, tmp_path: Path) -> Iterator[Portal]:
    with portals(module_database_url, tmp_path) as (found, _):
        yield found


@pytest.fixture
def elsewhere(module_database_url: str, tmp_path: Path) -> Iterator[Portal]:
    """The portal at another organisation of the same installation."""
    folder = tmp_path / "other"
    folder.mkdir()
    with portals(module_database_url, folder) as (found, _):
        yield found


def known_page(portal: Portal, bsn: str | None) -> tuple[str, str]:
    """Link a page about a client whose BSN is this; return it with its administrator's member."""
    portal.world.store(portal.world.patient(bsn=bsn))
    return portal.page()


@pytest.mark.row("C1")
def test_a_page_has_a_lane_for_each_organisation(portal: Portal, elsewhere: Portal) -> None:
    page, member = known_page(portal, BSN)
    elsewhere.world.store(elsewhere.world.patient(bsn=BSN))
    told = elsewhere.redeem(elsewhere.letter(), page=page).json()

    assert told["page"] == page
    assert told["member"] != member
    assert told["organisation"] != {"code": "", "name": ""}
    assert elsewhere.ask("GET", f"pages/{page}/rights?administrator={member}").status_code == 404
    assert elsewhere.ask("GET", f"pages/{page}/rights?administrator={told['member']}").status_code == 200


@pytest.mark.row("C4")
@pytest.mark.parametrize(("here", "there"), [(BSN, OTHER_BSN), (BSN, None), (None, BSN), (None, None)])
def test_a_page_is_about_one_client_at_every_organisation(
    portal: Portal, elsewhere: Portal, here: str | None, there: str | None
) -> None:
    page, _ = known_page(portal, here)
    elsewhere.world.store(elsewhere.world.patient(bsn=there))
    code = elsewhere.letter()

    refused = elsewhere.redeem(code, page=page)

    assert wrong(refused)[0] == 409
    assert refused.json()["code"] == "other-client"
    assert not [bsn for bsn in (BSN, OTHER_BSN) if bsn in refused.text]
    assert elsewhere.world.rows("select * from link") == []
    assert elsewhere.world.rows("select * from care_page") == []
    assert (
        elsewhere.world.one("select detail ->> 'what' as what from audit_event where event = 'link-refused'").what
        == "other-client"
    )
    assert elsewhere.redeem(code).status_code == 201, "the code can be used on a page of its own"


def test_a_closed_page_is_still_about_its_client(portal: Portal, elsewhere: Portal) -> None:
    page, _ = known_page(portal, BSN)
    close_page(portal.world.gateway, portal.world.org, page=UUID(page))
    elsewhere.world.store(elsewhere.world.patient(bsn=OTHER_BSN))

    assert elsewhere.redeem(elsewhere.letter(), page=page).status_code == 409


def test_of_two_organisations_that_link_a_page_at_once_the_second_is_refused(portal: Portal, elsewhere: Portal) -> None:
    page, together, statuses = str(uuid4()), threading.Barrier(2), list[int]()

    def redeem(one: Portal, bsn: str) -> None:
        one.world.store(one.world.patient(bsn=bsn))
        code = one.letter()
        together.wait()
        statuses.append(one.redeem(code, page=page).status_code)

    threads = [threading.Thread(target=redeem, args=one) for one in ((portal, BSN), (elsewhere, OTHER_BSN))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201, 409]
