"""When a member keeps what isn't due any more, as ``ledger.DIFFER`` has it: for queries that join link, client, organisation and ledger."""

from __future__ import annotations

from typing import Final

# A frozen stop, the end of care, or an expired right, where the organisation lets what was given stay. Its reason says so: what anything
# else stands in the way of has that for a reason.
FROZEN: Final = """(link.state = 'active' and coalesce(
  ledger.code = 'client-stop' and case
    when client.stop_reason is not null then client.frozen else client.end_of_care_at <= app_now() and organisation.freeze_at_end end
  or organisation.expiry = 'freeze' and ledger.code = 'grant-outside-period', false))"""

# For ``ledger.DIFFER``, which has the client's "ending" and what is "compared": what a freeze lets stay of the directory. An item of it has no
# right of its own to end: it stays with what stays and refers to it, in the version that is there, directly or by way of another. Which items
# of the directory may leave at all is as in the view (disclosure_verdict, "travels").
STAYING: Final = r"""
homeless as materialized (
  select compared.link_id, compared.rkey, compared.held_version, compared.held_projection, item.rtype, item.rid
  from compared
  cross join ending
  cross join lateral (
    select * from resource where rkey = compared.rkey and client_id is null and not deleted and not withdrawn
      and not labels && array['confidential', 'V', 'hidden', 'third-party'] offset 0) item
  cross join lateral (
    select * from class_map where org = item.org and system = item.system and class_key = item.class_key offset 0) class_map
  where (freezes or keeps) and not compared.wanted and compared.held_hash is not null and class_map.class = 'directory'
    and class_map.label is distinct from 'V' and coalesce(item.audience, class_map.audience) is distinct from 'provider'),
staying (link_id, rkey, version, shape, code) as (
  select link_id, rkey, held_version, coalesce(held_projection, 'whole'), code from compared cross join ending
  where exists (select from homeless) and held_hash is not null
    and (freezes and code = 'client-stop' or keeps and code = 'grant-outside-period')
  union
  select homeless.link_id, homeless.rkey, homeless.held_version, coalesce(homeless.held_projection, 'whole'), staying.code
  from staying
  cross join lateral (select version as newest from resource where rkey = staying.rkey offset 0) current
  cross join lateral (
    select target_type, target_id from resource_reference
    where rkey = staying.rkey and projection = staying.shape and coalesce(staying.version = newest, true)
    union all
    -- of an older version only the bytes are kept; the other shapes refer to nothing of the directory
    select named[1], named[2] from resource_history
    cross join lateral regexp_matches(convert_from(body, 'UTF8'), '"reference":"(\w+)/([^/"]+)"', 'g') named
    where rkey = staying.rkey and version = staying.version and version <> newest and staying.shape in ('whole', 'directory')
    offset 0) reference
  join homeless on homeless.link_id = staying.link_id and homeless.rtype = reference.target_type
    and homeless.rid = reference.target_id)"""
NONE_STAYING: Final = "staying (link_id, rkey, code) as (select null::bigint, null::bigint, null::text where false)"
