"""What was done with one client's data, as that client may ask for it: each row of the trail as a FHIR AuditEvent with the items of NEN 7513.

Names and texts are not in the trail, so not in the export either: people are the numbers that the organisation and the portal know them by.
That the trail was read is itself in the trail.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import AuditEvent, append
from gateway.audit_roles import KNOWN, role_of
from gateway.canonical import BASE, MEMBER
from gateway.clients import find_client
from gateway.errors import Rejected
from gateway.jsonbytes import dumps
from gateway.runtime import Gateway

POLICY: Final = f"{BASE}/policy/disclosure"
SUBTYPE: Final = f"{BASE}/CodeSystem/audit-event"
USER: Final = f"{BASE}/NamingSystem/user"
ORGANISATION: Final = f"{BASE}/NamingSystem/organisation"
PERSON: Final = f"{BASE}/NamingSystem/person"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
REST: Final = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest", "display": "RESTful Operation"}
RIGHTS: Final = {"system": DICOM, "code": "110137", "display": "User Security Attributes Changed"}
QUERY: Final = {"system": DICOM, "code": "110112", "display": "Query"}
EXPORT: Final = {"system": DICOM, "code": "110106", "display": "Export"}
USED: Final = {"system": DICOM, "code": "110100", "display": "Application Activity"}

# Columns of audit_event joined with whom and what its numbers mean. A client's own rows, in the order in which they were written down.
ROWS: Final = """
select event.chain_id, event.seq, event.at, event.event, event.action, event.agent, event.detail, client.patient_rid,
  organisation.code as organisation, portal.code as portal, link.member::text as member, link.related_rid, person.code as person
from audit_event event join organisation on organisation.id = event.org left join client on client.id = event.client_id
left join link on link.id = event.link_id left join portal on portal.id = link.portal_id left join person on person.id = link.person_id
where event.client_id = %(client)s and event.at >= coalesce(%(since)s::timestamptz, '-infinity')
  and event.at < coalesce(%(until)s::timestamptz, 'infinity')
order by event.at, event.chain_id, event.seq"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one of our events is called elsewhere, why it happens, and in the client's own words."""

    type: dict[str, str]
    nl: str
    en: str
    reason: str = "HOPERAT"


KINDS: Final = {
    "delivery": Kind(type=REST, nl="verstrekt aan naaste", en="given to relative", reason="SUPNWK"),
    "retraction": Kind(type=REST, nl="teruggehaald bij naaste", en="taken back from relative", reason="SUPNWK"),
    "withheld": Kind(type=REST, nl="niet verstrekt aan naaste", en="withheld from relative", reason="SUPNWK"),
    "link": Kind(type=RIGHTS, nl="naaste gekoppeld", en="relative linked"),
    "unlink": Kind(type=RIGHTS, nl="koppeling beëindigd", en="link ended"),
    "grant": Kind(type=RIGHTS, nl="toestemming gewijzigd", en="permission changed", reason="PATRQT"),
    "exclude": Kind(type=RIGHTS, nl="uitsluiting vastgelegd of opgeheven", en="exclusion set or lifted", reason="PATRQT"),
    "client": Kind(type=RIGHTS, nl="delen gestopt of hervat", en="sharing stopped or resumed"),
    "death": Kind(type=RIGHTS, nl="overlijden gemeld terwijl delen gestopt was", en="death told while sharing was stopped"),
    "link-code": Kind(type=RIGHTS, nl="koppelcode uitgegeven of gebruikt", en="code of a letter issued or used"),
    "link-refused": Kind(type=RIGHTS, nl="koppelcode geweigerd", en="code of a letter refused"),
    "page": Kind(type=RIGHTS, nl="zorgpagina geopend of gesloten", en="care page opened or closed"),
    "invitation": Kind(
        type=RIGHTS, nl="naaste uitgenodigd, of antwoord daarop", en="relative invited, or their answer", reason="PATRQT"
    ),
    "mandate": Kind(type=RIGHTS, nl="vertegenwoordiging vastgelegd of beëindigd", en="representation set or ended"),
    "external-consent": Kind(
        type=RIGHTS, nl="toestemming van elders overgenomen", en="consent of another registry taken over", reason="PATRQT"
    ),
    "consent-question": Kind(
        type=QUERY, nl="toestemming gevraagd bij een landelijk register", en="consent asked of a national registry"
    ),
    "consent-answer": Kind(type=QUERY, nl="antwoord van een landelijk register", en="answer of a national registry"),
    "deletions": Kind(
        type=USED, nl="tegengehouden verwijderingen vrijgegeven of geweigerd", en="held deletions released or refused"
    ),
    "task": Kind(type=USED, nl="taak voor een medewerker geopend of gesloten", en="task for staff opened or closed"),
    "simulate": Kind(type=QUERY, nl="nagegaan wat een wijziging zou doen", en="effect of a change looked up"),
    "matrix": Kind(type=QUERY, nl="overzicht van rechten bekeken", en="overview of rights looked at"),
    "rights": Kind(type=QUERY, nl="rechten bekeken", en="rights looked at"),
    "rights-read": Kind(type=QUERY, nl="rechten gelezen", en="rights read"),
    "explain": Kind(type=QUERY, nl="uitleg gevraagd", en="explanation asked"),
    "search": Kind(type=QUERY, nl="opgezocht", en="looked up"),
    "export": Kind(type=EXPORT, nl="overzicht van inzage gemaakt", en="account of access made", reason="PATRQT"),
}
# AuditEvent.outcome.
SUCCESS: Final = "0"
MINOR_FAILURE: Final = "4"
OTHER: Final = Kind(type=USED, nl="overige handeling", en="other act")


