"""What is recorded of a client's rights, as the records that a Consent is written from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from gateway.consentfhir import terms
from gateway.consentfhir.records import Elsewhere, Person, Place, Prohibition, Right, Rights, Statement
from gateway.database import Connection

CLIENT: Final = "select id from client where patient_rid = %s"
PLACE: Final = """
select organisation.code, organisation.name, (
  select max(greatest(recorded_at, superseded_at)) from (
    select recorded_at, superseded_at from trust_grant where client_id = %(client)s
    union all select recorded_at, superseded_at from exclusion where client_id = %(client)s
    union all select recorded_at, superseded_at from external_consent where client_id = %(client)s) changes) as changed_at
from organisation where id = app_org()"""
# A person has one record of their own at the client's, whatever portals they are linked over.
PEOPLE: Final = """
select person.id, person.code, (
  select max(related_rid) from link where client_id = %(client)s and person_id = person.id) as related_rid
from person where id in (
  select person_id from link where client_id = %(client)s
  union select person_id from trust_grant where client_id = %(client)s
  union select person_id from exclusion where client_id = %(client)s
  union select person_id from external_consent where client_id = %(client)s)
order by code"""
RIGHTS: Final = """
select trust_grant.person_id, level, trust_grant.valid_from, trust_grant.valid_to, status, classes, data_from, data_to, basis,
  representative.code as representative, parental, confirmed_at
from trust_grant
left join representation on representation.id = trust_grant.representation_id
left join person representative on representative.id = representation.person_id
where trust_grant.client_id = %s and trust_grant.superseded_at is null and level <> 'none' and status in ('active', 'suspended')
order by trust_grant.id"""
PROHIBITIONS: Final = """
select exclusion.id, person_id, class as class_, valid_from, valid_to, reason_code, resource.rtype || '/' || resource.rid as resource
from exclusion left join resource using (rkey)
where exclusion.client_id = %s and superseded_at is null order by exclusion.id"""
ELSEWHERE: Final = """
select person_id, category, purpose, class as class_, decision, valid_from, valid_to, source_ref,
  resource.rtype || '/' || resource.rid as resource
from external_consent left join resource using (rkey)
where external_consent.client_id = %s and superseded_at is null order by source_ref, external_consent.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All that is recorded of one client; ``exclusions`` are the numbers of the prohibitions, in their order."""

    client: int
    place: Place
    people: dict[str, Person]
    rights: Rights
    exclusions: tuple[int, ...]
    elsewhere: tuple[Elsewhere, ...]

    @property
    def has_rights(self) -> bool:
        """Tell whether the client's own Consent says anything."""
        return bool(self.rights.rights or self.rights.prohibitions)

    def of(self, source: str) -> Elsewhere | None:
        """Return what is recorded of one consent in another registry."""
        return next((one for one in self.elsewhere if one.source == source), None)


def recorded(db: Connection, patient: str) -> Recorded | None:
    """Return what is recorded of the client with this Patient; nothing when there is no such client."""
    client = db.execute(CLIENT, (patient,)).fetchone()
    if client is None:
        return None
    people = {
        row.id: Person(code=row.code, related_rid=row.related_rid) for row in db.execute(PEOPLE, {"client": client.id}).fetchall()
    }
    prohibitions = db.execute(PROHIBITIONS, (client.id,)).fetchall()
    return Recorded(
        client=client.id,
        place=_place(db, client.id),
        people={person.code: person for person in people.values()},
        rights=Rights(
            patient=patient,
            rights=tuple(_right(row, people) for row in db.execute(RIGHTS, (client.id,))),
            prohibitions=tuple(_prohibition(row, people) for row in prohibitions),
        ),
        exclusions=tuple(row.id for row in prohibitions),
        elsewhere=tuple(_elsewhere(db, client.id, patient, people)),
    )


def _place(db: Connection, client: int) -> Place:
    row = db.execute(PLACE, {"client": client}).fetchone()
    if row is None:
        raise RuntimeError("the transaction names no organisation")
    return Place(organisation=row.code, name=row.name, changed_at=row.changed_at)


def _right(row: Any, people: dict[int, Person]) -> Right:
    values = {**row._asdict(), "person": people[row.person_id], "suspended": row.status == "suspended"}
    values["classes"] = None if row.classes is None else tuple(sorted(set(row.classes) - set(terms.ALWAYS)))
    del values["person_id"], values["status"]
    return Right(**values)


def _prohibition(row: Any, people: dict[int, Person]) -> Prohibition:
    return Prohibition(
        reason=row.reason_code,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        person=people.get(row.person_id),
        class_=row.class_,
        resource=row.resource,
    )


def _elsewhere(db: Connection, client: int, patient: str, people: dict[int, Person]) -> list[Elsewhere]:
    found: dict[str, list[Statement]] = defaultdict(list)
    for row in db.execute(ELSEWHERE, (client,)):
        values: dict[str, Any] = {**row._asdict(), "person": people.get(row.person_id)}
        del values["person_id"], values["source_ref"]
        found[row.source_ref].append(Statement(**values))
    return [Elsewhere(patient=patient, source=source, statements=tuple(lines)) for source, lines in found.items()]
