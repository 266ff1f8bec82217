"""What our gateway delivers to a FHIR server that others wrote, which checks references and writes its own meta: all arrives, all goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api.demonstration.clock import MovableClock
from api.demonstration.linking import read_links
from api.demonstration.setup import PORTAL, configure
from api.opening import Installation, open_installation
from connectors.portals.member_fhir import PORTAL as PORTAL_SINK
from connectors.portals.member_fhir import TYPES
from gateway import consent
from gateway.canonicalise import content_hash
from gateway.connector import DeliveryItem
from gateway.context import context_for
from gateway.jsonbytes import loads
from gateway.outbox import deliver_lane, due_lanes, parked
from gateway.outbox.tombstone import hash_of
from gateway.runtime import Gateway
from gateway.verify import verify
from schedules.firing import claim_due
from schedules.sweeper import fire
from schedules.threads import Threads
from tests.conftest import reachable_folder
from tests.hapi.portal import Hapi, hapi
from tests.kills.stage import SEVEN, prepared

pytestmark = [pytest.mark.jdk, pytest.mark.timeout(900)]

CLIENTS = 8
ROUNDS = 12
LEDGER = """
select count(*) as n, count(etag) as tagged, count(*) filter (where state <> 'delivered') as rest from disclosure_ledger"""
# A family's own record and what refers to it, without what leads out of it.
STORED = """
select rtype, rid, body from resource
where not deleted and client_id = (select min(id) from client where exists (select from resource where client_id = client.id))
  and rtype in ('Patient', 'RelatedPerson', 'Goal') order by array_position(array['Patient', 'RelatedPerson', 'Goal'], rtype), rkey"""
GONE = """
select resource.rtype, resource.rid, link.member::text as member from disclosure_ledger ledger join resource using (rkey)
join link on link.id = ledger.link_id where ledger.retracted_at is not null limit 1"""


@dataclass(frozen=True, kw_only=True)
class World:
    """A care organisation of eight clients, its gateway, and HAPI as its portal; the first slot has run."""

    installation: Installation
    org: int
    hapi: Hapi
    clock: MovableClock
    links: list[dict[str, Any]]
    members: dict[str, str]

    @property
    def gateway(self) -> Gateway:
        return self.installation.gateway

    def member(self, link: dict[str, Any]) -> str:
        return self.members[f"{link['client']}/{link['person']}"]

    def one(self, query: str) -> Any:
        with self.gateway.database.transaction(self.org) as db:
            return db.execute(query).fetchone()

    def deliver(self) -> None:
        """Drain every lane, as often as its failures need."""
        for _ in range(ROUNDS):
            for lane in due_lanes(self.gateway, self.org, 500):
                deliver_lane(self.gateway, self.org, lane)
            if self.one("select count(*) as n from outbox").n == 0:
                return
            self.clock.move_to(self.clock() + timedelta(minutes=20))

    def violations(self) -> list[str]:
        """Return what verify finds, HAPI read back."""
        with self.installation.engine() as engine:
            return [f"{one.invariant} {one.what} {one.keys}" for one in verify(engine, self.org, read_back=True)]


@pytest.fixture(scope="module")
def world(maven: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("hapi")
    clock = MovableClock(SEVEN)
    with ExitStack() as stack:
        server = stack.enter_context(hapi(folder))
        organisation = stack.enter_context(prepared(reachable_folder("hapi"), clients=CLIENTS))
        files = organisation.files
        configure(files, ecd=organisation.ecd.base_url, portal=server.url)
        opened = stack.enter_context(open_installation(files.config, state=files.folder, clock=clock, embedded=True))
        org, each = opened.org(None), stack.enter_context(Threads())
        slot = claim_due(opened.gateway, org)
        assert slot is not None
        fire(opened.gateway, slot, each)
        links = read_links(files.links)
        yield World(installation=opened, org=org, hapi=server, clock=clock, links=links, members=organisation.members)


def test_everything_that_is_due_arrives_whole_and_nothing_is_set_aside(world: World) -> None:
    world.deliver()

    delivered = world.one(LEDGER)
    assert delivered.n > 300
    assert (delivered.tagged, delivered.rest) == (delivered.n, 0)
    assert parked(world.gateway, world.org) == []
    assert world.violations() == []


def test_a_version_that_somebody_else_wrote_there_is_seen_and_ours_takes_its_place(world: World) -> None:
    chosen = next(
        one for one in world.links if one["level"] == "private-medical" and world.hapi.held(world.member(one), "Appointment")
    )
    member = world.member(chosen)
    for appointment in world.hapi.held(member, "Appointment"):
        world.hapi.put(member, {**appointment, "comment": "written by another"})

    told = {"client": str(chosen["client"]), "person": str(chosen["person"])}
    patient = world.gateway.keys(world.org).ids().resource_id("ons-delinde", "Patient", f"client/{told['client']}")
    consent.set_grant(world.gateway, world.org, client=patient, person=told["person"], level="basic")
    world.deliver()

    held = world.hapi.held(member, "Appointment")
    assert held
    assert {"written by another"}.isdisjoint(one.get("comment") for one in held)
    assert not world.hapi.held(member, "Observation")
    assert parked(world.gateway, world.org) == []


def test_when_every_right_is_withdrawn_nothing_is_left_there(world: World) -> None:
    ids = world.gateway.keys(world.org).ids()
    for link in world.links:
        patient = ids.resource_id("ons-delinde", "Patient", f"client/{link['client']}")
        consent.unlink(world.gateway, world.org, portal=PORTAL, client=patient, person=str(link["person"]))
    world.deliver()

    assert world.one("select count(*) as n from outbox").n == 0
    assert world.one("select count(*) as n from disclosure_ledger where held_hash is not null").n == 0
    for member in world.members.values():
        assert [one for kind in TYPES for one in world.hapi.held(member, kind)] == []
    # The newest version of each is its deletion, and there was one before it, whichever of them HAPI's history still lists.
    gone = world.one(GONE)
    newest = world.hapi.get(f"fhir/{gone.member}/{gone.rtype}/{gone.rid}/_history")["entry"][0]
    assert (newest["request"]["method"], "resource" in newest) == ("DELETE", False)
    assert int(newest["response"]["etag"].strip('W/"')) > 1


def test_under_ids_of_its_own_every_resource_is_found_by_its_key_and_reads_back_as_it_was_sent(world: World) -> None:
    """The same bodies that were delivered above, to somebody at a portal that gives its own ids."""
    with world.gateway.database.transaction(world.org) as db:
        [portal] = db.execute("select id, code, connector, settings from portal").fetchall()
        rows = db.execute(STORED).fetchall()
    settings = {**portal.settings, "ids": "portal"}
    context = context_for(world.gateway, world.org, portal._replace(settings=settings))
    bodies = {(row.rtype, row.rid): bytes(row.body) for row in rows}
    batch = [DeliveryItem(type=kind, id=id_, body=body) for (kind, id_), body in bodies.items()]
    member = str(uuid4())

    for _ in range(2):
        receipts = PORTAL_SINK.deliver(context, member, batch)
        assert {(one.ok, one.detail) for one in receipts} == {(True, None)}

    assert all(len(world.hapi.held(member, kind)) == sum(key[0] == kind for key in bodies) for kind, _ in bodies)
    assert not {one["id"] for kind, _ in bodies for one in world.hapi.held(member, kind)} & {id_ for _, id_ in bodies}
    states = PORTAL_SINK.read_back(context, member, list(bodies))
    assert [hash_of(state) for state in states] == [content_hash(loads(body)) for body in bodies.values()]
    PORTAL_SINK.deliver(context, member, [DeliveryItem(type=kind, id=id_, body=None) for kind, id_ in reversed(bodies)])
    assert [one for kind, _ in bodies for one in world.hapi.held(member, kind)] == []
