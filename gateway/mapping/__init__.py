"""The mapping language: row tables in YAML, checked against FHIR R4 and compiled to Python (docs/mapping-language.md)."""

from __future__ import annotations

from gateway.mapping.convert import ConvertContext, Converted, Converter, Note, RejectRecord, Unmappable, converter

__all__ = ["ConvertContext", "Converted", "Converter", "Note", "RejectRecord", "Unmappable", "converter"]
