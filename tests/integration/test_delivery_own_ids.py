"""A portal that gives its own ids and fails half-way: whatever it took, a withdrawal takes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from psycopg.types.json import Jsonb

from connectors.portals.member_fhir.answers import raise_for
from connectors.portals.member_fhir.sink import MemberFhir
from gateway import consent
from gateway.outbox import deliver_lane, due_lanes
from tests.contract.test_member_fhir_by_key import Server
from tests.integration.store_world import World, filled, open_world

SETTINGS = {"base_url": "https://portal.example", "ids": "portal", "secrets": {"key": "/dev/null"}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()

    def call(_: MemberFhir, __: Any, method: str, url: str, **request: Any) -> httpx2.Response:
        answer = server(httpx2.Request(method, url, **request))
        raise_for(answer, writes=method != "GET")
        return answer

    monkeypatch.setattr(MemberFhir, "_call", call)
    return server


@pytest.fixture
def world(module_database_url: str, server: Server) -> Iterator[World]:
    world = open_world(module_database_url)
    with world.database:
        with world.database.transaction(world.org) as db:
            db.execute("update portal set settings = settings || %s", (Jsonb(SETTINGS),))
        filled(world)
        server.member = world.link("50", "private-medical")
        world.disclose()
        yield world


def turn(world: World) -> None:
    for lane in due_lanes(world.gateway, world.org, 10):
        deliver_lane(world.gateway, world.org, lane)


# What the server does from its so-many-th request on, of which the third is the search after the first making; or always.
@pytest.mark.parametrize(
    ("failing", "how"),
    [("down_after", 2), ("down_after", 3), ("refuses_after", 2), ("refuses_after", 9), ("finds", False), ("garbled_after", 9)],
)
def test_what_a_portal_took_before_it_failed_is_taken_back_at_a_withdrawal(
    world: World, server: Server, failing: str, how: Any
) -> None:
    well = getattr(server, failing)
    setattr(server, failing, how)
    turn(world)
    assert server.held

    setattr(server, failing, well)
    consent.withdraw(world.gateway, world.org, client="1001", person="50")
    for _ in range(5):
        turn(world)
        world.clock.pass_time(hours=1)

    assert server.held == {}
    assert {row.state for row in world.rows("select state from disclosure_ledger")} == {"retracted"}
    assert world.rows("select id from outbox") == []
