"""A small world for delivery: a database with one client, a real sample portal as its own process, and rows to send."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from joserfc.jwk import ECKey
from psycopg.types.json import Jsonb

from gateway.canonicalise import content_hash
from gateway.database import Database
from gateway.disclosure.projections import project, references_in
from gateway.jsonbytes import dumps, loads
from gateway.keys import KeyRing, generate
from gateway.outbox import deliver_lane, due_lanes
from gateway.runtime import Gateway

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
READY_WITHIN_S = 20.0


class MovingClock:
    """A clock that moves when it is told to."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass(frozen=True, kw_only=True)
class RunningPortal:
    """The sample portal's process and the far side's own view of what it holds."""

    url: str
    key: Path
    process: subprocess.Popen[bytes]

    def plan(self, kind: str, **fault: Any) -> None:
        httpx2.post(f"{self.url}/_sample/faults", json={"kind": kind, **fault}, trust_env=False).raise_for_status()

    def behave(self) -> None:
        httpx2.delete(f"{self.url}/_sample/faults", trust_env=False).raise_for_status()

    def dump(self) -> list[dict[str, Any]]:
        """Return every version that was ever accepted, in order."""
        answer = httpx2.get(f"{self.url}/_sample/dump", trust_env=False)
        return [json.loads(line) for line in answer.text.splitlines()]

    def holds(self, member: str) -> dict[str, str]:
        """Return ``Type/id`` to the bytes held now, for one member."""
        held: dict[str, str] = {}
        for version in self.dump():
            name = f"{version['type']}/{version['id']}"
            if version["member"] == member and version["op"] == "put":
                held[name] = version["body"]
            elif version["member"] == member:
                held.pop(name, None)
        return held

    def settings(self) -> dict[str, Any]:
        return {"base_url": self.url, "secrets": {"key": str(self.key)}}


@contextmanager
def running_portal(folder: Path) -> Iterator[RunningPortal]:
    """Start the sample portal on a free port, and end it."""
    key = ECKey.generate_key("P-384", parameters={"kid": "test"}, private=True)
    private, public, ready = folder / "portal.jwk", folder / "jwks.json", folder / "ready.json"
    private.write_text(json.dumps(key.as_dict(private=True)))
    private.chmod(0o600)
    public.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    command = [sys.executable, "-m", "samples.portal", "serve", "--store", folder / "store", "--gateway-jwks", public]
    process = subprocess.Popen([*map(str, command), "--ready", str(ready)], cwd=ROOT)
    try:
        port = json.loads(wait_for_text(ready, process))["port"]
        yield RunningPortal(url=f"http://127.0.0.1:{port}", key=private, process=process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for_text(path: Path, process: subprocess.Popen[bytes]) -> str:
    """Return what a process wrote to a file, once it did."""
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        if path.exists():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path.name} was not written; exit status {process.poll()}")


