"""The sample portal over HTTP alone: who gives rights has proved twice who they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from tests.gateway_double import GatewayDouble, serving
from tests.portal_visits import JSON, WINDOW, code_in, signed_in
from tests.sample_portal import running_portal

CODE = "7K3M9PQ2XZ"
FORMS = ("beheer", "beheer/nagaan", "beheer/verwijderen", "beheer/weg", "uitnodigen", "uitnodigen/intrekken")
INVITATION = {"aanbieder": "linde", "niveau": "private-medical", "email": "ik-zelf@voorbeeld.example"}


@pytest.fixture
def linde() -> Iterator[GatewayDouble]:
    with serving(GatewayDouble(code="linde", name="Thuiszorg De Linde", letters={CODE: str(uuid4())})) as double:
        yield double


@pytest.fixture
def visitor(linde: GatewayDouble, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A browser without scripts, whose owner was here before and signed in again without a second proof."""
    providers = tmp_path / "providers.json"
    providers.write_text(json.dumps([linde.provider()]), encoding="utf-8")
    with running_portal(tmp_path, "--providers", str(providers)) as portal, httpx2.Client(base_url=portal.base) as client:
        portal.http.post(f"{portal.base}/_sample/accounts", json=[{"account": "anna", "name": "Anna Bos", "members": []}])
        signed_in(client, "anna")
        client.post("/afmelden")
        client.post("/aanmelden", data={"account": "anna"})
        yield client


def linked(visitor: httpx2.Client) -> str:
    """Make a page and link it; return its address."""
    made = visitor.post("/zorgpagina", data={"titel": "De zorg van moeder"}).headers["location"].removesuffix("/koppelen")
    answer = visitor.post(f"{made}/koppelen", data={"aanbieder": "linde", "code": CODE})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{made}/beheer")
    return str(made)


@pytest.mark.row("C18")
def test_without_the_second_proof_no_form_of_the_administrator_is_taken(visitor: httpx2.Client, linde: GatewayDouble) -> None:
    base = linked(visitor)
    asked = list(linde.asked)

    answers = [visitor.post(f"{base}/{form}", data=INVITATION) for form in FORMS]

    assert [answer.status_code for answer in answers] == [403] * len(FORMS)
    assert all(f'href="/bevestigen?naar={base}/beheer"' in answer.text for answer in answers)
    assert linde.asked == asked
    assert linde.invitations == {}


@pytest.mark.row("C18")
def test_with_the_second_proof_the_same_form_is_taken_until_signing_out(visitor: httpx2.Client, linde: GatewayDouble) -> None:
    base = linked(visitor)
    visitor.post("/bevestigen", data={"hoe": "mobile", "naar": f"{base}/beheer"})
    code = code_in(visitor.get(f"{WINDOW}?account=anna", headers=JSON).json()[0])
    assert visitor.post("/bevestigen/code", data={"code": code}).headers["location"] == f"{base}/beheer"

    assert visitor.post(f"{base}/uitnodigen", data=INVITATION).status_code == 303
    assert len(linde.invitations) == 1

    visitor.post("/afmelden")
    visitor.post("/aanmelden", data={"account": "anna"})
    assert visitor.post(f"{base}/uitnodigen", data=INVITATION).status_code == 403
    assert len(linde.invitations) == 1
