-- Whether the client died, as the source last said (what it says again changes nothing), and who stopped sharing: 'source', or a person.
alter table client add column deceased boolean not null default false, add column stopped_by text;

-- A Patient says so, or no longer. Whatever looks like it makes the client due; what is meant, the body's reader decides.
create function says_deceased(body bytea) returns boolean language sql immutable parallel safe
  as $$ select position('"deceasedBoolean":true'::bytea in body) > 0 or position('"deceasedDateTime":"'::bytea in body) > 0 $$;
create function note_death() returns trigger language plpgsql as $$
begin
  insert into disclose_due (org, client_id, cause)
  select org, id, 'death' from client
  where id = new.client_id and patient_rid = new.rid and deceased is distinct from says_deceased(new.body);
  return null;
end $$;
create trigger resource_death after insert or update of body, client_id on resource for each row
when (new.rtype = 'Patient' and not new.deleted) execute function note_death();

-- Who died before now, by what is stored already. The owner is itself under row security (forced).
alter table resource no force row level security;
alter table disclose_due no force row level security;
insert into disclose_due (org, client_id, cause)
select org, client_id, 'death' from resource
where rtype = 'Patient' and not deleted and client_id is not null and says_deceased(body);
alter table resource force row level security;
alter table disclose_due force row level security;
