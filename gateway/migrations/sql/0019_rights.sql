-- What the disclosure of an item is judged by, and may have changed since it was decided: work that waits is decided anew before it goes
-- (cause 'facts'). A trigger writes it, so that no way of changing a row can forget it. An item of the directory is seen through what refers to it.
create function note_judged() returns trigger language plpgsql as $$
begin
  insert into disclose_due (org, client_id, cause)
  with recursive referring (client_id, rtype, rid) as (
    select new.client_id, new.rtype, new.rid
    union
    select resource.client_id, resource.rtype, resource.rid
    from referring
    join resource_reference reference on reference.org = new.org and reference.target_type = referring.rtype
      and reference.target_id = referring.rid
    join resource on resource.rkey = reference.rkey
    where referring.client_id is null)
  select new.org, client_id, 'facts' from (select client_id from referring union select old.client_id) judged
  where client_id is not null;
  return null;
end $$;
create trigger resource_judged
after update of client_id, class_key, audience, labels, data_at, withdrawn, origin_portal, deleted on resource for each row
when ((old.client_id, old.class_key, old.audience, old.labels, old.data_at, old.withdrawn, old.origin_portal, old.deleted)
  is distinct from (new.client_id, new.class_key, new.audience, new.labels, new.data_at, new.withdrawn, new.origin_portal, new.deleted))
execute function note_judged();

-- What changed before now and waits for its slot may be such a change. The owner is itself under row security (forced).
alter table disclose_due no force row level security;
insert into disclose_due (org, client_id, cause) select distinct org, client_id, 'facts' from disclose_due where cause = 'store';
alter table disclose_due force row level security;
