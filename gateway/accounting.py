"""Two ledgers, both exact, by kind (docs/accounting.md).

Records:     received = duplicates + journalled;  journalled = waiting + mapped + deleted + quarantined + set aside.
Disclosure:  every (portal, linked member, stored resource of that client) is exactly one of delivered, queued, parked, retracting,
             retained, withheld (with its reason). Directory resources are counted apart, unlinked clients' resources are ``not-linked``.

Both are counted from the rows themselves, never from counters kept beside them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.runtime import Gateway

RECORDS: Final = """
with counted as (
  select source_id, stream, received, duplicates, journalled from slice
  union all
  select source_id, stream, received, duplicates, journalled from inbound_tally),
intake as (
  select source_id, stream, sum(received) as received, sum(duplicates) as duplicates, sum(journalled) as journalled
  from counted group by source_id, stream),
fate as (
  select source_id, stream, count(*) as rows,
    count(*) filter (where state = 'waiting') as waiting, count(*) filter (where state = 'mapped') as mapped,
    count(*) filter (where state = 'deleted') as deleted, count(*) filter (where state = 'quarantined') as quarantined,
    count(*) filter (where state = 'set-aside') as set_aside
  from journal group by source_id, stream)
select source.code as source, stream, coalesce(received, 0)::int as received, coalesce(duplicates, 0)::int as duplicates,
  coalesce(journalled, 0)::int as journalled, coalesce(rows, 0)::int as rows, coalesce(waiting, 0)::int as waiting,
  coalesce(mapped, 0)::int as mapped, coalesce(deleted, 0)::int as deleted, coalesce(quarantined, 0)::int as quarantined,
  coalesce(set_aside, 0)::int as set_aside
from intake full join fate using (source_id, stream) join source on source.id = source_id
order by source.code, stream"""

ASIDE: Final = """
select source.code as source, stream, state, coalesce(reason, 'unknown') as reason, count(*)::int as n
from journal join source on source.id = source_id
where state in ('quarantined', 'set-aside') group by 1, 2, 3, 4 order by 1, 2, 3, 4"""

# A queued delete is a retraction under way; a queued put is queued, also when the member holds an older version. What is at a portal of the
# directory, or on its way from there, is counted as well when nothing that may be seen refers to it any more.
DISCLOSURE: Final = """
with held as (
  select ledger.portal_id, ledger.link_id, ledger.rkey, ledger.state, ledger.held_hash, ledger.content_hash,
    outbox.id as outbox_id, outbox.state as outbox_state, outbox.op
  from disclosure_ledger ledger left join outbox on outbox.ledger_id = ledger.id)
select portal.code as portal, resource.rtype as kind, coalesce(verdict.directory, true) as directory,
  case
    when held.outbox_state = 'parked' then 'parked'
    when held.op = 'delete' then 'retracting'
    when held.op = 'put' then 'queued'
    when held.state = 'cannot_retract' or (held.held_hash is not null and held.content_hash is null) then 'retained'
    when held.held_hash is not null then 'delivered'
    else 'withheld'
  end as fate,
  case when held.held_hash is null and held.outbox_id is null then verdict.code else '' end as reason,
  count(*)::int as n
from disclosure_verdict verdict
full join held on held.link_id = verdict.link_id and held.rkey = verdict.rkey
join resource on resource.rkey = coalesce(verdict.rkey, held.rkey)
join portal on portal.id = coalesce(verdict.portal_id, held.portal_id)
where verdict.rkey is not null
  or resource.client_id is null and (held.held_hash is not null or held.outbox_id is not null or held.state = 'cannot_retract')
group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5"""

PAIRS: Final = """
select portal.code as portal, resource.rtype as kind, count(*)::int as n
from link join portal on portal.id = link.portal_id
join resource on resource.client_id = link.client_id and not resource.deleted
group by 1, 2"""

UNLINKED: Final = """
select resource.rtype as kind, count(*)::int as n from resource
where client_id is not null and not deleted and not exists (select from link where link.client_id = resource.client_id)
group by 1 order by 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    """What became of the records of one stream of one source."""

    source: str
    stream: str
    received: int
    duplicates: int
    journalled: int
    rows: int
    waiting: int
    mapped: int
    deleted: int
    quarantined: int
    set_aside: int
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Tell whether every received record is accounted for, once."""
        fates = self.waiting + self.mapped + self.deleted + self.quarantined + self.set_aside
        return self.received == self.duplicates + self.journalled and self.journalled == self.rows == fates


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureLine:
    """Where the (member, resource) pairs of one kind stand at one portal. ``pairs`` is counted on its own, not added up."""

    portal: str
    kind: str
    pairs: int
    fates: dict[str, int]
    withheld: dict[str, int]

    @property
    def balanced(self) -> bool:
        """Tell whether every pair has exactly one fate."""
        return self.pairs == sum(self.fates.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """Both ledgers of one organisation at one moment."""

    records: tuple[RecordLine, ...]
    disclosure: tuple[DisclosureLine, ...]
    directory: tuple[DisclosureLine, ...]
    not_linked: dict[str, int]

    @property
    def balanced(self) -> bool:
        """Tell whether both ledgers balance, by kind."""
        return all(line.balanced for line in self.records) and all(line.balanced for line in self.disclosure)


def ledgers(gateway: Gateway, org: int) -> Ledgers:
    """Count both ledgers in one snapshot."""
    with gateway.database.snapshot(org) as db:
        records = db.execute(RECORDS).fetchall()
        aside = db.execute(ASIDE).fetchall()
        fates = db.execute(DISCLOSURE).fetchall()
        pairs = {(row.portal, row.kind): row.n for row in db.execute(PAIRS)}
        unlinked = {row.kind: row.n for row in db.execute(UNLINKED)}
    own = [row for row in fates if not row.directory]
    return Ledgers(
        records=tuple(_record_line(row, aside) for row in records),
        disclosure=tuple(_disclosure_lines(own, pairs)),
        directory=tuple(_disclosure_lines([row for row in fates if row.directory], None)),
        not_linked=unlinked,
    )


def _record_line(row: Any, aside: list[Any]) -> RecordLine:
    reasons = {
        f"{other.state}: {other.reason}": other.n for other in aside if (other.source, other.stream) == (row.source, row.stream)
    }
    return RecordLine(**row._asdict(), reasons=reasons)


def _disclosure_lines(rows: list[Any], pairs: dict[tuple[str, str], int] | None) -> list[DisclosureLine]:
    """Group counted rows by (portal, kind); ``pairs`` is ``None`` for the directory, which has no total of its own."""
    keys = sorted({(row.portal, row.kind) for row in rows} | set(pairs or {}))
    lines = []
    for portal, kind in keys:
        fates, withheld = Counter[str](), Counter[str]()
        for row in rows:
            if (row.portal, row.kind) == (portal, kind):
                fates[row.fate] += row.n
                if row.fate == "withheld":
                    withheld[row.reason] += row.n
        total = sum(fates.values()) if pairs is None else pairs.get((portal, kind), 0)
        lines.append(DisclosureLine(portal=portal, kind=kind, pairs=total, fates=dict(fates), withheld=dict(withheld)))
    return lines
