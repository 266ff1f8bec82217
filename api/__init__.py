"""The ways in: command line, operations pages, and later the FHIR, inbound and capacity APIs."""
