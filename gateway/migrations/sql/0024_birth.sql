-- Who decides follows from the client's age: a Patient who was born on another day makes a client with members due at once. Whatever looks like
-- another day does; what is a date, the body's reader decides.
create function note_birth() returns trigger language plpgsql as $$
begin
  insert into disclose_due (org, client_id, cause)
  select org, id, 'birth-date' from client
  where id = new.client_id and patient_rid = new.rid
    and to_char(birth_date, 'YYYY-MM-DD') is distinct from substring(convert_from(new.body, 'UTF8') from '"birthDate":"(\d{4}-\d{2}-\d{2})"')
    and exists (select from link where link.client_id = client.id);
  return null;
end $$;
create trigger resource_birth after insert or update of body, client_id on resource for each row
when (new.rtype = 'Patient' and not new.deleted) execute function note_birth();

-- What changed before now and waits for its slot may be such a change. The owner is itself under row security (forced).
alter table disclose_due no force row level security;
insert into disclose_due (org, client_id, cause) select distinct org, client_id, 'birth-date' from disclose_due where cause = 'store';
alter table disclose_due force row level security;
