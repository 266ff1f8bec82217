"""The canonical addresses of the portal contract, written down again: the portal shares no code with the gateway."""

from __future__ import annotations

from typing import Final

BASE: Final = "https://zorgsluis.example/fhir"
AUDIENCE: Final = f"{BASE}/CodeSystem/audience"
RIGHT: Final = f"{BASE}/CodeSystem/right"
LEVENSDOMEIN: Final = f"{BASE}/CodeSystem/zorgleefplan-domein"
MEMBER: Final = f"{BASE}/NamingSystem/member"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SNOMED: Final = "http://snomed.info/sct"
REPORT_TITLE: Final = "http://medmij.nl/fhir/StructureDefinition/ext-NursingReport.ReportTitle"
COMMUNICATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/communication-category"
