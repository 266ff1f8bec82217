-- The newest version of each record that the store applied: what an older one is measured by, also when the record yields nothing now.
create table record_head (
  org smallint not null,
  system text not null,
  stream text not null,
  record_key text not null,
  source_time timestamptz,
  journal_id bigint not null,
  primary key (org, system, stream, record_key)
);
alter table record_head enable row level security;
alter table record_head force row level security;
create policy own_organisation on record_head using (org = app_org()) with check (org = app_org());

-- What a portal's manifest declares, copied here because the predicate below and the ledger judge by it.
alter table portal add column step_up boolean not null default true;
alter table portal add column retraction text not null default 'delete'
  check (retraction in ('delete', 'tombstone', 'unshare', 'cannot'));

-- A foreign key costs about 10 microseconds a row. Where a row's parent carries the same organisation, client or portal, and row security checks
-- the organisation of both, asking for it again protects nothing. Journal rows may go while what they yielded stays.
alter table resource drop constraint resource_org_fkey, drop constraint resource_journal_id_fkey;
alter table resource_history drop constraint resource_history_org_fkey;
alter table resource_secret drop constraint resource_secret_org_fkey;
-- derived from the current version and rewritten with it, by the same statement batch
alter table resource_projection drop constraint resource_projection_org_fkey, drop constraint resource_projection_rkey_fkey;
alter table resource_reference drop constraint resource_reference_org_fkey, drop constraint resource_reference_rkey_fkey;
alter table origin drop constraint origin_org_fkey;
alter table change drop constraint change_org_fkey;
alter table disclose_due drop constraint disclose_due_org_fkey;
alter table disclosure_ledger drop constraint disclosure_ledger_org_fkey, drop constraint disclosure_ledger_portal_id_fkey,
  drop constraint disclosure_ledger_client_id_fkey;
alter table outbox drop constraint outbox_org_fkey, drop constraint outbox_link_id_fkey;
-- A trail row whose chain is gone shows when the chains are verified.
alter table audit_event drop constraint audit_event_org_fkey, drop constraint audit_event_chain_id_fkey;

create index origin_client_record on origin (org, stream, record_key);
create index disclosure_ledger_link on disclosure_ledger (link_id);
create index outbox_link on outbox (link_id);

-- Who sees what: one row for every (link in any state, resource of that client), plus the directory rows that travel with what is permitted.
-- Twin of gateway/disclosure/decide.py; a property test keeps them equal. Ask with a client_id: the rest is computed per client.
-- "offset 0" keeps what is wide apart: one index look-up a row whatever the statistics say, and each case computed once.
create view disclosure_verdict with (security_invoker = true) as
select client.org, found.portal_id, client.id as client_id, found.link_id, found.rkey, found.code, found.projection,
  found.content_hash, found.version, found.grant_id, found.directory
