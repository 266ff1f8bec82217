-- One night's comparison of a sample of members with their portals: made once, by whoever comes first.
create table drift_night (
  org smallint not null references organisation,
  night date not null,
  begun_at timestamptz not null,
  finished_at timestamptz,
  members integer not null default 0,
  equal integer not null default 0,
  missing integer not null default 0,
  extra integer not null default 0,
  differing integer not null default 0,
  error_code text,
  primary key (org, night)
);
alter table drift_night enable row level security;
alter table drift_night force row level security;
create policy own_organisation on drift_night using (org = app_org()) with check (org = app_org());

-- How often the portal failed over this row, sent by itself, right after it had taken something else.
alter table outbox add column alone smallint not null default 0;
