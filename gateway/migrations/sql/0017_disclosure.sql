-- Who represents a client in what is meant for the circle, and in the rest: true where all that they are is a parent with authority, null
-- where nothing that they are covers it.
create view represented with (security_invoker = true) as
select client_id, person_id, bool_and(kind = 'parent-authority') filter (where scope && array['care', 'medical']) as circle,
  bool_and(kind = 'parent-authority') filter (where 'medical' = any (scope)) as dossier
from live_mandate group by client_id, person_id;

-- How every present grant stands by itself, whatever the item: on what it falls short (1 to 3 of the ladder), and by what it is barred
-- (8 age-gate, 9 representation-missing) for what is meant for the circle and for the rest.
create or replace view grant_standing with (security_invoker = true) as
select trust_grant.org, trust_grant.client_id, trust_grant.person_id, trust_grant.id, trust_grant.level, trust_grant.classes,
  trust_grant.data_from, trust_grant.data_to, stands.short, stands.barred_circle, stands.barred_dossier
from trust_grant
join client on client.id = trust_grant.client_id
cross join lateral (select app_now() as now, birthday(client.birth_date, 12) as twelve, birthday(client.birth_date, 16) as sixteen
  offset 0) clock
left join lateral (
  select circle, dossier from represented
  where trust_grant.basis = 'statutory' and client_id = trust_grant.client_id and person_id = trust_grant.person_id offset 0) parents on true
cross join lateral (select
    -- under 12 the client doesn't decide; what a parent gave is confirmed again at 12 and at 16
    coalesce(trust_grant.basis = 'client' and now < twelve, false) as too_young,
    coalesce(case when sixteen <= now then sixteen when twelve <= now then twelve end > coalesce(trust_grant.confirmed_at, '-infinity'),
      false) as unconfirmed offset 0) age
cross join lateral (select
    case
      when trust_grant.level = 'none' or trust_grant.status in ('withdrawn', 'entered-in-error') then 1
      when trust_grant.status = 'suspended' then 2
      when trust_grant.valid_from > now or trust_grant.valid_to <= now then 3
    end as short,
    case when trust_grant.basis = 'statutory' and parents.circle is null then 9
      when too_young or unconfirmed and (trust_grant.parental or coalesce(parents.circle, false)) then 8 end as barred_circle,
    case when trust_grant.basis = 'statutory' and parents.dossier is null then 9
      when too_young or unconfirmed and (trust_grant.parental or coalesce(parents.dossier, false)) then 8 end as barred_dossier
  offset 0) stands
where trust_grant.superseded_at is null;

