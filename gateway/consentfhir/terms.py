"""Addresses and codes that stand in our Consents."""

from __future__ import annotations

from typing import Any, Final

from gateway.canonical import AUDIENCE, BASE
from gateway.disclosure.decide import BASE_CLASSES, Level

RIGHTS_POLICY: Final = f"{BASE}/policy/portal-rights"
OBJECTIONS_POLICY: Final = f"{BASE}/policy/other-registry"
PERSON: Final = f"{BASE}/NamingSystem/person"
ORGANISATION: Final = f"{BASE}/NamingSystem/organisation"
REGISTRY: Final = f"{BASE}/NamingSystem/consent-registry"
CLASS: Final = f"{BASE}/CodeSystem/disclosure-class"
CATEGORY: Final = f"{BASE}/CodeSystem/actor-category"
REASON_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
FAMILY: Final = "SUPNWK"

# A permission that is set aside: who doesn't know this must not read it as one that holds.
SUSPENDED: Final = f"{BASE}/StructureDefinition/right-suspended"
BASIS: Final = f"{BASE}/StructureDefinition/right-basis"
REPRESENTATIVE: Final = f"{BASE}/StructureDefinition/right-representative"
PARENTAL: Final = f"{BASE}/StructureDefinition/right-parental"
CONFIRMED: Final = f"{BASE}/StructureDefinition/right-confirmed"
EXCLUSION_REASON: Final = f"{BASE}/StructureDefinition/exclusion-reason"

SCOPE: Final[dict[str, Any]] = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/consentscope",
            "code": "patient-privacy",
            "display": "Privacy Consent",
        }
    ]
}
KIND: Final[dict[str, Any]] = {"coding": [{"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}]}
RECIPIENT: Final[dict[str, Any]] = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
            "code": "IRCP",
            "display": "information recipient",
        }
    ]
}
ACCESS: Final[dict[str, Any]] = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "access", "display": "Access"}]
}
# The audiences that a level opens.
AUDIENCES_OF: Final[dict[Level, tuple[str, ...]]] = {
    "basic": ("circle",),
    "private-medical": ("circle", "trust-group", "provider-and-trust-group"),
}
# What comes with every right; a permission for no class at all is written as one for these.
ALWAYS: Final = tuple(sorted(BASE_CLASSES))


def labels(level: Level) -> list[dict[str, str]]:
    """Return the security labels of a level."""
    return [{"system": AUDIENCE, "code": audience} for audience in AUDIENCES_OF[level]]
