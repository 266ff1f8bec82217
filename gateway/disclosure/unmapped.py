"""Class keys beside the class map: what it says of each, and which arrived that it says nothing of. What isn't in it is seen by nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.database import Connection
from gateway.disclosure.classes import OWN_SYSTEM

MAPPED: Final = """
select system, class_key, class as class_, audience, basic_projection, label from class_map where system <> %s order by system, class_key"""
# Since when: the first version that came with this key. Versions of before the history kept keys count for the key of today.
UNMAPPED: Final = """
select coalesce(source.code, resource.system) as source, resource.system, resource.class_key,
  count(*) as items, count(distinct resource.client_id) as clients, min(coalesce(first.at, resource.last_updated)) as since
from resource
left join journal on journal.id = resource.journal_id
left join source on source.id = journal.source_id
left join lateral (
  select min(last_updated) as at from resource_history history
  where history.rkey = resource.rkey and coalesce(history.class_key, resource.class_key) = resource.class_key) first on true
where not resource.deleted and not exists (
  select from class_map where class_map.org = resource.org and class_map.system = resource.system
    and class_map.class_key = resource.class_key)
group by 1, 2, 3 order by 1, 2, 3"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedClass:
    """A row of the class map; ``basic_projection`` is how a basic member sees it, if at all."""

    system: str
    class_key: str
    class_: str
    audience: str | None
    basic_projection: str | None
    label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedClass:
    """A class key of stored items that no class map names: from which source, of how many clients, since when."""

    source: str
    system: str
    class_key: str
    items: int
    clients: int
    since: datetime


def mapped_classes(db: Connection) -> list[MappedClass]:
    """Return the class maps of the organisation's record systems, without the gateway's own keys."""
    return [MappedClass(**row._asdict()) for row in db.execute(MAPPED, (OWN_SYSTEM,))]


def unmapped_classes(db: Connection) -> list[UnmappedClass]:
    """Return the class keys that arrived and that no class map names. It reads every stored item."""
    return [UnmappedClass(**row._asdict()) for row in db.execute(UNMAPPED)]
