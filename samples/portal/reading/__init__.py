"""From FHIR to what a page says: first the rights, then a file for each page."""
