-- How the last twenty calls of a portal ended, the newest to the right: 1 a failure, 0 a success or a call that wasn't made yet.
alter table portal add column recent bit(20) not null default 0::bit(20);
