-- Representation, care pages, codes, invitations, consents of others, tasks; and everything a decision of an earlier day is explained from --

-- What the organisation asks before it shows a dossier (1 password, 2 a second factor, 3 substantial), and how long that step holds.
alter table organisation add column dossier_acr smallint not null default 2 check (dossier_acr between 2 and 3),
  add column step_up_minutes integer check (step_up_minutes > 0);
-- The level that a portal's step-up reaches, from its manifest: without a step-up (portal.step_up) it is 1.
alter table portal add column acr smallint not null default 2 check (acr between 1 and 3),
  add column max_entries integer, add column audiences text[];

-- birth_date: the age clock (12, 16, 18). end_of_care_at: from that moment sharing stops as the organisation has it.
alter table client add column birth_date date, add column end_of_care_at timestamptz;

-- Who may act for a client, in what (medical, care, finance), and until when.
create table representation (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  client_id bigint not null references client,
  person_id bigint not null references person,
  kind text not null check (kind in
    ('parent-authority', 'guardian', 'curator', 'mentor', 'written-proxy', 'family-7465', 'administrator-finance')),
  scope text[] not null check (scope <@ array['medical', 'care', 'finance'] and cardinality(scope) > 0),
  valid_from timestamptz not null,
  valid_to timestamptz,
  evidence_ref text,
  set_by text not null,
  recorded_at timestamptz not null,
  superseded_at timestamptz
);
create index representation_client on representation (client_id) where superseded_at is null;

-- parental: it rests on a parent's authority. confirmed_at: when it was last confirmed by whom the age clock makes decide.
-- representation_id: the mandate of who gave it (basis 'representative'); its end opens a task.
alter table trust_grant add column parental boolean not null default false, add column confirmed_at timestamptz,
  add column representation_id bigint references representation, add column source_ref text;

-- What another registry says of the client's will. Empty actor, class and resource: about anybody, anything.
create table external_consent (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  client_id bigint not null references client,
  decision text not null check (decision in ('permit', 'deny')),
  person_id bigint references person,
  category text,
  purpose text,
  class text,
  rkey bigint references resource,
  valid_from timestamptz not null,
  valid_to timestamptz,
  source_ref text not null,
  recorded_at timestamptz not null,
  superseded_at timestamptz
);
create index external_consent_client on external_consent (client_id) where superseded_at is null;

-- A page of a portal about one client, with one administrator. The same page number at another organisation is the same page there.
create table care_page (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  portal_id integer not null references portal,
  page uuid not null,
  client_id bigint not null references client,
  administrator_id bigint not null references person,
  opened_at timestamptz not null,
  closed_at timestamptz,
  unique (org, portal_id, page)
);
create index care_page_client on care_page (client_id) where closed_at is null;

-- A code from a letter: only its keyed hash is kept; one use.
create table link_code (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  client_id bigint not null references client,
  portal_id integer not null references portal,
  person_id bigint not null references person,
  hash bytea not null,
  issued_at timestamptz not null,
  issued_by text not null,
  expires_at timestamptz not null,
  redeemed_at timestamptz,
  revoked_at timestamptz,
  unique (org, hash)
);
create index link_code_client on link_code (client_id);
-- Every try of a code or an invitation, right or wrong: what the limit counts. account is a keyed hash of who tried.
create table link_attempt (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  portal_id integer not null references portal,
  account bytea not null,
  at timestamptz not null,
  succeeded boolean not null
);
create index link_attempt_recent on link_attempt (portal_id, account, at);

-- Somebody was asked to join: nothing is shown, and no right exists, before they accept.
create table invitation (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  client_id bigint not null references client,
  page_id bigint not null references care_page,
  invited_by bigint not null references person,
  hash bytea not null,
  level text not null check (level in ('none', 'basic', 'private-medical')),
  classes text[],
  invited_at timestamptz not null,
  expires_at timestamptz not null,
  state text not null default 'proposed' check (state in ('proposed', 'accepted', 'declined', 'withdrawn')),
  answered_at timestamptz,
  person_id bigint references person,
  unique (org, hash)
);
create index invitation_client on invitation (client_id);
create index invitation_page on invitation (page_id);

