-- Organisations, neighbours and time ------------------------------------------------------------------------------------------

create table organisation (
  id smallint generated always as identity primary key,
  code text not null unique,
  name text not null
);

-- Start refuses with exit 3 when the keys on disk aren't the keys that this database was written with.
create table key_fingerprint (
  org smallint not null references organisation,
  purpose text not null check (purpose in ('namespace', 'hash', 'audit')),
  fingerprint bytea not null,
  primary key (org, purpose)
);

create table source (
  id integer generated always as identity primary key,
  org smallint not null references organisation,
  code text not null,
  connector text not null,
  system text not null,
  zone text not null,
  settings jsonb not null default '{}',
  breaker_reason text,
  breaker_until timestamptz,
  failures integer not null default 0,
  unique (org, code)
);

create table portal (
  id integer generated always as identity primary key,
  org smallint not null references organisation,
  code text not null,
  connector text not null,
  settings jsonb not null default '{}',
  breaker_reason text,
  breaker_until timestamptz,
  failures integer not null default 0,
  unique (org, code)
);

create table schedule (
  id integer generated always as identity primary key,
  org smallint not null references organisation,
  code text not null,
  zone text not null,
  hours smallint[] not null,
  since timestamptz not null,
  unique (org, code)
);

-- A slot without an outcome is under way (or its process died: its lease runs out and another goes on with it).
create table run_slot (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  schedule_id integer not null references schedule,
  slot timestamptz not null,
  outcome text check (outcome in ('ran', 'coalesced', 'skipped')),
  reason text,
  fence bigint not null default 0,
  lease_until timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  unique (schedule_id, slot)
);

-- Intake ------------------------------------------------------------------------------------------------------------------------

create table run (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  source_id integer not null references source,
  slot_id bigint references run_slot,
  number integer not null,
  started_at timestamptz not null,
  partitioned boolean not null default false,
  finished_at timestamptz,
  outcome text check (outcome in ('done', 'partly', 'failed')),
  error_code text,
  error_detail text,
  unique (source_id, number)
);

create table slice (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  run_id bigint not null references run,
  source_id integer not null references source,
  stream text not null,
  partition text not null default '',
  lower text,
  upper text,
  next_page text,
  reconcile boolean not null default false,
  state text not null default 'ready' check (state in ('ready', 'done', 'failed')),
  fence bigint not null default 0,
  lease_until timestamptz,
  attempt integer not null default 0,
  not_before timestamptz,
  max_cursor text,
  -- what a complete reading no longer gave: [record key, journal id of its newest version]
  missing jsonb not null default '[]',
  error_code text,
  error_detail text,
  -- the first ledger's intake side, counted in the transaction that journals
  requests integer not null default 0,
  received integer not null default 0,
  duplicates integer not null default 0,
  journalled integer not null default 0
);
create index slice_run on slice (run_id, state);

create table checkpoint (
  org smallint not null references organisation,
  source_id integer not null references source,
  stream text not null,
  partition text not null default '',
  value text,
  updated_at timestamptz not null,
  primary key (source_id, stream, partition)
);

-- body is an AES-GCM envelope; its additional data is table, source/stream/key and column. state is the record's whole fate.
create table journal (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  source_id integer not null references source,
  run_id bigint references run,
  stream text not null,
  kind text not null,
  record_key text not null,
  version text,
  op text not null check (op in ('upsert', 'delete')),
  body bytea,
  body_hash bytea not null,
  labels text[] not null default '{}',
  origin text,
  source_time timestamptz,
  received_at timestamptz not null,
  state text not null default 'waiting'
    check (state in ('waiting', 'mapped', 'deleted', 'quarantined', 'set-aside')),
  reason text,
  mapping_sha bytea,
  mapped_at timestamptz
);
create index journal_waiting on journal (source_id, id) where state = 'waiting';
create index journal_record on journal (source_id, stream, record_key, id);
create index journal_aside on journal (source_id, state) where state in ('quarantined', 'set-aside');

-- The newest journalled version of each record: what a re-read is compared with, and what absence is judged by.
create table source_record (
  org smallint not null references organisation,
  source_id integer not null references source,
  stream text not null,
  record_key text not null,
  partition text not null default '',
  journal_id bigint not null references journal,
  body_hash bytea not null,
  deleted boolean not null default false,
  day date,
  primary key (source_id, stream, record_key)
);
create index source_record_day on source_record (source_id, stream, partition, day);

