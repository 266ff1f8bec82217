"""Whom a directory resource concerns: the clients of what refers to it, directly or by way of another, and those whose people hold it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.database import Connection

# Who holds it may do so by an older version of what refers to it: that version stays under a freeze.
REFERRING: Final = """
with recursive referring (rkey, client_id, rtype, rid) as (
  select rkey, client_id, rtype, rid from resource where rkey = any(%s)
  union
  select resource.rkey, resource.client_id, resource.rtype, resource.rid
  from referring
  join resource_reference reference on reference.org = %s and reference.target_type = referring.rtype
    and reference.target_id = referring.rid
  join resource on resource.rkey = reference.rkey
  where referring.client_id is null)
select client_id from referring where client_id is not null
union
select client_id from disclosure_ledger where rkey = any(%s) and held_hash is not null"""


def clients_referring_to(db: Connection, org: int, rkeys: Sequence[int]) -> set[int]:
    """Return the clients who have something that refers to these directory resources, or whose people hold them."""
    if not rkeys:
        return set()
    return {row.client_id for row in db.execute(REFERRING, (list(rkeys), org, list(rkeys)))}
