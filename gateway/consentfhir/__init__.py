"""A client's rights as FHIR Consent, in the manner of IHE's Privacy Consent on FHIR (intermediate), out and in; and the CareTeam."""