create table mapping_version (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  source_id integer not null references source,
  sha256 bytea not null,
  files jsonb not null,
  label text not null,
  state text not null check (state in ('draft', 'active', 'retired')),
  activated_at timestamptz,
  unique (source_id, sha256)
);
create unique index mapping_version_active on mapping_version (source_id) where state = 'active';

create table mapping_issue (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  journal_id bigint not null references journal,
  severity text not null,
  code text not null,
  row_id text not null,
  source_path text not null,
  target_path text not null,
  masked text not null,
  reason text not null,
  action text not null
);
create index mapping_issue_journal on mapping_issue (journal_id);

-- Store -------------------------------------------------------------------------------------------------------------------------

-- A client comes into being with the first resource in its compartment; patient_rid is the id of its Patient.
create table client (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  patient_rid text not null,
  stop_reason text,
  stopped_at timestamptz,
  frozen boolean not null default false,
  next_change_at timestamptz,
  unique (org, patient_rid)
);
create index client_next_change on client (next_change_at) where next_change_at is not null;

create table resource (
  rkey bigint generated always as identity primary key,
  org smallint not null references organisation,
  rtype text not null,
  rid text not null,
  version integer not null,
  deleted boolean not null default false,
  last_updated timestamptz not null,
  client_id bigint references client,
  hash bytea not null,
  body bytea not null,
  system text not null,
  class_key text not null,
  audience text,
  labels text[] not null default '{}',
  data_at timestamptz,
  withdrawn boolean not null default false,
  origin_portal text,
  source_time timestamptz,
  journal_id bigint references journal,
  mapping_sha bytea,
  unique (org, rtype, rid)
);
alter table resource alter column body set storage external;
create index resource_client on resource (client_id, rtype);

create table resource_history (
  org smallint not null references organisation,
  rkey bigint not null references resource,
  version integer not null,
  op text not null check (op in ('create', 'update', 'delete')),
  last_updated timestamptz not null,
  hash bytea not null,
  body bytea not null,
  journal_id bigint,
  mapping_sha bytea,
  primary key (rkey, version)
);
alter table resource_history alter column body set storage external;

create table resource_secret (
  org smallint not null references organisation,
  rkey bigint not null references resource,
  version integer not null,
  name text not null,
  envelope bytea not null,
  keyed_hash bytea not null,
  primary key (rkey, version, name)
);
create index resource_secret_hash on resource_secret (org, name, keyed_hash);

-- One row per named projection of the current version: what a member holds is compared by this hash, without building the bytes.
create table resource_projection (
  org smallint not null references organisation,
  rkey bigint not null references resource,
  name text not null,
  hash bytea not null,
  primary key (rkey, name)
);

-- What a projection of the current version refers to: a directory resource travels with what refers to it.
create table resource_reference (
  org smallint not null references organisation,
  rkey bigint not null references resource,
  projection text not null,
  target_type text not null,
  target_id text not null,
  primary key (rkey, projection, target_type, target_id)
);
create index resource_reference_target on resource_reference (org, target_type, target_id);

-- What a record yields. A resource goes when no record yields it any more.
create table origin (
  org smallint not null references organisation,
  system text not null,
  stream text not null,
  record_key text not null,
  rkey bigint not null references resource,
  primary key (org, system, stream, record_key, rkey)
);
create index origin_resource on origin (rkey);

-- The fenced change feed: read in (xid, seq) order, below pg_snapshot_xmin.
create table change (
  seq bigint generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  org smallint not null references organisation,
  rkey bigint not null,
  version integer not null,
  op text not null,
  client_id bigint,
  rtype text not null,
  primary key (xid, seq)
);

-- Consent -----------------------------------------------------------------------------------------------------------------------

create table person (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  code text not null,
  unique (org, code)
);

-- One person's link to one client at one portal: a member. epoch moves with every change of what the member may see.
create table link (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  portal_id integer not null references portal,
  client_id bigint not null references client,
  person_id bigint not null references person,
  member uuid not null unique,
  related_rid text,
  state text not null check (state in ('pending', 'active', 'ended')),
  epoch bigint not null default 1,
  linked_at timestamptz not null,
  ended_at timestamptz,
  unique (portal_id, client_id, person_id)
);
create index link_client on link (client_id);