-- Work for people: what a portal can't take back, a mandate that ended, an age that changes who decides, a retraction that takes too long.
create table task (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  kind text not null check (kind in ('cannot-retract', 'mandate-ended', 'age-review', 'retraction-late', 'drift')),
  client_id bigint references client,
  link_id bigint references link,
  portal_id integer references portal,
  about text not null default '',
  detail jsonb not null default '{}',
  opened_at timestamptz not null,
  due_at timestamptz,
  closed_at timestamptz,
  closed_by text
);
-- One open task for one thing: opened once, however often it is found.
create unique index task_open on task (org, kind, coalesce(client_id, 0), coalesce(link_id, 0), coalesce(portal_id, 0), about)
  where closed_at is null;
create index task_client on task (client_id) where closed_at is null;

-- The past, for questions about an earlier day. Triggers write it, so that no way of changing a row can forget it.
create table link_state (
  org smallint not null references organisation,
  link_id bigint not null references link,
  state text not null,
  since timestamptz not null,
  seq bigint generated always as identity,
  primary key (link_id, seq)
);
create table client_stop (
  org smallint not null references organisation,
  client_id bigint not null references client,
  reason text,
  frozen boolean not null,
  since timestamptz not null,
  seq bigint generated always as identity,
  primary key (client_id, seq)
);
create table class_map_version (
  org smallint not null references organisation,
  system text not null,
  class_key text not null,
  class text,
  audience text,
  basic_projection text,
  label text,
  since timestamptz not null,
  seq bigint generated always as identity,
  primary key (org, system, class_key, seq)
);
-- What disclosure judged an earlier version by; null in rows of before this.
alter table resource_history add column class_key text, add column audience text, add column labels text[],
  add column data_at timestamptz, add column withdrawn boolean;

create function note_link_state() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' or new.state is distinct from old.state then
    insert into link_state (org, link_id, state, since) values (new.org, new.id, new.state, app_now());
  end if;
  return null;
end $$;
create trigger link_state_noted after insert or update of state on link for each row execute function note_link_state();

create function note_client_stop() returns trigger language plpgsql as $$
begin
  if (new.stop_reason, new.frozen) is distinct from (old.stop_reason, old.frozen) then
    insert into client_stop (org, client_id, reason, frozen, since) values (new.org, new.id, new.stop_reason, new.frozen, app_now());
  end if;
  return null;
end $$;
create trigger client_stop_noted after update of stop_reason, frozen on client for each row execute function note_client_stop();

create function note_class_map() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    insert into class_map_version (org, system, class_key, since) values (old.org, old.system, old.class_key, app_now());
  elsif tg_op = 'INSERT' or new is distinct from old then
    insert into class_map_version (org, system, class_key, class, audience, basic_projection, label, since)
      values (new.org, new.system, new.class_key, new.class, new.audience, new.basic_projection, new.label, app_now());
  end if;
  return null;
end $$;
create trigger class_map_noted after insert or update or delete on class_map for each row execute function note_class_map();

-- The owner migrates and is itself under row security (forced): for these lines it looks at every organisation.
alter table link no force row level security;
alter table client no force row level security;
alter table class_map no force row level security;
insert into link_state (org, link_id, state, since) select org, id, 'active', linked_at from link;
insert into link_state (org, link_id, state, since) select org, id, 'ended', ended_at from link where state = 'ended';
insert into client_stop (org, client_id, reason, frozen, since)
  select org, id, stop_reason, frozen, stopped_at from client where stop_reason is not null;
insert into class_map_version (org, system, class_key, class, audience, basic_projection, label, since)
  select org, system, class_key, class, audience, basic_projection, label, '-infinity' from class_map;
alter table link force row level security;
alter table client force row level security;
alter table class_map force row level security;

do $$
declare name text;
begin
  foreach name in array array['representation', 'external_consent', 'care_page', 'link_code', 'link_attempt', 'invitation', 'task',
    'link_state', 'client_stop', 'class_map_version'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_organisation on %I using (org = app_org()) with check (org = app_org())', name);
  end loop;
end $$;
-- The past isn't rewritten.
revoke update, delete on link_state, client_stop, class_map_version from zorgsluis_app, zorgsluis_engine;
