-- Intake without looking up what it has just written ------------------------------------------------------------------------------------

-- A row is only ever written by the statement that journals it, with the journal row's own organisation and source: three look-ups a
-- message said what that statement says already.
alter table inbound_message
  drop constraint inbound_message_org_fkey, drop constraint inbound_message_source_id_fkey, drop constraint inbound_message_journal_id_fkey;

-- One look-up in place of two, and a stronger one: a journal row can't name another organisation's source.
alter table source add constraint source_of_organisation unique (org, id);
alter table journal drop constraint journal_org_fkey, drop constraint journal_source_id_fkey,
  add constraint journal_source foreign key (org, source_id) references source (org, id);

-- Sealed bytes don't get smaller: nobody tries.
alter table journal alter column body set storage external;
