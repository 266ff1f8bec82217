-- How many items were last told to be held back from each of the client's members, by reason: the trail is told again when it changes.
alter table client add column withheld jsonb not null default '{}';
