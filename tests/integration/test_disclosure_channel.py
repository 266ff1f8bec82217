"""What travels to a portal tells nothing of what its member may not see: twice the same life, once with other hidden data beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from gateway import consent
from gateway.accounting import ledgers
from gateway.ledger import disclose_client, due_now
from gateway.postgres import Server
from tests.conftest import fresh_database
from tests.integration.delivery_world import World, a_world, observation, running_portal
from tests.integration.rights_world import PATIENT, VISIT, furnish, granted, linked, stored
from tests.integration.store_world import keys_of

COUNTS = """
select outbox.op, outbox.epoch, outbox.revision, outbox.state, resource.rtype || '/' || resource.rid as name
from outbox join disclosure_ledger ledger on ledger.id = ledger_id join resource using (rkey) order by outbox.id"""
Hidden = Callable[[World, int], None]


@dataclass(kw_only=True)
class Seen:
    """All that leaves for the portal or tells of it."""

    requests: list[tuple[str, str, bytes]]
    outbox: list[Any]
    logged: list[Any]
    counted: dict[str, dict[str, int]]
    held: dict[str, str]


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str, bytes]]]:
    """Record what is asked of a member's compartment: which, in which order, with which bytes. Tokens carry the time and are left out."""
    found: list[tuple[str, str, bytes]] = []
    send = httpx2.Client.send

    def recording(self: httpx2.Client, request: httpx2.Request, **options: Any) -> httpx2.Response:
        address = urlsplit(str(request.url))
        if address.path.startswith("/fhir/"):
            found.append((request.method, f"{address.path}?{address.query}", request.read()))
        return send(self, request, **options)

    with monkeypatch.context() as patched:
        patched.setattr(httpx2.Client, "send", recording)
        yield found


def lived(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, hidden: Hidden) -> Seen:
    """Live through a client's life at a portal with a basic member; ``hidden`` changes what that member may not see, at three moments."""
    folder.mkdir()
    with fresh_database(server) as dsn, running_portal(folder) as portal:
        world = a_world(dsn, portal)
        ring = keys_of("same")
        world.gateway = replace(world.gateway, keys=lambda _: ring)
        with world.gateway.database, recorded(monkeypatch) as requests, capture_logs() as logged:
            furnish(world)
            hidden(world, 0)
            outbox: list[Any] = []
            member = linked(world, "basic")
            for number in (1, 2):
                world.clock.forward(hours=4)
                stored(world, {**VISIT, "start": f"2026-11-2{number}T09:00:00+01:00"}, "calendar")
                hidden(world, number)
                consent.set_grant(
                    world.gateway,
                    world.org,
                    client=world.client_id,
                    person="61",
                    level="basic",
                    valid_to=world.clock().replace(year=2030 + number),
                )
                # A birth date that changed is decided about at once, before anything goes.
                for client in due_now(world.gateway, world.org, 10):
                    disclose_client(world.gateway, world.org, client)
                outbox.append([tuple(row) for row in world.rows(COUNTS)])
                world.deliver()
            held = portal.holds(member)
            granted(world, "none")
            outbox.append([tuple(row) for row in world.rows(COUNTS)])
            lines = ledgers(world.gateway, world.org).disclosure
        counted = {line.kind: {fate: many for fate, many in line.fates.items() if fate != "withheld"} for line in lines}
    return Seen(
        requests=requests,
        outbox=outbox,
        logged=logged,
        counted={kind: fates for kind, fates in counted.items() if fates},
        held=held,
    )


def nothing(_: World, __: int) -> None:
    """Beside what everybody has: no hidden data at all."""


def a_great_deal(world: World, number: int) -> None:
    """Reports come, change and go; a visit is marked confidential; another is the provider's; the patient's hidden fields change."""
    for place in range(5):
        stored(
            world,
            observation(f"weight-{place}", value=f"{60 + number}.5", refers_to=["Patient/p1", "Appointment/visit"]),
            "report",
        )
    stored(world, {**VISIT, "id": "secret", "description": f"geheim {number}"}, "calendar")
    world.rows("update resource set labels = array['confidential'] where rid = 'secret'")
    stored(world, {**VISIT, "id": "unmapped"}, "unheard-of")
    if number == 2:
        world.rows("update resource set withdrawn = true where rid = 'weight-1'")


@pytest.fixture(scope="module")
def plain(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield lived(postgres_server, tmp_path_factory.mktemp("plain") / "portal", monkeypatch, nothing)


def test_a_portal_can_not_tell_whether_there_is_anything_hidden(
    postgres_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: Seen
) -> None:
    """Property 14, the channel of a portal that is pushed to: requests by byte, order and size; queues; log lines; counts."""
    full = lived(postgres_server, tmp_path / "portal", monkeypatch, a_great_deal)

    assert len(plain.requests) > 5
    assert "Appointment/visit" in plain.held
    assert full.requests == plain.requests
    assert full.outbox == plain.outbox
    assert full.logged == plain.logged
    assert full.counted == plain.counted
    assert full.held == plain.held


def test_what_a_member_may_not_see_of_what_it_sees_changes_nothing_either(
    postgres_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: Seen
) -> None:
    """Property 14: a new version whose projection is the same is no work and no request."""

    def birth_date(world: World, number: int) -> None:
        if number == 2:
            world.rows("update resource set last_updated = app_now() where rid = 'p1'")
            stored(world, {**PATIENT, "birthDate": "1941-01-01"}, "patient")

    assert lived(postgres_server, tmp_path / "portal", monkeypatch, birth_date).requests == plain.requests
