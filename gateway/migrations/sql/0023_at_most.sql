-- What is at a portal and stays there is looked at once more: it may show more than it should by now. The owner is itself under row security.
alter table disclose_due no force row level security;
alter table disclosure_ledger no force row level security;
insert into disclose_due (org, client_id, cause)
select distinct org, client_id, 'rights' from disclosure_ledger where held_hash is not null and content_hash is null and state = 'delivered';
alter table disclosure_ledger force row level security;
alter table disclose_due force row level security;

-- Who sees what: one row for every (link in any state, resource of that client), plus the directory rows that travel with what is permitted.
-- "otherwise" is the code that there would be without a stop: what a freeze lets stay is what only the stop stands in the way of.
-- "at_most" is the projection that there would be without a stop or the end of a right's period: a freeze lets nothing stay that shows more.
-- Twin of gateway/disclosure/decide.py; a property test keeps them equal. Ask with a client_id: the rest is computed per client.
-- A pull says how strong its sign-in is (app.acr) and since when (app.auth_time); without app.acr it is a push, by the portal's manifest.
-- What can be known once is known once: per client, per link and grant, per kind of item; a pair only gets its answer. "offset 0" keeps what is
-- wide apart: one index look-up a row whatever the statistics say.
create or replace view disclosure_verdict with (security_invoker = true) as
select client.org, found.portal_id, client.id as client_id, found.link_id, found.rkey, found.code, found.projection,
  found.content_hash, found.version, found.grant_id, found.directory, found.otherwise, found.at_most
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
    cross join lateral (select * from portal where id = link.portal_id offset 0) portal
    cross join lateral (select * from organisation where id = link.org offset 0) organisation
    left join lateral (
      select * from grant_standing where client_id = client.id and person_id = link.person_id offset 0) grant_standing on true
    where link.client_id = client.id
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
  -- Items that are judged alike, whoever asks, are one kind: by what the source says of them; by the grants whose period they fall in; and
  -- alone, where a rule names one item, or an item is about one of the people.
  alike as materialized (
    select row_number() over () as kind, items.*
    from (
      select system, class_key, audience, origin_portal, rtype = 'Communication' as message,
        rtype = 'RelatedPerson' as about_person, case when rtype = 'RelatedPerson' then rid end as rid,
        case
          when withdrawn then 'resource-withdrawn'
          when labels && array['confidential', 'V'] then 'marked-confidential'
          when 'hidden' = any (labels) then 'hidden'
          when 'third-party' = any (labels) then 'third-party-info'
        end as mark,
        case when rkey = any (array(select rkey from exclusions union all select rkey from consents)) then rkey end as named,
        case when (select bool_or(data_from is not null or data_to is not null) from lines) then array(
          select grant_id from lines where (data_from is null or resource.data_at >= data_from)
            and (data_to is null or resource.data_at < data_to)) end as inside,
        array_agg(rkey) as rkeys, array_agg(version) as versions
      from (select * from resource where client_id = client.id and not deleted offset 0) resource
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    ) items
  ),
  kinds as materialized (
    select alike.kind, alike.rid, alike.about_person, alike.named, alike.inside, alike.origin_portal, class_map.class, class_map.basic_projection,
      class_map.class in ('profile', 'care-team') as base, meant.audience, meant.audience = 'circle' as circle,
      coalesce(alike.mark, case
        when class_map.class is null then 'class-unmapped'
        when meant.audience is null or meant.audience not in ('circle', 'trust-group', 'provider-and-trust-group', 'provider')
          then 'unlabelled'
        when meant.audience = 'provider' or class_map.label = 'V' then 'not-in-audience'
      end) as refusal
    from alike
    left join lateral (
      select * from class_map where org = client.org and system = alike.system and class_key = alike.class_key offset 0) class_map on true
    -- a message without a known audience is the trust group's; anything else without one is nobody's
    cross join lateral (select case
        when alike.message and coalesce(alike.audience, class_map.audience, '')
          not in ('circle', 'trust-group', 'provider-and-trust-group', 'provider') then 'trust-group'
        else coalesce(alike.audience, class_map.audience)
      end as audience offset 0) meant
  ),
  -- the grant that comes furthest: 1 to 7 of the ladder, 8 and 9 barred, 10 permits
  best as (
    select distinct on (lines.link_id, kinds.kind) lines.portal_id, lines.link_id, lines.grant_id, kinds.kind, kinds.class, kinds.named,
      lines.person_id, lines.stop, kinds.origin_portal = lines.origin as from_portal, ranked.rank,
      ranked.rank = 10 or ranked.rank = 3 and stands.besides is null as lasts,
      coalesce(lines.refusal, kinds.refusal, case when not kinds.audience = any (lines.audiences) then 'not-in-audience' end) as refusal,
      case
        when not kinds.about_person then case when lines.level = 'private-medical' then 'whole' else kinds.basic_projection end
        when kinds.rid = lines.related_rid then 'whole' else 'name-role'
      end as projection
    from lines cross join kinds
    cross join lateral (select
        case
          when not kinds.base and (lines.data_from is not null or lines.data_to is not null)
            and not coalesce(lines.grant_id = any (kinds.inside), false) then 4
          when not kinds.base and not kinds.class = any (lines.classes) then 5
          when lines.level = 'basic' and (not kinds.circle or kinds.basic_projection is null) then 6
          when not kinds.circle and not lines.strong then 7 end as besides,
        case when kinds.circle then lines.barred_circle else lines.barred_dossier end as bar offset 0) stands
    cross join lateral (select case when lines.grant_id is null then 1
        when stands.bar is null then coalesce(lines.short, stands.besides, 10)
        when coalesce(lines.short, stands.besides) is null then stands.bar else 1 end as rank offset 0) ranked
    order by lines.link_id, kinds.kind, ranked.rank desc, lines.level = 'private-medical' desc, lines.grant_id
  ),
  judged as materialized (
    select best.portal_id, best.link_id, best.kind, best.stop, verdict.otherwise, coalesce(best.stop, verdict.otherwise) as code,
      case when verdict.otherwise = 'grant' then best.projection end as projection,
      case when verdict.by_grant and best.lasts then best.projection end as at_most,
      case when best.stop is null and verdict.by_grant and best.rank > 1 then best.grant_id end as grant_id
    from best cross join lateral (
      select best.refusal is null and not excluded and not coalesce(best.from_portal, false) as by_grant, coalesce(best.refusal,
        case when excluded then 'excluded' when best.from_portal then 'from-this-portal' end,
        (array['no-grant', 'grant-suspended', 'grant-outside-period', 'before-data-period', 'class-not-in-grant', 'level-too-low',
          'step-up-missing', 'age-gate', 'representation-missing', 'grant'])[best.rank]) as otherwise
      from (select exists (
          select from exclusions
          where (exclusions.person_id is null or exclusions.person_id = best.person_id)
            and (exclusions.class is null or exclusions.class = best.class) and (exclusions.rkey is null or exclusions.rkey = best.named))
        or exists (
          select from consents deny
          where deny.decision = 'deny' and (deny.person_id is null or deny.person_id = best.person_id)
            and (deny.class is null or deny.class = best.class) and (deny.rkey is null or deny.rkey = best.named)
            -- a permission that is nowhere less specific and somewhere more; equal or incomparable, the objection wins
            and not exists (
              select from consents permit
              where permit.decision = 'permit' and (permit.person_id is null or permit.person_id = best.person_id)
                and (permit.class is null or permit.class = best.class) and (permit.rkey is null or permit.rkey = best.named)
                and permit.actor >= deny.actor and permit.aim >= deny.aim and permit.target >= deny.target
                and (permit.actor, permit.aim, permit.target) <> (deny.actor, deny.aim, deny.target))) as excluded
        offset 0) forbidden
      offset 0) verdict
  ),
  -- what is shown of the items of a kind, looked up once for all who are shown it
  shown as materialized (
    select sent.kind, sent.projection, array_agg(item.rkey) as rkeys, array_agg(item.version) as versions, array_agg(projected.hash) as hashes
    from (select distinct kind, projection from judged where projection is not null) sent
    join alike on alike.kind = sent.kind
    cross join lateral unnest(alike.rkeys, alike.versions) as item (rkey, version)
    left join lateral (
      select hash from resource_projection where rkey = item.rkey and name = sent.projection offset 0) projected on true
    group by sent.kind, sent.projection
  ),
  travels (portal_id, link_id, stop, rkey, version, target_type, target_id) as (
    select distinct judged.portal_id, judged.link_id, judged.stop, null::bigint, null::integer, referred.target_type, referred.target_id
    from (
      select distinct shown.kind, shown.projection, reference.target_type, reference.target_id
      from shown cross join lateral unnest(shown.rkeys) as item (rkey)
      cross join lateral (
        select target_type, target_id from resource_reference where rkey = item.rkey and projection = shown.projection offset 0) reference
    ) referred
    join judged on judged.kind = referred.kind and judged.projection = referred.projection
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
  select judged.portal_id, judged.link_id, item.rkey, judged.code, case when judged.stop is null then judged.projection end as projection,
    case when judged.stop is null then item.hash end as content_hash, item.version, judged.grant_id, false as directory, judged.otherwise,
    judged.at_most
  from judged
  join alike on alike.kind = judged.kind
  left join shown on shown.kind = judged.kind and shown.projection = judged.projection
  cross join lateral unnest(coalesce(shown.rkeys, alike.rkeys), coalesce(shown.versions, alike.versions), shown.hashes)
    as item (rkey, version, hash)
  union all
  select travels.portal_id, travels.link_id, travels.rkey, coalesce(travels.stop, 'grant'),
    case when travels.stop is null then 'directory' end, case when travels.stop is null then projected.hash end, travels.version, null, true,
    'grant', 'directory'
  from (select distinct portal_id, link_id, stop, rkey, version from travels where rkey is not null) travels
  cross join lateral (select hash from resource_projection where rkey = travels.rkey and name = 'directory' offset 0) projected
) found;