@dataclass(kw_only=True)
class World:
    """One organisation, client, portal and lane; members and resources are added as a test needs them."""

    gateway: Gateway
    clock: MovingClock
    ring: KeyRing
    portal: RunningPortal
    org: int
    portal_id: int
    client_id: int
    lane: int
    links: dict[str, int] = field(default_factory=dict)

    def rows(self, query: str, *values: Any) -> list[Any]:
        with self.gateway.database.transaction(self.org) as db:
            cursor = db.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def one(self, query: str, *values: Any) -> Any:
        return self.rows(query, *values)[0]

    def member(self) -> str:
        """Link one more person and return the member."""
        member = str(uuid4())
        person = self.one("insert into person (org, code) values (%s, %s) returning id", self.org, member).id
        link = self.one(
            "insert into link (org, portal_id, client_id, person_id, member, state, linked_at)"
            " values (%s, %s, %s, %s, %s, 'active', app_now()) returning id",
            *(self.org, self.portal_id, self.client_id, person, member),
        )
        self.links[member] = link.id
        return member

    def store(self, resource: dict[str, Any]) -> int:
        """Store a resource, or its next version, as the store does: exact bytes with final meta."""
        known = self.rows(
            "select rkey, version from resource where rtype = %s and rid = %s", resource["resourceType"], resource["id"]
        )
        version = known[0].version + 1 if known else 1
        body = dumps({**resource, "meta": {"versionId": str(version), "lastUpdated": self.clock().isoformat()}})
        digest = content_hash(loads(body))
        row = self.one(
            "insert into resource (org, rtype, rid, version, last_updated, client_id, hash, body, system, class_key)"
            " values (%s, %s, %s, %s, app_now(), %s, %s, %s, 'test', 'test')"
            " on conflict (org, rtype, rid) do update set version = excluded.version, hash = excluded.hash, body = excluded.body"
            " returning rkey",
            *(self.org, resource["resourceType"], resource["id"], version, self.client_id, digest, body),
        )
        self.rows(
            "insert into resource_history (org, rkey, version, op, last_updated, hash, body) values (%s, %s, %s, %s, app_now(), %s, %s)",
            *(self.org, row.rkey, version, "update" if known else "create", digest, body),
        )
        for type_, id_ in set(references_in(resource)):
            self.rows(
                "insert into resource_reference (org, rkey, projection, target_type, target_id) values (%s, %s, 'whole', %s, %s)"
                " on conflict do nothing",
                *(self.org, row.rkey, type_, id_),
            )
        return int(row.rkey)

    def decide(self, member: str, rkey: int, projection: str | None = "whole") -> int:
        """Write what a member should hold (``None``: nothing), as the ledger does; return the ledger's row."""
        resource = self.one("select version, body from resource where rkey = %s", rkey)
        put = projection is not None
        digest = content_hash(project(projection, loads(bytes(resource.body)))) if projection is not None else None
        ledger = self.one(
            "insert into disclosure_ledger (org, portal_id, client_id, link_id, rkey, projection, content_hash, version, code, epoch,"
            " decided_at, state) select %s, %s, %s, id, %s, %s, %s, %s, %s, epoch, app_now(), %s from link where id = %s"
            " on conflict (link_id, rkey) do update set projection = excluded.projection, content_hash = excluded.content_hash,"
            " version = excluded.version, epoch = excluded.epoch, state = excluded.state, code = excluded.code returning id",
            *(self.org, self.portal_id, self.client_id, rkey, projection, digest, resource.version if put else None),
            *("grant" if put else "no-grant", "deliver_pending" if put else "retract_pending", self.links[member]),
        )
        self.rows(
            "insert into outbox (org, lane_id, ledger_id, link_id, op, epoch, queued_at)"
            " select %s, %s, %s, id, %s, epoch, app_now() from link where id = %s"
            " on conflict (ledger_id) do update set op = excluded.op, revision = outbox.revision + 1, epoch = excluded.epoch,"
            " state = 'ready', attempt = 0, not_before = null, error_code = null, error_detail = null",
            *(self.org, self.lane, ledger.id, "put" if put else "delete", self.links[member]),
        )
        return int(ledger.id)

    def queue(self, member: str, count: int) -> list[str]:
        """Queue observations for a member; return their names."""
        names = [f"o{number}" for number in range(count)]
        for name in names:
            self.decide(member, self.store(observation(name)))
        return [f"Observation/{name}" for name in names]

    def deliver(self) -> None:
        """Drain the lane as the sweeper does, until nothing of it is due."""
        for _ in range(50):
            lanes = due_lanes(self.gateway, self.org, 10)
            if not lanes:
                return
            for lane in lanes:
                deliver_lane(self.gateway, self.org, lane)
        raise AssertionError("the lane stays due")

    def outbox(self) -> list[Any]:
        return self.rows(
            "select outbox.*, resource.rtype || '/' || resource.rid as name from outbox"
            " join disclosure_ledger ledger on ledger.id = ledger_id join resource using (rkey) order by outbox.id"
        )

    def ledger(self, name: str) -> Any:
        return self.one(
            "select ledger.* from disclosure_ledger ledger join resource using (rkey) where rtype || '/' || rid = %s", name
        )

    def audited(self) -> list[Any]:
        return self.rows(
            "select event, rkey, detail from audit_event where event in ('delivery', 'retraction') order by at, chain_id, seq"
        )


def observation(id_: str, value: str = "72.50", refers_to: Sequence[str] = ()) -> dict[str, Any]:
    """Return a small resource whose decimals matter."""
    quantity = {"valueQuantity": {"value": loads(value), "unit": "kg"}}
    members = {"hasMember": [{"reference": other} for other in refers_to]} if refers_to else {}
    return {"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "weight"}, **quantity, **members}


def a_world(database_url: str, portal: RunningPortal) -> World:
    """Return a world with one organisation, one client and one lane to a running portal."""
    clock, ring = MovingClock(), generate()
    database = Database(database_url, clock=clock)
    gateway = Gateway(database=database, clock=clock, keys=lambda _: ring)
    with database.transaction(None) as db:
        org = _id(db.execute("insert into organisation (code, name) values ('delinde', 'De Linde') returning id"))
    with database.transaction(org) as db:
        portal_id = _id(
            db.execute(
                "insert into portal (org, code, connector, settings) values (%s, 'familie', 'member-fhir', %s) returning id",
                (org, Jsonb(portal.settings())),
            )
        )
        client = _id(db.execute("insert into client (org, patient_rid) values (%s, 'p1') returning id", (org,)))
        values = (org, portal_id, client)
        lane = _id(db.execute("insert into lane (org, portal_id, client_id) values (%s, %s, %s) returning id", values))
    return World(
        gateway=gateway,
        clock=clock,
        ring=ring,
        portal=portal,
        org=org,
        portal_id=portal_id,
        client_id=client,
        lane=lane,
    )


def _id(cursor: Any) -> int:
    return int(cursor.fetchone().id)
