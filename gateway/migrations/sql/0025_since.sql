-- Since when a client is due to be decided anew: one that stays so fails each time, and what should be taken back is still there.
alter table disclose_due add column since timestamptz not null default app_now();
