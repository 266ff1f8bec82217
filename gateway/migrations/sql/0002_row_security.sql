-- Every table with client data is walled by organisation: no organisation set, no rows.

create function app_org() returns smallint language sql stable parallel safe
  as $$ select nullif(current_setting('app.org', true), '')::smallint $$;

-- The transaction's own time: set by the caller's clock, so that a decision can be repeated and tests can move time.
create function app_now() returns timestamptz language sql stable parallel safe
  as $$ select coalesce(nullif(current_setting('app.at', true), '')::timestamptz, now()) $$;

do $$
declare name text;
begin
  foreach name in array array[
    'key_fingerprint', 'source', 'portal', 'schedule', 'run_slot', 'run', 'slice', 'checkpoint', 'journal', 'source_record',
    'mapping_version', 'mapping_issue', 'client', 'resource', 'resource_history', 'resource_secret', 'resource_projection',
    'resource_reference', 'origin', 'change', 'person', 'link', 'trust_grant', 'exclusion', 'class_map', 'disclose_due',
    'disclosure_ledger', 'lane', 'outbox', 'audit_chain', 'audit_event'
  ] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_organisation on %I using (org = app_org()) with check (org = app_org())', name);
  end loop;
end $$;

grant usage on schema public to zorgsluis_app, zorgsluis_engine;
grant select, insert, update, delete on all tables in schema public to zorgsluis_app, zorgsluis_engine;
grant usage on all sequences in schema public to zorgsluis_app, zorgsluis_engine;
-- The trail is append-only for everyone who runs.
revoke update, delete on audit_event from zorgsluis_app, zorgsluis_engine;
alter default privileges in schema public grant select, insert, update, delete on tables to zorgsluis_app, zorgsluis_engine;
alter default privileges in schema public grant usage on sequences to zorgsluis_app, zorgsluis_engine;
