"""A portal of the portal contract (docs/portal-contract.md): one FHIR base per member, written by transaction Bundles.

Bundles are built by joining bytes: a resource that was stored as ``72.50`` leaves as ``72.50``.
"""

from __future__ import annotations

from connectors.portals.member_fhir.sink import PORTAL, TYPES, MemberFhir

__all__ = ["PORTAL", "TYPES", "MemberFhir"]
