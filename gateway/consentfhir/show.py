"""Consents and CareTeams of clients as they are, for whoever may read them. Each look is audited."""

from __future__ import annotations

from typing import Any, Final

from gateway.audit import AuditEvent, append
from gateway.consentfhir.load import CLIENT, Recorded, recorded
from gateway.consentfhir.write import elsewhere_consent, rights_consent
from gateway.database import Connection
from gateway.disclosure.classes import CARE_TEAM, OWN_SYSTEM
from gateway.errors import NotFound
from gateway.jsonbytes import loads
from gateway.runtime import Gateway

CARE_TEAMS: Final = """
select resource.body, resource.client_id from resource join client on client.id = resource.client_id
where rtype = 'CareTeam' and system = %(system)s and class_key = %(key)s and not deleted
  and (%(patient)s::text is null or client.patient_rid = %(patient)s) and (%(id)s::text is null or rid = %(id)s)"""

Body = dict[str, Any]


def consents_of(gateway: Gateway, org: int, patient: str, *, by: str = "operator") -> list[Body]:
    """Return every Consent of the client with this Patient: their own first. No client, no Consents."""
    with gateway.database.transaction(org) as db:
        found = recorded(db, patient)
        if found is None:
            return []
        bodies = _bodies(found)
        _noted(db, gateway, org, "Consent", found.client, len(bodies), by)
    return bodies


def consent(gateway: Gateway, org: int, id_: str, *, by: str = "operator") -> Body:
    """Return one Consent.

    Raises:
        NotFound: there is none of this id.
    """
    patient, _, _ = id_.partition(".")
    for body in consents_of(gateway, org, patient, by=by):
        if body["id"] == id_:
            return body
    raise NotFound(f"Consent/{id_}: there is none")


def has_client(gateway: Gateway, org: int, patient: str) -> bool:
    """Tell whether an organisation has the client with this Patient."""
    with gateway.database.transaction(org) as db:
        return db.execute(CLIENT, (patient,)).fetchone() is not None


def care_teams(
    gateway: Gateway, org: int, *, patient: str | None = None, id_: str | None = None, by: str = "operator"
) -> list[Body]:
    """Return the CareTeam of a client, or that of an id; none while nobody is linked."""
    values = {"system": OWN_SYSTEM, "key": CARE_TEAM, "patient": patient, "id": id_}
    with gateway.database.transaction(org) as db:
        rows = db.execute(CARE_TEAMS, values).fetchall()
        for row in rows:
            _noted(db, gateway, org, "CareTeam", row.client_id, 1, by)
    return [loads(bytes(row.body)) for row in rows]


def _bodies(found: Recorded) -> list[Body]:
    elsewhere = [elsewhere_consent(one, found.place) for one in found.elsewhere]
    return [rights_consent(found.rights, found.place), *elsewhere]


def _noted(db: Connection, gateway: Gateway, org: int, kind: str, client: int, count: int, by: str) -> None:
    event = AuditEvent(event="rights-read", action="R", agent=by, client_id=client, detail={"type": kind, "resources": count})
    append(db, gateway.keys(org), org, [event])
