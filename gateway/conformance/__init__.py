"""Conformance: what in a message deviates from the HL7 v2 standard (docs/hl7v2.md). Off the way of a message: nobody waits for it."""

from __future__ import annotations

from gateway.conformance.finding import Finding
from gateway.conformance.report import report, report_of

__all__ = ["Finding", "report", "report_of"]
