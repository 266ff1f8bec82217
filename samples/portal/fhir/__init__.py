"""The portal contract's FHIR side."""
