"""A small care organisation in a real database, for the tests of store, disclosure, rights and trail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from gateway import consent
from gateway.database import Connection, Database
from gateway.disclosure.classes import import_class_map
from gateway.keys import KeyRing
from gateway.ledger import disclose_client, due_clients
from gateway.model import Mapped
from gateway.runtime import Gateway
from gateway.store import Entry, Fate, store_records

NUMBERS = count(1)
START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
SYSTEM = "ons-test"
NAMESPACE = UUID("6f0cb4a4-2f0c-4e34-9c1b-6f6f1f9a1b11")
CLASS_MAP = b"""class_key,class,audience,basic_projection,label
patient,profile,circle,name-only,N
relation,profile,circle,name-role,N
employee,directory,circle,,N
organization,directory,circle,,N
agenda,calendar,circle,reduced,N
report,report,trust-group,,R
plan,care-plan,trust-group,,R
message,message,,,N
incident,incident,provider,,R
"""


@dataclass
class Ticking:
    """A clock that a test moves."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def pass_time(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class World:
    """One organisation, one source, two portals; records are stored through the journal like real ones."""

    database: Database
    clock: Ticking
    gateway: Gateway
    keys: KeyRing
    org: int
    source_id: int
    hints: list[tuple[str, int, int]] = field(default_factory=list)

    def id(self, type_: str, key: str) -> str:
        return self.keys.ids().resource_id(SYSTEM, type_, f"client/{key}" if type_ == "Patient" else key)

    def store(self, *records: tuple[str, str, Sequence[Mapped]], at: datetime | None = None) -> list[Fate]:
        """Store (stream, key, what it yields) as one batch."""
        with self.database.transaction(self.org) as db:
            entries = [self.entry(db, stream, key, mapped, at) for stream, key, mapped in records]
            return store_records(db, self.gateway, self.org, entries)

    def entry(
        self,
        db: Connection,
        stream: str,
        key: str,
        mapped: Sequence[Mapped],
        at: datetime | None = None,
        journal: int | None = None,
    ) -> Entry:
        return Entry(
            journal_id=journal or self.journal(db, stream, key),
            system=SYSTEM,
            stream=stream,
            key=key,
            source_time=at,
            mapping_sha=b"m" * 32,
            mapped=tuple(mapped),
        )

    def journal(self, db: Connection, stream: str, key: str) -> int:
        row = db.execute(
            "insert into journal (org, source_id, stream, kind, record_key, op, body_hash, received_at) "
            "values (%s, %s, %s, 'test', %s, 'upsert', '', app_now()) returning id",
            (self.org, self.source_id, stream, key),
        ).fetchone()
        assert row is not None
        return int(row.id)

    def rows(self, query: str, *values: object) -> list[Any]:
        with self.database.transaction(self.org) as db:
            return list(db.execute(query, values or None).fetchall())

    def one(self, query: str, *values: object) -> Any:
        (row,) = self.rows(query, *values)
        return row

    def client(self, key: str = "1001") -> int:
        return int(self.one("select id from client where patient_rid = %s", self.id("Patient", key)).id)

    def disclose(self) -> int:
        """Disclose every client that is due; return the pieces of work that made."""
        total = 0
        while clients := due_clients(self.gateway, self.org, 100):
            total += sum(disclose_client(self.gateway, self.org, client) for client in clients)
        return total

    def deliver(self) -> list[tuple[str, str, str, str]]:
        """Do what the outbox says, as a portal that accepts everything; return (op, member, type/id, projection) in its order."""
        done = self.rows(
            "select outbox.op, link.member::text as member, resource.rtype || '/' || resource.rid as ref, ledger.projection "
            "from outbox join disclosure_ledger ledger on ledger.id = ledger_id join link on link.id = ledger.link_id "
            "join resource on resource.rkey = ledger.rkey order by outbox.op, outbox.id"
        )
        with self.database.transaction(self.org) as db:
            db.execute(
                "update disclosure_ledger ledger set state = case when op = 'put' then 'delivered' else 'retracted' end, "
                "held_hash = content_hash, held_projection = projection, held_version = version, delivered_at = app_now() "
                "from outbox where outbox.ledger_id = ledger.id"
            )
            db.execute("delete from outbox")
        return [tuple(row) for row in done]

    def held(self, person: str) -> dict[str, str]:
        """Return what a person's member holds: Type/id → projection."""
        rows = self.rows(
            "select resource.rtype || '/' || resource.rid as ref, held_projection from disclosure_ledger ledger "
            "join link on link.id = link_id join person on person.id = person_id join resource using (rkey) "
            "where person.code = %s and held_hash is not null",
            person,
        )
        return {row.ref: row.held_projection for row in rows}

    def link(self, person: str, level: str | None = None, client: str = "1001", portal: str = "familie") -> str:
        member = consent.link(self.gateway, self.org, portal=portal, client=client, person=person)
        if level is not None:
            consent.set_grant(self.gateway, self.org, client=client, person=person, level=level)
        return member

    def ref(self, type_: str, key: str) -> str:
        return f"{type_}/{self.id(type_, key)}"

    # what the streams yield --------------------------------------------------------------------------------------------------

    def patient(self, key: str = "1001", bsn: str | None = None, family: str = "Jansen") -> tuple[str, str, list[Mapped]]:
        rid = self.id("Patient", key)
        body = {
            "resourceType": "Patient",
            "id": rid,
            "identifier": [{"value": key}],
            "name": [{"family": family}],
            "birthDate": "1940-02-01",
        }
        secrets = {} if bsn is None else {"bsn": bsn}
        return "clients", key, [Mapped(type="Patient", id=rid, body=body, class_="patient", patient=rid, secrets=secrets)]

    def relation(self, key: str, client: str = "1001") -> tuple[str, str, list[Mapped]]:
        rid, patient = self.id("RelatedPerson", key), self.id("Patient", client)
        body = {
            "resourceType": "RelatedPerson",
            "id": rid,
            "identifier": [{"value": key}],
            "patient": {"reference": f"Patient/{patient}"},
            "name": [{"family": f"Naaste {key}"}],
            "relationship": [{"text": "dochter"}],
            "telecom": [{"system": "phone", "value": "0612345678"}],
        }
        return "relations", key, [Mapped(type="RelatedPerson", id=rid, body=body, class_="relation", patient=patient)]

    def employee(self, key: str, family: str = "Verzorger") -> tuple[str, str, list[Mapped]]:
        organization = self.id("Organization", "main")
        practitioner, role = self.id("Practitioner", key), self.id("PractitionerRole", key)
        bodies: list[tuple[str, dict[str, Any], str]] = [
            ("Organization", {"id": organization, "name": "Thuiszorg De Linde"}, "organization"),
            ("Practitioner", {"id": practitioner, "name": [{"family": family}], "telecom": [{"value": "secret"}]}, "employee"),
            (
                "PractitionerRole",
                {
                    "id": role,
                    "practitioner": {"reference": f"Practitioner/{practitioner}"},
                    "organization": {"reference": f"Organization/{organization}"},
                },
                "employee",
            ),
        ]
        return (
            "employees",
            key,
            [
                Mapped(type=type_, id=body["id"], body={"resourceType": type_, **body}, class_=class_)
                for type_, body, class_ in bodies
            ],
        )

    def report(
        self, key: str, text: str = "Rustige nacht.", client: str = "1001", employee: str | None = None, **facts: Any
    ) -> tuple[str, str, list[Mapped]]:
        rid, patient = self.id("Observation", key), self.id("Patient", client)
        body: dict[str, Any] = {
            "resourceType": "Observation",
            "id": rid,
            "status": "final",
            "subject": {"reference": f"Patient/{patient}"},
            "valueString": text,
        }
        if employee is not None:
            body["performer"] = [{"reference": f"PractitionerRole/{self.id('PractitionerRole', employee)}"}]
        values: dict[str, Any] = {"class_": "report", "data_at": START, **facts}
        return "reports", key, [Mapped(type="Observation", id=rid, body=body, patient=patient, **values)]

    def visit(self, key: str, client: str = "1001", employee: str | None = None, **facts: Any) -> tuple[str, str, list[Mapped]]:
        rid, patient = self.id("Appointment", key), self.id("Patient", client)
        participants = [{"actor": {"reference": f"Patient/{patient}", "display": "naam"}, "status": "accepted"}]
        if employee is not None:
            actor = {"reference": f"PractitionerRole/{self.id('PractitionerRole', employee)}"}
            participants.append({"actor": actor, "status": "accepted"})
        body = {
            "resourceType": "Appointment",
            "id": rid,
            "status": "booked",
            "description": "Douchen en steunkousen",
            "serviceType": [{"coding": [{"code": "x"}], "text": "Verzorging"}],
            "start": "2026-03-03T08:00:00+01:00",
            "end": "2026-03-03T08:30:00+01:00",
            "comment": "Tijden zijn indicatief.",
            "participant": participants,
        }
        values: dict[str, Any] = {"class_": "agenda", "data_at": START, **facts}
        return "agenda", key, [Mapped(type="Appointment", id=rid, body=body, patient=patient, **values)]