-- Birthdays at which somebody else comes to decide, from 30 days ahead: what a parent gave is confirmed at 12 and again at 16, what the client
-- gave too early begins to hold at 12, and a parent's authority ends at 18.
create or replace view age_review with (security_invoker = true) as
select org, client_id, years, birthday(birth_date, years) as at, array_agg(distinct person order by person) as persons
from (
  select client.org, client.id as client_id, client.birth_date, age.years, person.code as person
  from trust_grant join client on client.id = trust_grant.client_id join person on person.id = trust_grant.person_id
  left join represented parents on trust_grant.basis = 'statutory' and parents.client_id = trust_grant.client_id
    and parents.person_id = trust_grant.person_id
  cross join (values (12), (16)) age (years)
  where trust_grant.superseded_at is null and (trust_grant.parental or parents.circle or parents.dossier)
    and trust_grant.level <> 'none' and trust_grant.status = 'active'
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

-- Who sees what: one row for every (link in any state, resource of that client), plus the directory rows that travel with what is permitted.
-- "otherwise" is the code that there would be without a stop: what a freeze lets stay is what only the stop stands in the way of.
-- Twin of gateway/disclosure/decide.py; a property test keeps them equal. Ask with a client_id: the rest is computed per client.
-- A pull says how strong its sign-in is (app.acr) and since when (app.auth_time); without app.acr it is a push, by the portal's manifest.
-- What can be known once is known once: per client, per link and grant, per item; only then per pair. "offset 0" keeps what is wide apart:
-- one index look-up a row whatever the statistics say.
create or replace view disclosure_verdict with (security_invoker = true) as
select client.org, found.portal_id, client.id as client_id, found.link_id, found.rkey, found.code, found.projection,
  found.content_hash, found.version, found.grant_id, found.directory, found.otherwise
from client cross join lateral (
  with recursive asked as materialized (
    select app_now() as now, nullif(current_setting('app.acr', true), '')::smallint as acr,
      coalesce(nullif(current_setting('app.auth_time', true), '')::timestamptz, '-infinity') as auth_time
  ),
  -- every link with each grant of its person, or with none
  lines as materialized (
    select link.id as link_id, link.portal_id, link.person_id, link.related_rid, portal.settings ->> 'origin' as origin,
      case when link.state <> 'active' then 'not-linked' end as refusal, portal.audiences,
      case when link.state = 'active' and (client.stop_reason is not null or client.end_of_care_at <= asked.now)
        then 'client-stop' end as stop,
      coalesce(asked.acr, case when portal.step_up then portal.acr else 1 end) >= organisation.dossier_acr
        and (asked.acr is null or organisation.step_up_minutes is null
          or asked.auth_time + make_interval(mins => organisation.step_up_minutes) > asked.now) as strong,
      grant_standing.id as grant_id, grant_standing.level, grant_standing.classes, grant_standing.data_from, grant_standing.data_to,
      grant_standing.short, grant_standing.barred_circle, grant_standing.barred_dossier
    from asked
    cross join link
    join portal on portal.id = link.portal_id
    join organisation on organisation.id = link.org
    left join lateral (
      select * from grant_standing where client_id = client.id and person_id = link.person_id offset 0) grant_standing on true
    where link.client_id = client.id
  ),
  items as materialized (
    select resource.rkey, resource.version, resource.rtype, resource.rid, resource.data_at, resource.origin_portal, class_map.class,
      class_map.basic_projection, class_map.class in ('profile', 'care-team') as base, meant.audience, meant.audience = 'circle' as circle,
      case
        when resource.withdrawn then 'resource-withdrawn'
        when resource.labels && array['confidential', 'V'] then 'marked-confidential'
        when 'hidden' = any (resource.labels) then 'hidden'
        when 'third-party' = any (resource.labels) then 'third-party-info'
        when class_map.class is null then 'class-unmapped'
        when meant.audience is null or meant.audience not in ('circle', 'trust-group', 'provider-and-trust-group', 'provider')
          then 'unlabelled'
        when meant.audience = 'provider' or class_map.label = 'V' then 'not-in-audience'
      end as refusal
    from resource
    left join class_map on class_map.org = resource.org and class_map.system = resource.system
      and class_map.class_key = resource.class_key
    -- a message without a known audience is the trust group's; anything else without one is nobody's
    cross join lateral (select case
        when resource.rtype = 'Communication' and coalesce(resource.audience, class_map.audience, '')
          not in ('circle', 'trust-group', 'provider-and-trust-group', 'provider') then 'trust-group'
        else coalesce(resource.audience, class_map.audience)
      end as audience offset 0) meant
    where resource.client_id = client.id and not resource.deleted
  ),
  exclusions as materialized (
    select person_id, class, rkey from asked join exclusion on client_id = client.id
    where superseded_at is null and valid_from <= asked.now and (valid_to is null or valid_to > asked.now)
  ),
  -- of other registries, what is about family members and their support; the numbers say how much each names
  consents as materialized (
    select decision, person_id, class, rkey, case when person_id is not null then 2 when category is not null then 1 else 0 end as actor,
      case when purpose is not null then 1 else 0 end as aim,
      case when rkey is not null then 2 when class is not null then 1 else 0 end as target
    from asked join external_consent on client_id = client.id
    where superseded_at is null and valid_from <= asked.now and (valid_to is null or valid_to > asked.now)
      and (category is null or category = 'support-network') and (purpose is null or purpose = 'SUPNWK')
  ),
  -- the grant that comes furthest: 1 to 7 of the ladder, 8 and 9 barred, 10 permits
  best as (
    select distinct on (lines.link_id, items.rkey) lines.portal_id, lines.link_id, lines.grant_id, items.rkey, items.version, items.class,
      lines.person_id, lines.stop, items.origin_portal = lines.origin as from_portal, ranked.rank,
      coalesce(lines.refusal, items.refusal, case when not items.audience = any (lines.audiences) then 'not-in-audience' end) as refusal,
      case
        when items.rtype <> 'RelatedPerson' then case when lines.level = 'private-medical' then 'whole' else items.basic_projection end
        when items.rid = lines.related_rid then 'whole' else 'name-role'
      end as projection
    from lines cross join items
    cross join lateral (select
        coalesce(lines.short, case
          when not items.base and (
            (lines.data_from is not null and (items.data_at is null or items.data_at < lines.data_from))
            or (lines.data_to is not null and (items.data_at is null or items.data_at >= lines.data_to))) then 4
          when not items.base and not items.class = any (lines.classes) then 5
          when lines.level = 'basic' and (not items.circle or items.basic_projection is null) then 6
          when not items.circle and not lines.strong then 7 end) as short,
        case when items.circle then lines.barred_circle else lines.barred_dossier end as bar offset 0) stands
    cross join lateral (select case when lines.grant_id is null then 1 when stands.bar is null then coalesce(stands.short, 10)
        when stands.short is null then stands.bar else 1 end as rank offset 0) ranked
    order by lines.link_id, items.rkey, ranked.rank desc, lines.level = 'private-medical' desc, lines.grant_id
  ),
  own as materialized (
    select best.portal_id, best.link_id, best.rkey, best.version, best.stop, judged.otherwise, coalesce(best.stop, judged.otherwise) as code,
      case when judged.otherwise = 'grant' then best.projection end as projection,
      case when best.stop is null and judged.by_grant and best.rank > 1 then best.grant_id end as grant_id
    from best cross join lateral (
      select best.refusal is null and not excluded and not coalesce(best.from_portal, false) as by_grant, coalesce(best.refusal,
        case when excluded then 'excluded' when best.from_portal then 'from-this-portal' end,
        (array['no-grant', 'grant-suspended', 'grant-outside-period', 'before-data-period', 'class-not-in-grant', 'level-too-low',
          'step-up-missing', 'age-gate', 'representation-missing', 'grant'])[best.rank]) as otherwise
      from (select exists (
          select from exclusions
          where (exclusions.person_id is null or exclusions.person_id = best.person_id)
            and (exclusions.class is null or exclusions.class = best.class) and (exclusions.rkey is null or exclusions.rkey = best.rkey))
        or exists (
          select from consents deny
          where deny.decision = 'deny' and (deny.person_id is null or deny.person_id = best.person_id)
            and (deny.class is null or deny.class = best.class) and (deny.rkey is null or deny.rkey = best.rkey)
            -- a permission that is nowhere less specific and somewhere more; equal or incomparable, the objection wins
            and not exists (
              select from consents permit
              where permit.decision = 'permit' and (permit.person_id is null or permit.person_id = best.person_id)
                and (permit.class is null or permit.class = best.class) and (permit.rkey is null or permit.rkey = best.rkey)
                and permit.actor >= deny.actor and permit.aim >= deny.aim and permit.target >= deny.target
                and (permit.actor, permit.aim, permit.target) <> (deny.actor, deny.aim, deny.target))) as excluded
        offset 0) forbidden
      offset 0) judged
  ),
  travels (portal_id, link_id, stop, rkey, version, target_type, target_id) as (
    select distinct own.portal_id, own.link_id, own.stop, null::bigint, null::integer, reference.target_type, reference.target_id
    from own cross join lateral (
      select target_type, target_id from resource_reference where rkey = own.rkey and projection = own.projection offset 0) reference
    where own.otherwise = 'grant'
    union
    select travels.portal_id, travels.link_id, travels.stop, resource.rkey, resource.version, reference.target_type, reference.target_id
    from travels
    cross join lateral (
      select * from resource where org = client.org and rtype = travels.target_type and rid = travels.target_id offset 0) resource
    cross join lateral (
      select * from class_map where org = resource.org and system = resource.system and class_key = resource.class_key offset 0) class_map
    left join lateral (
      select target_type, target_id from resource_reference where rkey = resource.rkey and projection = 'directory' offset 0
    ) reference on true
    where class_map.class = 'directory' and resource.client_id is null and not resource.deleted and not resource.withdrawn
      and not resource.labels && array['confidential', 'V', 'hidden', 'third-party'] and class_map.label is distinct from 'V'
      and coalesce(resource.audience, class_map.audience) is distinct from 'provider'
  )
  select own.portal_id, own.link_id, own.rkey, own.code, due.projection, projected.hash as content_hash, own.version, own.grant_id,
    false as directory, own.otherwise
  from own
  cross join lateral (select case when own.stop is null then own.projection end as projection) due
  left join lateral (
    select hash from resource_projection where rkey = own.rkey and name = due.projection offset 0) projected on true
  union all
  select travels.portal_id, travels.link_id, travels.rkey, coalesce(travels.stop, 'grant'),
    case when travels.stop is null then 'directory' end, case when travels.stop is null then projected.hash end, travels.version, null, true,
    'grant'
  from (select distinct portal_id, link_id, stop, rkey, version from travels where rkey is not null) travels
  cross join lateral (select hash from resource_projection where rkey = travels.rkey and name = 'directory' offset 0) projected
) found;

grant select on represented to zorgsluis_app, zorgsluis_engine;
