"""Addresses that stand in delivered bytes: one place, because a change reaches every portal."""

from __future__ import annotations

from typing import Final

BASE: Final = "https://zorgsluis.example/fhir"
AUDIENCE: Final = f"{BASE}/CodeSystem/audience"
RIGHT: Final = f"{BASE}/CodeSystem/right"
LEVENSDOMEIN: Final = f"{BASE}/CodeSystem/zorgleefplan-domein"
MEMBER: Final = f"{BASE}/NamingSystem/member"
RESOURCE: Final = f"{BASE}/NamingSystem/resource"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
BSN: Final = "http://fhir.nl/fhir/NamingSystem/bsn"


def record_uri(system: str, stream: str, key: str) -> str:
    """Return ``meta.source`` of what a source record yields: it joins a resource, also a reduced one, to its record."""
    return f"{BASE}/record/{system}/{stream}#{key}"
