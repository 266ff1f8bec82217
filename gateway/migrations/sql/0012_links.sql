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
create index trust_grant_parental on trust_grant (client_id) where superseded_at is null and parental;
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

-- Birthdays at which somebody else comes to decide, from 30 days ahead: what a parent gave is confirmed at 12 and again at 16, what the client
-- gave too early begins to hold at 12, and a parent's authority ends at 18.
create view age_review with (security_invoker = true) as
select org, client_id, years, birthday(birth_date, years) as at, array_agg(distinct person order by person) as persons
from (
  select client.org, client.id as client_id, client.birth_date, age.years, person.code as person
  from trust_grant join client on client.id = trust_grant.client_id join person on person.id = trust_grant.person_id
  cross join (values (12), (16)) age (years)
  where trust_grant.superseded_at is null and trust_grant.parental and trust_grant.level <> 'none' and trust_grant.status = 'active'
    and coalesce(trust_grant.confirmed_at, '-infinity') < birthday(client.birth_date, age.years)
    and (age.years = 16 or birthday(client.birth_date, 16) > app_now())
  union all
  select client.org, client.id, client.birth_date, 12, person.code
  from client join trust_grant on trust_grant.client_id = client.id join person on person.id = trust_grant.person_id
  where client.birth_date > (app_now() - interval '12 years 1 day')::date and birthday(client.birth_date, 12) > app_now()
    and trust_grant.superseded_at is null and trust_grant.basis = 'client' and trust_grant.level <> 'none' and trust_grant.status = 'active'
  union all
  select client.org, client.id, client.birth_date, 18, person.code
  from client join live_mandate on live_mandate.client_id = client.id join person on person.id = live_mandate.person_id
  where client.birth_date > (app_now() - interval '18 years 1 day')::date and live_mandate.kind = 'parent-authority'
) concerned
where birth_date is not null and birthday(birth_date, years) <= app_now() + interval '30 days'
group by org, client_id, years, birth_date;

grant select on orphaned_grant, age_review to zorgsluis_app, zorgsluis_engine;

-- Who was stored before now has no birth date yet: each client is looked at once. The owner is itself under row security (forced).
alter table client no force row level security;
alter table disclose_due no force row level security;
insert into disclose_due (org, client_id, cause) select org, id, 'birth-date' from client;
alter table client force row level security;
alter table disclose_due force row level security;
