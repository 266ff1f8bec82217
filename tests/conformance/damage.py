"""One way to spoil a resource of each kind: a validator that doesn't see it, sees nothing of that kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from tests.conformance.produced import kind_of

Body = dict[str, Any]


def without(*path: str | int) -> Callable[[Body], None]:
    """Return a change that takes the element at ``path`` away."""

    def change(body: Body) -> None:
        node: Any = body
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]

    return change


def replaced(value: Any, *path: str | int) -> Callable[[Body], None]:
    """Return a change that puts ``value`` at ``path``."""

    def change(body: Body) -> None:
        node: Any = body
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value

    return change


DAMAGE: Final[Mapping[str, Callable[[Body], None]]] = {
    "nl-core-Patient": replaced("X", "_gender", "extension", 0, "valueCodeableConcept", "coding", 0, "code"),
    "nl-core-ContactPerson": without("patient"),
    "nl-core-HealthProfessional-Practitioner": without("name", 0, "_given"),
    "nl-core-HealthProfessional-PractitionerRole": replaced({"reference": "Patient/x", "type": "Patient"}, "practitioner"),
    "nl-core-HealthcareProvider-Organization": replaced("geen", "type", 0, "coding", 0, "code"),
    "nl-core-BodyWeight": replaced("[lb_av]", "valueQuantity", "code"),
    "nl-core-BloodPressure": without("component", 1),
    "nl-core-BodyHeight": replaced("[ft_us]", "valueQuantity", "code"),
    "nl-core-HeartRate": replaced("/h", "valueQuantity", "code"),
    "nl-core-FluidBalance.FluidTotalIn": without("code", "coding", 0),
    "nl-core-FluidBalance.FluidTotalOut": without("code", "coding", 0),
    "DocumentReference": without("content"),
    "nl-core-BodyTemperature": replaced("Cek", "valueQuantity", "code"),
    "nl-core-O2Saturation": without("code", "coding", 1),
    "nl-core-LaboratoryTestResult": without("category", 0, "coding"),
    "nl-core-PainScore": replaced(-1, "valueInteger"),
    "nl-core-SOAPReport": without("author"),
    "nl-core-SOAPReport.SOAPLine": replaced("38341003", "code", "coding", 0, "code"),
    "nl-core-TreatmentObjective": without("description"),
    "nl-core-NursingIntervention": without("category", 0, "coding"),
    "nursing-report": without("valueString"),
    "zorgleefplan": without("period"),
    "care-appointment": without("comment"),
    "nl-core-Encounter": replaced("binnen", "status"),
    "nl-core-HealthcareProvider": replaced("kapot", "status"),
    "Patient": replaced("vrouw", "gender"),
    "AllergyIntolerance": without("patient"),
    "Appointment": replaced("misschien", "status"),
    "nl-core-Problem": without("subject"),
    "Condition": without("subject"),
    "CarePlan": without("intent"),
    "ServiceRequest": replaced("misschien", "status"),
    "Observation": replaced("definitief", "status"),
    "CareTeam": replaced("actief", "status"),
    "Consent": without("scope"),
    "AuditEvent": without("recorded"),
}


def damaged(body: Body) -> Body:
    """Return a spoiled copy of a resource."""
    copy = deepcopy(body)
    DAMAGE[kind_of(body)](copy)
    return copy
