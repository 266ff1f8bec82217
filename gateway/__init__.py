"""The core: knows FHIR, time, consent and the journal; knows no vendor, no web framework, no task queue."""
