"""Clients with their resources, relatives and rights in a real database, put there in bulk: what ``bench disclosure`` asks SQL about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gateway import keys, postgres
from gateway.database import Connection, Database
from gateway.disclosure.classes import import_class_map
from gateway.ledger import disclose_client
from gateway.migrate import upgrade
from gateway.runtime import Gateway
from gateway.state import postgres_folder

CLASS_MAP: Final = b"""class_key,class,audience,basic_projection,label
report,report,trust-group,,R
measurement,measurement,trust-group,,R
agenda,calendar,circle,reduced,N
plan,care-plan,trust-group,,R
"""
SYSTEM: Final = "bench"
ORGANISATION: Final = "insert into organisation (code, name) values (%s, 'Benchmark') returning id"
PORTAL: Final = "insert into portal (org, code, connector, settings) values (%s, 'familie', 'member-fhir', '{}') returning id"
PEOPLE: Final = """
insert into person (org, code) select %(org)s, 'p' || n from generate_series(1, %(clients)s * 3) n"""
CLIENTS: Final = """
insert into client (org, patient_rid) select %(org)s, 'bench-' || n from generate_series(1, %(clients)s) n"""
LINKS: Final = """
insert into link (org, portal_id, client_id, person_id, member, related_rid, state, linked_at)
select %(org)s, %(portal)s, client.id, person.id, gen_random_uuid(), 'relation-' || person.id, 'active', app_now()
from client join person on person.org = client.org
  and substr(person.code, 2)::int between substr(client.patient_rid, 7)::int * 3 - 2 and substr(client.patient_rid, 7)::int * 3
where client.org = %(org)s"""
# Of the three at each client one is of the trust group, one of the circle, one of the trust group for reports and the calendar only.
GRANTS: Final = """
insert into trust_grant (org, client_id, person_id, level, classes, valid_from, status, granted_by, basis, recorded_at)
select %(org)s, link.client_id, link.person_id, case substr(person.code, 2)::int %% 3 when 1 then 'basic' else 'private-medical' end,
  case substr(person.code, 2)::int %% 3 when 0 then array['calendar', 'report'] end, app_now(), 'active', 'bench', 'client', app_now()
from link join person on person.id = link.person_id where link.org = %(org)s"""
RESOURCES: Final = """
insert into resource (org, rtype, rid, version, last_updated, client_id, hash, body, system, class_key, data_at)
select %(org)s, case n %% 5 when 4 then 'Appointment' else 'Observation' end, client.id || '-' || n, 1, app_now(), client.id, '', '{}',
  %(system)s, (array['report', 'measurement', 'report', 'plan', 'agenda'])[n %% 5 + 1], app_now() - n * interval '5 days'
from client, generate_series(1, %(items)s) n where client.org = %(org)s"""
HISTORY: Final = """
insert into resource_history (org, rkey, version, op, last_updated, hash, body, class_key, audience, labels, data_at, withdrawn)
select org, rkey, version, 'create', last_updated, hash, body, class_key, audience, labels, data_at, withdrawn
from resource where org = %(org)s"""
PROJECTIONS: Final = """
insert into resource_projection (org, rkey, name, hash)
select resource.org, rkey, name, sha256(convert_to(rkey || name, 'utf8'))
from resource, unnest(case rtype when 'Appointment' then array['whole', 'reduced'] else array['whole'] end) name
where resource.org = %(org)s"""
ANALYSE: Final = "analyze"
DELIVERED: Final = """
update disclosure_ledger set state = 'delivered', held_hash = content_hash, held_projection = projection, held_version = version,
  delivered_at = app_now()
where client_id = %s and content_hash is not null"""
DONE: Final = "delete from outbox where link_id in (select id from link where client_id = %s)"
IDS: Final = "select id from client where org = %s order by id"
STARTED: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Ticking:
    """A clock that the benchmark moves."""

    at: datetime = STARTED

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The database with what is in it; ``server`` is its process."""

    gateway: Gateway
    database: Database
    org: int
    clients: list[int]
    server: int | None
    clock: Ticking = field(default_factory=Ticking)

    def person(self, client: int) -> int:
        """Return the number of a client's first person."""
        return self.clients.index(client) * 3 + 1

    def delivered(self, client: int) -> None:
        """Let a client's portals have everything that was decided."""
        with self.database.transaction(self.org) as db:
            db.execute(DELIVERED, (client,))
            db.execute(DONE, (client,))


@contextmanager
def rows(folder: Path, clients: int, items: int) -> Iterator[Rows]:
    """Yield a database of its own with so many clients of so many resources and three members each, all decided and delivered."""
    clock, ring = Ticking(), keys.generate()
    with postgres.start(postgres_folder(folder), durable=False) as server:
        upgrade(server.dsn())
        with Database(server.dsn(), clock=clock) as database:
            gateway = Gateway(database=database, clock=clock, keys=lambda _: ring)
            org = _fill(database, clock.at, clients, items)
            with database.transaction(org) as db:
                ids = [row.id for row in db.execute(IDS, (org,))]
            found = Rows(gateway=gateway, database=database, org=org, clients=ids, server=server.pid, clock=clock)
            for client in ids:
                disclose_client(gateway, org, client)
                found.delivered(client)
            yield found


def _fill(database: Database, at: datetime, clients: int, items: int) -> int:
    with database.transaction(None) as db:
        org = _id(db, ORGANISATION, f"bench-{at.timestamp():.0f}-{clients}")
    with database.transaction(org) as db:
        values = {"org": org, "clients": clients, "items": items, "system": SYSTEM, "portal": _id(db, PORTAL, org)}
        import_class_map(db, org, SYSTEM, CLASS_MAP)
        for statement in (PEOPLE, CLIENTS, LINKS, GRANTS, RESOURCES, HISTORY, PROJECTIONS):
            db.execute(statement, values)
    return org


def _id(db: Connection, query: str, *values: object) -> int:
    row = db.execute(query, values).fetchone()
    if row is None:
        raise RuntimeError("the database gave no number")
    return int(row.id)
