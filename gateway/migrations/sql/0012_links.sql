-- Who holds a link at the portal, what a code gives, live mandates, and the indexes of the age and mandate clock --------------------------

-- account: keyed hash of the portal's own account that redeemed or accepted. One account is one person to a client.
alter table link add column account bytea;
create unique index link_account on link (portal_id, client_id, account) where account is not null and state <> 'ended';

-- The level that begins when the code is redeemed, as who issued it decided.
alter table link_code add column level text not null default 'none' check (level in ('none', 'basic', 'private-medical')),
  add column classes text[];

-- What becomes of what portals hold when care ends, and when a client dies: it stays (frozen), or is retracted.
alter table organisation add column freeze_at_end boolean not null default false,
  add column freeze_on_death boolean not null default true;

create index client_birth on client (birth_date) where birth_date is not null;
create index trust_grant_mandated on trust_grant (client_id) where superseded_at is null and basis <> 'client';
create index trust_grant_ends on trust_grant (valid_to) where superseded_at is null and valid_to is not null;
create index representation_ends on representation (valid_to) where superseded_at is null and valid_to is not null;

-- Rights in force whose mandate is gone: that of who gave it, or (statutory) that of the person itself.
create view orphaned_grant with (security_invoker = true) as
select trust_grant.org, trust_grant.client_id, trust_grant.id as grant_id, person.code as person, giver.code as giver,
  coalesce(given.kind, trust_grant.basis) as kind
from trust_grant join person on person.id = trust_grant.person_id
left join representation given on given.id = trust_grant.representation_id
left join person giver on giver.id = given.person_id
where trust_grant.superseded_at is null and trust_grant.basis <> 'client' and trust_grant.level <> 'none'
  and trust_grant.status in ('active', 'suspended') and (trust_grant.valid_to is null or trust_grant.valid_to > app_now())
  and (given.id is not null or trust_grant.basis = 'statutory')
  and not exists (
    select from live_mandate live
    where live.client_id = trust_grant.client_id and live.person_id = coalesce(given.person_id, trust_grant.person_id)
      and (given.kind is null or live.kind = given.kind));

grant select on orphaned_grant to zorgsluis_app, zorgsluis_engine;