def export(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    since: datetime | None = None,
    until: datetime | None = None,
    by: str = "operator",
) -> Iterator[dict[str, Any]]:
    """Yield a client's part of the trail as AuditEvents, oldest first; ``since`` is within the period, ``until`` isn't.

    Raises:
        NotFound: there is no such client.
        Rejected: nothing can lie in the period; the trail isn't told of an export then.
    """
    if since is not None and until is not None and until <= since:
        raise Rejected(
            f"the export would end ({until:%Y-%m-%d %H:%M} UTC) no later than it begins ({since:%Y-%m-%d %H:%M} UTC): nothing lies "
            "in it; give an --until that is after --since"
        )
    with gateway.database.transaction(org) as db:
        client_id = find_client(db, gateway.keys(org).ids(), client)
        period = {"since": since and since.isoformat(), "until": until and until.isoformat()}
        event = AuditEvent(event="export", action="R", agent=by, client_id=client_id, detail=period)
        append(db, gateway.keys(org), org, [event])
    with gateway.database.snapshot(org) as db, db.cursor(name="trail") as cursor:
        for row in cursor.execute(ROWS, {"client": client_id, "since": since, "until": until}):
            yield audit_event(row)


def audit_event(row: Any) -> dict[str, Any]:
    """Return one row of the trail as a FHIR AuditEvent (R4); its id is the chain and the place in it, by which ``audit verify`` names it."""
    kind = KINDS.get(row.event, OTHER)
    return {
        "resourceType": "AuditEvent",
        "id": f"{row.chain_id}.{row.seq}",
        "type": kind.type,
        "subtype": [{"system": SUBTYPE, "code": row.event, "display": kind.en}],
        "action": row.action,
        "recorded": row.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "outcome": MINOR_FAILURE if _failed(row) else SUCCESS,
        "purposeOfEvent": [{"coding": [{"system": REASON, "code": kind.reason}]}],
        "agent": list(_agents(row)),
        "source": {"site": row.organisation, "observer": {"display": "Zorgsluis"}},
        "entity": list(_entities(row)),
    }


def _failed(row: Any) -> bool:
    """Tell whether what was tried did not come about: a code that opened nothing, a registry that gave no answer."""
    return row.event == "link-refused" or (row.event == "consent-answer" and "status" not in row.detail)


def _agents(row: Any) -> Iterator[dict[str, Any]]:
    """Yield who did it, as what, under which policy and permission; who received it; and the organisation in whose name it was done."""
    policies = [POLICY, *(f"{BASE}/grant/{row.detail['grant']}" for _ in (1,) if row.detail.get("grant"))]
    who = {"who": {"identifier": {"system": USER, "value": row.agent}}, "requestor": True, "policy": policies}
    yield {**role_of(row.agent).elements(), **who}
    if row.member is not None:
        yield {**_participation("IRCP"), "who": _recipient(row), "altId": row.person, "requestor": False}
    organisation = {"identifier": {"system": ORGANISATION, "value": row.organisation}}
    yield {**_participation("CST"), "who": organisation, "requestor": False}


def _participation(code: str) -> dict[str, Any]:
    return {"type": {"coding": [{"system": PARTICIPATION, "code": code}]}}


def _recipient(row: Any) -> dict[str, Any]:
    member = {"identifier": {"system": MEMBER, "value": row.member}}
    return {"reference": f"RelatedPerson/{row.related_rid}", **member} if row.related_rid else member


def _entities(row: Any) -> Iterator[dict[str, Any]]:
    """Yield the client, the resource if it is about one, and the circumstances: codes, counts and versions, as they were written down."""
    if row.patient_rid is not None:
        patient = {"reference": f"Patient/{row.patient_rid}"}
        yield {"what": patient, "type": {"system": ENTITY, "code": "1"}, "role": {"system": ROLE, "code": "1"}}
    if row.detail.get("resource"):
        yield {"what": {"reference": row.detail["resource"]}, "type": {"system": ENTITY, "code": "2"}}
    details = [{"type": name, "valueString": _text(value)} for name, value in row.detail.items() if value is not None]
    if row.event == "search":
        yield {"role": {"system": ROLE, "code": "24"}, "query": base64.b64encode(dumps(row.detail)).decode()}
    elif details:
        yield {"name": row.event, "type": {"system": ENTITY, "code": "2"}, "detail": details}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else dumps(value).decode()


def in_dutch(event: dict[str, Any]) -> tuple[str, ...]:
    """Return an AuditEvent as a client reads it: when, what, which data, by whom and as what, for whom, and by which permission."""
    kind = KINDS.get(event["subtype"][0]["code"], OTHER)
    requestor, *others = event["agent"]
    recipient = next((one["altId"] for one in others if "altId" in one), "-")
    things = [one["what"]["reference"] for one in event["entity"] if "what" in one and "role" not in one]
    grants = [policy.rpartition("/")[2] for policy in requestor["policy"] if policy != POLICY]
    when = event["recorded"][:19].replace("T", " ")
    role = KNOWN[requestor["role"][0]["coding"][0]["code"]]
    by = f"{requestor['who']['identifier']['value']} ({role.nl})"
    return when, kind.nl, ", ".join(things) or "-", by, recipient, f"toestemming {grants[0]}" if grants else "-"