from client cross join lateral (
  with recursive facts as (
    select link.id as link_id, link.portal_id, link.person_id, resource.rkey, resource.version, resource.rtype, resource.data_at,
      resource.labels, class_map.class, class_map.basic_projection, portal.step_up, link.state as link_state,
      resource.withdrawn, coalesce(resource.origin_portal = portal.settings ->> 'origin', false) as from_portal,
      coalesce(class_map.label = 'V', false) as never,
      -- a message without a known audience is the trust group's; anything else without one is nobody's
      case
        when resource.rtype = 'Communication' and coalesce(resource.audience, class_map.audience, '')
          not in ('circle', 'trust-group', 'provider-and-trust-group', 'provider') then 'trust-group'
        else coalesce(resource.audience, class_map.audience)
      end as audience,
      case when resource.rtype <> 'RelatedPerson' then 'whole' when resource.rid = link.related_rid then 'whole' else 'name-role' end
        as full_projection
    from link
    join portal on portal.id = link.portal_id
    join resource on resource.client_id = link.client_id and not resource.deleted
    left join class_map on class_map.org = resource.org and class_map.system = resource.system
      and class_map.class_key = resource.class_key
    where link.client_id = client.id
    offset 0
  ),
  own as materialized (
    select facts.portal_id, facts.link_id, facts.rkey, facts.version, judged.code,
      case when judged.code <> 'grant' then null
        when facts.rtype = 'RelatedPerson' or best.level = 'private-medical' then facts.full_projection
        else facts.basic_projection end as projection,
      case when judged.code in ('grant', 'grant-suspended', 'grant-outside-period', 'before-data-period', 'class-not-in-grant',
        'level-too-low', 'step-up-missing') then best.id end as grant_id
    from facts
    left join lateral (
      select trust_grant.id, trust_grant.level, case
          when trust_grant.level = 'none' or trust_grant.status in ('withdrawn', 'entered-in-error') then 1
          when trust_grant.status = 'suspended' then 2
          when trust_grant.valid_from > app_now() or trust_grant.valid_to <= app_now() then 3
          when facts.class not in ('profile', 'care-team') and (
            (trust_grant.data_from is not null and (facts.data_at is null or facts.data_at < trust_grant.data_from))
            or (trust_grant.data_to is not null and (facts.data_at is null or facts.data_at >= trust_grant.data_to))) then 4
          when facts.class not in ('profile', 'care-team') and not facts.class = any (trust_grant.classes) then 5
          when trust_grant.level = 'basic' and (facts.audience <> 'circle' or facts.basic_projection is null) then 6
          when facts.audience <> 'circle' and not facts.step_up then 7
          else 8
        end as rank
      from trust_grant
      where trust_grant.client_id = client.id and trust_grant.person_id = facts.person_id and trust_grant.superseded_at is null
      order by rank desc, (trust_grant.level = 'private-medical') desc, trust_grant.id limit 1
    ) best on true
    cross join lateral (select case
        when facts.link_state <> 'active' then 'not-linked'
        when client.stop_reason is not null then 'client-stop'
        when facts.withdrawn then 'resource-withdrawn'
        when facts.labels && array['confidential', 'V'] then 'marked-confidential'
        when 'hidden' = any (facts.labels) then 'hidden'
        when 'third-party' = any (facts.labels) then 'third-party-info'
        when facts.class is null then 'class-unmapped'
        when facts.audience is null or facts.audience not in ('circle', 'trust-group', 'provider-and-trust-group', 'provider')
          then 'unlabelled'
        when facts.audience = 'provider' or facts.never then 'not-in-audience'
        when exists (
          select from exclusion
          where exclusion.client_id = client.id and exclusion.superseded_at is null
            and exclusion.valid_from <= app_now() and (exclusion.valid_to is null or exclusion.valid_to > app_now())
            and (exclusion.person_id is null or exclusion.person_id = facts.person_id)
            and (exclusion.class is null or exclusion.class = facts.class)
            and (exclusion.rkey is null or exclusion.rkey = facts.rkey)) then 'excluded'
        when facts.from_portal then 'from-this-portal'
        else (array['no-grant', 'grant-suspended', 'grant-outside-period', 'before-data-period', 'class-not-in-grant',
          'level-too-low', 'step-up-missing', 'grant'])[coalesce(best.rank, 1)]
      end as code offset 0) judged
  ),
  travels (portal_id, link_id, rkey, version, target_type, target_id) as (
    select distinct own.portal_id, own.link_id, null::bigint, null::integer, reference.target_type, reference.target_id
    from own cross join lateral (
      select target_type, target_id from resource_reference where rkey = own.rkey and projection = own.projection offset 0) reference
    where own.code = 'grant'
    union
    select travels.portal_id, travels.link_id, resource.rkey, resource.version, reference.target_type, reference.target_id
    from travels
    cross join lateral (
      select * from resource where org = client.org and rtype = travels.target_type and rid = travels.target_id offset 0) resource
    join class_map on class_map.org = resource.org and class_map.system = resource.system
      and class_map.class_key = resource.class_key and class_map.class = 'directory'
    left join lateral (
      select target_type, target_id from resource_reference where rkey = resource.rkey and projection = 'directory' offset 0
    ) reference on true
    where resource.client_id is null and not resource.deleted and not resource.withdrawn
      and not resource.labels && array['confidential', 'V', 'hidden', 'third-party'] and class_map.label is distinct from 'V'
      and coalesce(resource.audience, class_map.audience) is distinct from 'provider'
  )
  select own.portal_id, own.link_id, own.rkey, own.code, own.projection, projected.hash as content_hash, own.version, own.grant_id,
    false as directory
  from own left join lateral (
    select hash from resource_projection where rkey = own.rkey and name = own.projection offset 0) projected on true
  union all
  select travels.portal_id, travels.link_id, travels.rkey, 'grant', 'directory', projected.hash, travels.version, null, true
  from (select distinct portal_id, link_id, rkey, version from travels where rkey is not null) travels
  join resource_projection projected on projected.rkey = travels.rkey and projected.name = 'directory'
) found;

grant select on disclosure_verdict to zorgsluis_app, zorgsluis_engine;
