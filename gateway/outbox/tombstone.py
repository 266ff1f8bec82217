"""What stands in the place of a resource that was taken back, at a portal that overwrites and doesn't delete.

The type's own status says that it never should have been there (``entered-in-error``), or, where the type has no such code, that it is out of
use. Nothing of the content stays: what the type requires is there as absent (``data-absent-reason``: masked), references too, and a code that
must be one of a few is always the same one.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.canonicalise import content_hash
from gateway.connector import RemoteState
from gateway.jsonbytes import DecodeError, dumps, loads

MASKED: Final = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
ERROR: Final = {"status": "entered-in-error"}
INACTIVE: Final = {"active": False}
# What bytes of somebody else's can do to who reads them: no JSON, no UTF-8, nested without end, numbers without end, another shape.
UNREADABLE: Final = (DecodeError, ValueError, RecursionError, ArithmeticError, LookupError, AttributeError, TypeError)


def _verified(codes: str) -> dict[str, Any]:
    coding = {"system": f"http://terminology.hl7.org/CodeSystem/{codes}", "code": "entered-in-error"}
    return {"verificationStatus": {"coding": [coding]}}


# FHIR R4: each type's status, and the rest of what is required of it (cardinality 1 and more, and the invariants on presence).
FORMS: Final[dict[str, dict[str, Any]]] = {
    "AllergyIntolerance": {**_verified("allergyintolerance-verification"), "patient": MASKED},
    "Appointment": {**ERROR, "_start": MASKED, "_end": MASKED, "participant": [{"type": [MASKED], "status": "declined"}]},
    "CarePlan": {**ERROR, "intent": "plan", "subject": MASKED},
    "CareTeam": ERROR,
    "Communication": ERROR,
    "Composition": {**ERROR, "type": MASKED, "_date": MASKED, "author": [MASKED], "_title": MASKED},
    "Condition": {**_verified("condition-ver-status"), "subject": MASKED},
    "DocumentReference": {**ERROR, "content": [{"attachment": MASKED}]},
    "Encounter": {**ERROR, "class": MASKED},
    "Goal": {"lifecycleStatus": "entered-in-error", "description": MASKED, "subject": MASKED},
    "Location": {"status": "inactive"},
    "Medication": ERROR,
    "MedicationDispense": {**ERROR, "medicationCodeableConcept": MASKED},
    "MedicationRequest": {**ERROR, "intent": "plan", "medicationCodeableConcept": MASKED, "subject": MASKED},
    "MedicationStatement": {**ERROR, "medicationCodeableConcept": MASKED, "subject": MASKED},
    "Observation": {**ERROR, "code": MASKED},
    "Organization": {**INACTIVE, "identifier": [MASKED]},
    "Patient": INACTIVE,
    "Practitioner": INACTIVE,
    "PractitionerRole": INACTIVE,
    "Procedure": {**ERROR, "subject": MASKED},
    "Questionnaire": {"status": "retired"},
    "QuestionnaireResponse": ERROR,
    "RelatedPerson": {**INACTIVE, "patient": MASKED},
    "ServiceRequest": {**ERROR, "intent": "plan", "subject": MASKED},
}


def tombstone(type_: str, id_: str) -> bytes | None:
    """Return what takes the resource's place, ``None`` for a type that only a deletion takes back."""
    form = FORMS.get(type_)
    return None if form is None else dumps({"resourceType": type_, "id": id_, **form})


def hash_of(state: RemoteState) -> bytes | None:
    """Return the content hash of what the portal holds; ``None`` when that is nothing, or a tombstone. What isn't JSON matches nothing."""
    if state.body is None:
        return None
    try:
        held = content_hash(loads(state.body))
        stone = tombstone(state.type, state.id)
        return None if stone is not None and held == content_hash(loads(stone)) else held
    except UNREADABLE:
        return b""


def is_gone(state: RemoteState) -> bool:
    """Tell whether a member is shown nothing of it any more."""
    return hash_of(state) is None
