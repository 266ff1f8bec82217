"""Who is meant by a number: a client by that of a record system, a person by that of their own record.

A Patient's id follows from its system and number (``client/<number>`` is its key in every set of maps), so a number finds its client whatever
the source's records look like, and before the first of them came. A number that two systems use is told apart by a source's code:
``vesta:12345``. A person is found among the client's RelatedPersons by an identifier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from gateway.audit import AuditEvent
from gateway.database import Connection
from gateway.death import heed, is_deceased
from gateway.errors import NotFound
from gateway.identity import IdSpace
from gateway.jsonbytes import loads

SYSTEMS: Final = "select code, system from source order by id"
BY_ID: Final = "select id from client where id = %s"
BY_PATIENT: Final = "select id from client where patient_rid = any(%s)"
# For within another query, of ``link`` and ``person``: the record that was taken for the person's own, because it bore the person's number,
# doesn't bear it any more. One that never did was given by who made the link, who knows better.
BEARS: Final = """
convert_from(nullif(body, ''), 'UTF8')::jsonb -> 'identifier' @> jsonb_build_array(jsonb_build_object('value', person.code))"""
OWN: Final = """
from resource where resource.org = link.org and rtype = 'RelatedPerson' and rid = link.related_rid"""
MISTAKEN: Final = f"""
not exists (select {OWN} and not deleted and {BEARS} offset 0) and exists (
  select from (select rkey {OWN} offset 0) own join resource_history using (rkey) where {BEARS} offset 0)"""
# A link that doesn't know its person's own record yet, or is mistaken in it, and the records it may be.
UNRELATED: Final = f"""
select link.id, link.related_rid, person.code from link join person on person.id = link.person_id
where link.client_id = %s and (link.related_rid is null or {MISTAKEN})"""
RELATED: Final = """
select rid, body from resource where client_id = %s and rtype = 'RelatedPerson' and not deleted order by rid"""
# For within another query: of ``client``, where ``{when}``.
PATIENT: Final = """
select rid, version, body from resource
where {when} and org = client.org and rtype = 'Patient' and rid = client.patient_rid and not deleted offset 0"""
STORED: Final = f"""
select client.birth_date, client.deceased, patient.* from client
cross join lateral ({PATIENT.format(when="true")}) patient where client.id = %s"""
SET_BIRTH: Final = "update client set birth_date = %s where id = %s"
WHOLE_DATE: Final = len("1940-02-01")
SET_RELATED: Final = "update link set related_rid = %s where id = %s"


def find_client(db: Connection, ids: IdSpace, client: str | int) -> int:
    """Return the client: by the number at the source (``12345`` or ``vesta:12345``), the id of its Patient, or our own number (int).

    Raises:
        NotFound: no client, or one in each of several record systems.
    """
    if isinstance(client, int):
        found, meant = db.execute(BY_ID, (client,)).fetchall(), []
    else:
        meant = list(_meant(db, client))
        patients = [client, *(patient_id(ids, system, number) for system, number in dict.fromkeys(meant))]
        found = db.execute(BY_PATIENT, (patients,)).fetchall()
    if not found:
        raise NotFound("no client of that number has come from a source")
    if len(found) > 1:
        codes = ", ".join(row.code for row in db.execute(SYSTEMS))
        raise NotFound(
            f"{len(found)} record systems have a client of that number: put the source before it, as in SOURCE:NUMBER ({codes})"
        )
    return int(found[0].id)


def patient_id(ids: IdSpace, system: str, number: str) -> str:
    """Return the id of the Patient that a record system knows by this number."""
    return ids.resource_id(system, "Patient", f"client/{number}")


def find_related(db: Connection, client_id: int, person: str) -> str | None:
    """Return the id of the client's RelatedPerson who has this number; nothing when none or several have it."""
    found = [row.rid for row in db.execute(RELATED, (client_id,)) if person in identifiers(loads(bytes(row.body)))]
    return found[0] if len(found) == 1 else None


def relate(db: Connection, client_id: int) -> int:
    """Give links whose person's own record came later, or is another one by now, that record; return how many changed."""
    unrelated = db.execute(UNRELATED, (client_id,)).fetchall()
    changed = [(own, row.id) for row in unrelated if (own := find_related(db, client_id, row.code)) != row.related_rid]
    for pair in changed:
        db.execute(SET_RELATED, pair)
    return len(changed)


def follow_patient(db: Connection, client_id: int) -> list[AuditEvent]:
    """Bring the birth date that ages are reckoned by, and the stop for death, in line with the stored Patient; return what to tell the trail.

    The caller holds the client's lock. A year or a month alone is no date: nobody's rights change on a day that isn't known.
    """
    row = db.execute(STORED, (client_id,)).fetchone()
    return [] if row is None else follow_stored(db, client_id, row)


def follow_stored(db: Connection, client_id: int, row: Any) -> list[AuditEvent]:
    """Do the same with what was looked up already: birth_date and deceased of the client, version, rid and body of its Patient."""
    patient = loads(bytes(row.body))
    born, deceased = _whole_date(str(patient.get("birthDate", ""))), is_deceased(patient)
    if born != row.birth_date:
        db.execute(SET_BIRTH, (born, client_id))
    if deceased == row.deceased:
        return []
    told = heed(db, client_id, deceased=deceased, patient=row.rid, version=row.version)
    return [] if told is None else [told]


def _whole_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == WHOLE_DATE else None
    except ValueError:
        return None


def number_of(db: Connection, ids: IdSpace, patient_rid: str, body: bytes | None) -> str:
    """Return how an operator names a client: the number at its source, with the source's code where there are several record systems."""
    sources = db.execute(SYSTEMS).fetchall()
    systems = {row.system for row in sources}
    for row in sources:
        for number in identifiers(loads(body)) if body else ():
            if patient_id(ids, row.system, number) == patient_rid:
                return number if len(systems) == 1 else f"{row.code}:{number}"
    return patient_rid


def identifiers(resource: Mapping[str, Any]) -> set[str]:
    """Return the values of a resource's identifiers."""
    return {str(one["value"]) for one in resource.get("identifier", ()) if "value" in one}


def _meant(db: Connection, client: str) -> Iterator[tuple[str, str]]:
    """Yield (record system, number) for what a text may mean."""
    code, _, number = client.partition(":")
    for row in db.execute(SYSTEMS).fetchall():
        yield row.system, client
        if number and row.code == code:
            yield row.system, number
