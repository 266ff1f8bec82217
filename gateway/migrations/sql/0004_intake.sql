-- What is pushed to us -----------------------------------------------------------------------------------------------------------

-- One row for each message that was taken in, refused ones too: the same bytes again get the same answer again and have no second effect.
-- control_id is the sender's number, or a keyed hash where it gave none that can be used; day is set where a sender starts its numbers
-- anew each day; variant is empty for the first bytes under a number and the keyed hash of other bytes that came under it later.
create table inbound_message (
  org smallint not null references organisation,
  source_id integer not null references source,
  sender text not null,
  control_id text not null,
  day text not null default '',
  variant text not null default '',
  journal_id bigint not null references journal,
  body_hash bytea not null,
  code text not null,
  ack bytea not null,
  received_at timestamptz not null,
  primary key (source_id, sender, control_id, day, variant)
);

-- The first ledger's intake side of what is pushed, counted in the transaction that journals; for what is read it is in slice.
create table inbound_tally (
  org smallint not null references organisation,
  source_id integer not null references source,
  stream text not null,
  received bigint not null,
  duplicates bigint not null,
  journalled bigint not null,
  primary key (source_id, stream)
);

do $$
declare name text;
begin
  foreach name in array array['inbound_message', 'inbound_tally'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_organisation on %I using (org = app_org()) with check (org = app_org())', name);
  end loop;
end $$;
