-- In which order rows of the trail were written, whatever the clock said: a clock may be set back. Rows of before now have their time alone.
-- No row is rewritten for it: the trail may be long. The chain doesn't seal the number, as it does the place in the chain.
create sequence audit_event_written;
alter table audit_event add column written bigint;
alter table audit_event alter column written set default nextval('audit_event_written');
alter sequence audit_event_written owned by audit_event.written;
