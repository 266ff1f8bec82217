"""What the FHIR interface can do, as a CapabilityStatement: what isn't in it isn't there."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

# When what this says last changed.
DATED: Final = "2026-11-21"
SECURITY: Final = "The operator's token as Authorization: Bearer; the interface listens on loopback."
INTERACTIONS: Final = {"Consent": ("read", "search-type", "create", "update"), "CareTeam": ("read", "search-type", "update")}
SAYS: Final = {
    "Consent": "A client's rights, and what other registries say of them. Carried out exactly or refused with 422.",
    "CareTeam": "Who is linked to a client, at which level. Carried out exactly or refused with 422. It comes into being with the first link.",
}


def capability_statement() -> dict[str, Any]:
    """Return the statement."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATED,
        "kind": "instance",
        "software": {"name": "Zorgsluis", "version": version("zorgsluis")},
        "implementation": {"description": "Rights of clients and their trust groups, for the care organisation's own systems"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {"mode": "server", "security": {"description": SECURITY}, "resource": [_resource(type_) for type_ in INTERACTIONS]}
        ],
    }


def _resource(type_: str) -> dict[str, Any]:
    return {
        "type": type_,
        "documentation": SAYS[type_],
        "interaction": [{"code": code} for code in INTERACTIONS[type_]],
        "versioning": "versioned-update",
        "readHistory": False,
        "updateCreate": False,
        "searchParam": [
            {
                "name": "patient",
                "type": "reference",
                "documentation": "Patient/id or id; a search needs it and knows no other parameter",
            }
        ],
    }
