"""The trust group of a client as its portals show it: one CareTeam, with every linked person and the level of their rights."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from gateway.canonical import MEMBER, RIGHT
from gateway.clients import find_client
from gateway.database import Connection
from gateway.disclosure.classes import CARE_TEAM
from gateway.errors import NotFound
from gateway.identity import IdSpace
from gateway.runtime import Gateway
from gateway.store import remove_own, store_own

NAME: Final = "Vertrouwensgroep"
PROFILE: Final = "http://hl7.org/fhir/StructureDefinition/CareTeam"

PARTICIPANTS: Final = """
select link.member::text as member, link.related_rid, person.code as person, portal.code as portal,
  coalesce(best.level, 'none') as level
from link join person on person.id = link.person_id join portal on portal.id = link.portal_id left join lateral (
  select level from grant_standing
  where client_id = link.client_id and person_id = link.person_id and short is null and barred_circle is null
  order by level = 'private-medical' desc, level = 'basic' desc limit 1
) best on true
where link.client_id = %s and link.state = 'active' order by link.linked_at, link.id"""


def rewrite(db: Connection, gateway: Gateway, org: int, client_id: int, patient: str) -> bool:
    """Bring the CareTeam in line with links and rights; return whether it changed. The caller holds the client's lock and discloses it."""
    rows = participants(db, client_id)
    if not rows:
        return remove_own(db, gateway, org, class_key=CARE_TEAM, patient=patient)
    ids = gateway.keys(org).ids()
    body = {
        "resourceType": "CareTeam",
        "id": ids.resource_id("zorgsluis", "CareTeam", patient),
        "meta": {"profile": [PROFILE]},
        "status": "active",
        "name": NAME,
        "subject": {"reference": f"Patient/{patient}"},
        "participant": [_participant(row, own_record(db, ids, client_id, patient, row)) for row in rows],
    }
    return store_own(db, gateway, org, body=body, class_key=CARE_TEAM, patient=patient)


def participants(db: Connection, client_id: int) -> list[Any]:
    """Return a row for each active link: member, related_rid, person and portal (codes), level."""
    return db.execute(PARTICIPANTS, (client_id,)).fetchall()


def own_record(db: Connection, ids: IdSpace, client_id: int, patient: str, row: Any) -> str | None:
    """Return the record (``Type/id``) that a participant has of their own: a RelatedPerson, or the Patient when it is the client.

    The client reads about themselves when the person is the client's own number at the source, and no relation of theirs has it.
    """
    if row.related_rid:
        return f"RelatedPerson/{row.related_rid}"
    with suppress(NotFound):
        if find_client(db, ids, row.person) == client_id:
            return f"Patient/{patient}"
    return None


def _participant(row: Any, record: str | None) -> dict[str, Any]:
    member: dict[str, Any] = {"identifier": {"system": MEMBER, "value": row.member}}
    if record:
        member = {"reference": record, **member}
    return {"role": [{"coding": [{"system": RIGHT, "code": row.level}]}], "member": member}