def gone(record: tuple[str, str, Sequence[Mapped]]) -> tuple[str, str, list[Mapped]]:
    """Return the record as one that yields nothing any more."""
    return record[0], record[1], []


def filled(world: World) -> None:
    """Store one client with two relations, a report and a visit by one care worker."""
    world.store(
        world.employee("7"),
        world.patient(),
        world.relation("50"),
        world.relation("51"),
        world.report("1", employee="7"),
        world.visit("2@a", employee="7"),
    )


def keys_of(code: str) -> KeyRing:
    """Return fixed keys, others for each organisation."""
    return KeyRing(
        namespace=uuid5(NAMESPACE, code),
        hash_key=b"h" * 32,
        audit_key=b"a" * 32,
        encryption={b"key1": b"e" * 32},
        current=b"key1",
    )


@contextmanager
def filled_world(dsn: str, *linked: str) -> Iterator[World]:
    """Open a new organisation with one client and what there is of them, these persons linked; close it afterwards."""
    opened = open_world(dsn)
    filled(opened)
    for person in linked:
        opened.link(person)
    yield opened
    opened.database.close()


def open_world(dsn: str) -> World:
    """Make a new organisation in a migrated database; others in it aren't seen. Close ``world.database`` afterwards."""
    code = f"org{next(NUMBERS)}"
    world = _world(dsn, code)
    with world.database.transaction(None) as db:
        row = db.execute("insert into organisation (code, name) values (%s, 'Thuiszorg') returning id", (code,)).fetchone()
        assert row is not None
    world.org = int(row.id)
    with world.database.transaction(world.org) as db:
        source = db.execute(
            "insert into source (org, code, connector, system, zone) values (%s, 'ons', 'ons', %s, 'Europe/Amsterdam') returning id",
            (world.org, SYSTEM),
        ).fetchone()
        assert source is not None
        world.source_id = int(source.id)
        db.execute(
            """insert into portal (org, code, connector, settings) values
            (%(org)s, 'familie', 'member-fhir', '{"origin": "caren"}'), (%(org)s, 'ander', 'member-fhir', '{}')""",
            {"org": world.org},
        )
        import_class_map(db, world.org, SYSTEM, CLASS_MAP)
    return world


def reopen(dsn: str, code: str) -> World:
    """Open an organisation that another process made."""
    world = _world(dsn, code)
    with world.database.transaction(None) as db:
        row = db.execute("select id from organisation where code = %s", (code,)).fetchone()
        assert row is not None
    world.org = int(row.id)
    return world


def _world(dsn: str, code: str) -> World:
    clock, keys, hints = Ticking(), keys_of(code), list[tuple[str, int, int]]()
    database = Database(dsn, clock=clock, max_size=12)
    gateway = Gateway(
        database=database, clock=clock, keys=lambda _: keys, hint=lambda task, org, row: hints.append((task, org, row))
    )
    return World(database=database, clock=clock, gateway=gateway, keys=keys, org=0, source_id=0, hints=hints)
