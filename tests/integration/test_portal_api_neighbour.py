"""The portal API as the sample portal speaks it: its own client against ours, from the letter to taking somebody off the page."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from samples.portal.errors import NotThere, TooOften
from samples.portal.providers import Gateway, Provider, Wish
from tests.integration.portal_api_world import held, portals


@pytest.mark.row("C1")
@pytest.mark.row("C2")
@pytest.mark.row("C3")
@pytest.mark.row("M3")
def test_the_sample_portals_own_client_links_invites_simulates_saves_and_removes(database_url: str, tmp_path: Path) -> None:
    with portals(database_url, tmp_path) as (portal, _):
        gateway = Gateway(Provider(code="delinde", name="De Linde", url=portal.address, token=portal.token))
        page = str(uuid4())
        administrator = gateway.redeem(portal.letter(), "acc-1", page).member
        assert [one.administrator for one in gateway.rights(page, administrator).people] == [True]

        invited = gateway.invite(page, administrator, Wish(level="basic"))
        other = gateway.invite(page, administrator, Wish(level="private-medical", classes=["calendar"]))
        gateway.withdraw(page, administrator, str(other.invitation))
        assert [one.state for one in gateway.invitations(page, administrator)] == ["proposed", "withdrawn"]
        with pytest.raises(NotThere):
            gateway.decline(other.token, "acc-3")
        member = gateway.accept(invited.token, "acc-2").member
        held(portal, member)

        wish = Wish(level="private-medical")
        assert gateway.simulate(page, administrator, member, wish).classes["report"].delivering == 1
        gateway.save(page, administrator, member, wish)
        assert "Observation" in held(portal, member)
        assert any(
            one.code == "read-stays-read" for one in gateway.simulate(page, administrator, member, Wish(level="none")).warnings
        )
        gateway.remove(page, administrator, member)
        assert held(portal, member) == set()

        for _ in range(5):
            with pytest.raises(NotThere):
                gateway.redeem("AAAAA-AAAAA", "acc-9", page)
        with pytest.raises(TooOften):
            gateway.redeem("AAAAA-AAAAA", "acc-9", page)
