"""The trust group of a client as its portals show it: one CareTeam, with every linked person and the level of their rights."""

from __future__ import annotations

from typing import Any, Final

from gateway.canonical import MEMBER, RIGHT
from gateway.database import Connection
from gateway.disclosure.classes import CARE_TEAM
from gateway.runtime import Gateway
from gateway.store import remove_own, store_own

NAME: Final = "Vertrouwensgroep"
PROFILE: Final = "http://hl7.org/fhir/StructureDefinition/CareTeam"

PARTICIPANTS: Final = """
select link.member::text as member, link.related_rid, coalesce(best.level, 'none') as level
from link left join lateral (
  select level from grant_standing
  where client_id = link.client_id and person_id = link.person_id and short is null and barred_circle is null
  order by level = 'private-medical' desc, level = 'basic' desc limit 1
) best on true
where link.client_id = %s and link.state = 'active' order by link.linked_at, link.id"""


def rewrite(db: Connection, gateway: Gateway, org: int, client_id: int, patient: str) -> bool:
    """Bring the CareTeam in line with links and rights; return whether it changed. The caller holds the client's lock and discloses it."""
    rows = db.execute(PARTICIPANTS, (client_id,)).fetchall()
    if not rows:
        return remove_own(db, gateway, org, class_key=CARE_TEAM, patient=patient)
    body = {
        "resourceType": "CareTeam",
        "id": gateway.keys(org).ids().resource_id("zorgsluis", "CareTeam", patient),
        "meta": {"profile": [PROFILE]},
        "status": "active",
        "name": NAME,
        "subject": {"reference": f"Patient/{patient}"},
        "participant": [_participant(row) for row in rows],
    }
    return store_own(db, gateway, org, body=body, class_key=CARE_TEAM, patient=patient)


def _participant(row: Any) -> dict[str, Any]:
    member: dict[str, Any] = {"identifier": {"system": MEMBER, "value": row.member}}
    if row.related_rid:
        member = {"reference": f"RelatedPerson/{row.related_rid}", **member}
    return {"role": [{"coding": [{"system": RIGHT, "code": row.level}]}], "member": member}
