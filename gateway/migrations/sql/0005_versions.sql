-- Versions of maps that analysts make, and messages that people put right -------------------------------------------------------------

-- base_sha: the shipped set that an analyst's version stands on; null for a shipped set itself.
alter table mapping_version add column base_sha bytea, add column added_at timestamptz;
-- The set that was last taken over from the installed program: only another one than this changes what is active.
alter table source add column shipped_sha bytea;
-- The quarantined row that this one was journalled in place of.
alter table journal add column replaces bigint references journal;
create unique index journal_replaces on journal (replaces) where replaces is not null;
-- The newest messages of one source, whatever became of them.
create index journal_source on journal (source_id, id);
