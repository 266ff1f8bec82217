-- Questions about an earlier day look at rows that were superseded since, which the partial indexes leave out.
create index trust_grant_client on trust_grant (client_id);
create index exclusion_ever on exclusion (client_id);
create index representation_ever on representation (client_id);
create index external_consent_ever on external_consent (client_id);
