"""The CapabilityStatement."""

from __future__ import annotations


def capability_statement(base: str) -> dict[str, object]:
    """Return what a member's base can do."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "software": {"name": "Zorgsluis sample portal"},
        "implementation": {"description": "Portal contract, granularity member", "url": f"{base}/fhir/{{member}}"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": f"OAuth 2 client credentials with private_key_jwt (ES384, RS384) at {base}/token"},
                "interaction": [{"code": "transaction"}],
            }
        ],
    }