-- Append-only: a change is a new row; superseded_at closes the old one.
create table trust_grant (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  client_id bigint not null references client,
  person_id bigint not null references person,
  level text not null check (level in ('none', 'basic', 'private-medical')),
  classes text[],
  data_from timestamptz,
  data_to timestamptz,
  valid_from timestamptz not null,
  valid_to timestamptz,
  status text not null check (status in ('active', 'suspended', 'withdrawn', 'entered-in-error')),
  granted_by text not null,
  basis text not null check (basis in ('client', 'representative', 'statutory')),
  recorded_at timestamptz not null,
  superseded_at timestamptz,
  supersedes bigint references trust_grant
);
create index trust_grant_current on trust_grant (client_id, person_id) where superseded_at is null;

create table exclusion (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  client_id bigint not null references client,
  person_id bigint references person,
  class text,
  rkey bigint references resource,
  valid_from timestamptz not null,
  valid_to timestamptz,
  reason_code text not null,
  set_by text not null,
  recorded_at timestamptz not null,
  superseded_at timestamptz
);
create index exclusion_client on exclusion (client_id) where superseded_at is null;

-- system '*' holds for the gateway's own resources. basic_projection: how a basic member sees it (null: not at all).
create table class_map (
  org smallint not null references organisation,
  system text not null,
  class_key text not null,
  class text not null,
  audience text,
  basic_projection text,
  label text,
  primary key (org, system, class_key)
);

create table disclose_due (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  client_id bigint not null references client,
  cause text not null
);
create index disclose_due_client on disclose_due (client_id);

-- What each member should hold (projection, content_hash, version) and does hold (held_hash, held_version, etag). Rows exist only for what
-- was ever due. A row that should hold nothing has a null content_hash.
create table disclosure_ledger (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  portal_id integer not null references portal,
  client_id bigint not null references client,
  link_id bigint not null references link,
  rkey bigint not null references resource,
  projection text,
  content_hash bytea,
  version integer,
  code text not null,
  grant_id bigint references trust_grant,
  epoch bigint not null,
  decided_at timestamptz not null,
  held_projection text,
  held_hash bytea,
  held_version integer,
  etag text,
  state text not null check (state in
    ('deliver_pending', 'delivered', 'retract_pending', 'retracted', 'retract_failed', 'cannot_retract')),
  delivered_at timestamptz,
  retracted_at timestamptz,
  unique (link_id, rkey)
);
create index disclosure_ledger_client on disclosure_ledger (client_id);
create index disclosure_ledger_resource on disclosure_ledger (rkey);

create table lane (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  portal_id integer not null references portal,
  client_id bigint not null references client,
  fence bigint not null default 0,
  lease_until timestamptz,
  not_before timestamptz,
  attempt integer not null default 0,
  unique (portal_id, client_id)
);

-- Work to send: one row per ledger row, overwritten by a newer decision (revision tells). sent_at is written before the socket is: a row
-- with it and without a receipt is in doubt and is read back before it is sent again.
create table outbox (
  id bigint generated always as identity primary key,
  org smallint not null references organisation,
  lane_id bigint not null references lane,
  ledger_id bigint not null unique references disclosure_ledger,
  link_id bigint not null references link,
  op text not null check (op in ('put', 'delete')),
  revision integer not null default 1,
  epoch bigint not null,
  queued_at timestamptz not null,
  state text not null default 'ready' check (state in ('ready', 'parked')),
  sent_at timestamptz,
  attempt integer not null default 0,
  not_before timestamptz,
  error_code text,
  error_detail text
);
create index outbox_lane on outbox (lane_id, state);

-- Audit: one hash chain per writer, by HMAC with a key outside the database (NEN 7513 fields in detail). -----------------------------

create table audit_chain (
  id uuid primary key,
  org smallint not null references organisation,
  started_at timestamptz not null,
  seq bigint not null default 0,
  head bytea not null
);

create table audit_event (
  chain_id uuid not null references audit_chain,
  seq bigint not null,
  org smallint not null references organisation,
  at timestamptz not null,
  event text not null,
  action text not null,
  agent text not null,
  client_id bigint,
  link_id bigint,
  rkey bigint,
  detail jsonb not null,
  mac bytea not null,
  primary key (chain_id, seq)
);
create index audit_event_client on audit_event (client_id, at);
