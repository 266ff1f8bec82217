"""FHIR over HTTP for the care organisation's own systems: rights of clients as Consent, and their CareTeams."""
