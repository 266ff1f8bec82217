"""One group commit: what waits goes into the journal in one transaction, and only then has its answers.

New messages cost one statement and one round trip. What turns out to be known already costs more: what is stored is looked up. The
connection belongs to one organisation for as long as it lives (``gateway/intake/writer.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.pq.abc import PGresult

from gateway.crash import crash_point
from gateway.intake.arrival import STREAM, Answer, Arrival, Fate, Identity
from gateway.intake.columns import LONGS, MOMENTS, OCTETS, TEXTS, TIMESTAMPTZ, longs, moment, moments, octets, texts
from gateway.intake.statement import Statement

AsyncConnection = psycopg.AsyncConnection[Any]

# The number comes from the journal's own sequence: both rows then go in one statement, and both or neither are there.
KEEP: Final = f"""
with input as (
  select nextval('journal_id_seq') as journal_id, t.*
  from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) with ordinality
  as t (source_id, sender, control_id, day, variant, kind, record_key, body, body_hash, source_time, reason, code, ack, place)),
fresh as (
  insert into inbound_message (org, source_id, sender, control_id, day, variant, journal_id, body_hash, code, ack, received_at)
  select app_org(), source_id, sender, control_id, day, variant, journal_id, body_hash, code, ack, $1 from input
  on conflict do nothing
  returning journal_id),
kept as (
  select * from fresh join input using (journal_id)),
journalled as (
  insert into journal (id, org, source_id, stream, kind, record_key, op, body, body_hash, source_time, received_at, state, reason)
  overriding system value
  select journal_id, app_org(), source_id, '{STREAM}', kind, record_key, 'upsert', body, body_hash, source_time, $1,
    case when reason is null then 'waiting' else 'quarantined' end, reason
  from kept),
counted as (
  insert into inbound_tally (org, source_id, stream, received, duplicates, journalled)
  select app_org(), source_id, '{STREAM}', count(*), 0, count(*) from kept group by source_id
  on conflict (source_id, stream) do update
  set received = inbound_tally.received + excluded.received, journalled = inbound_tally.journalled + excluded.journalled)
select place - 1, journal_id from kept"""
KEEP_TYPES: Final = (
    *(TIMESTAMPTZ, LONGS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
    *(TEXTS, OCTETS, OCTETS, MOMENTS, TEXTS, TEXTS, OCTETS),
)
KNOWN: Final = """
select source_id, sender, control_id, day, variant, journal_id, body_hash, code, ack
from inbound_message
join unnest(%s::int[], %s::text[], %s::text[], %s::text[]) as t (source_id, sender, control_id, day)
  using (source_id, sender, control_id, day)"""
AGAIN: Final = """
insert into inbound_tally (org, source_id, stream, received, duplicates, journalled)
select app_org(), *, 0 from unnest(%s::int[], %s::text[], %s::bigint[], %s::bigint[])
on conflict (source_id, stream) do update
set received = inbound_tally.received + excluded.received, duplicates = inbound_tally.duplicates + excluded.duplicates"""
# The number of a message belongs to other bytes.
REUSED: Final = "control-id-reused"


class GroupCommit:
    """The group commits of one connection."""

    def __init__(self, db: AsyncConnection) -> None:
        self.db = db
        self._insert = Statement(db, "keep", KEEP, KEEP_TYPES)

    async def commit(self, at: datetime, arrivals: Sequence[Arrival]) -> list[Answer]:
        """Write what is new of the arrivals and return the answer to each, in their order. Each statement is its own transaction.

        Raises:
            psycopg.Error: nothing may be answered: whether it was stored isn't known. The same bytes again find out.
        """
        first: dict[Identity, int] = {}
        for place, arrival in enumerate(arrivals):
            first.setdefault(arrival.identity, place)
        answers = await self._keep(at, "new", [(place, arrivals[place]) for place in first.values()])
        if len(answers) < len(arrivals):
            answers |= await self._again(at, [(place, one) for place, one in enumerate(arrivals) if place not in answers])
        return [answers[place] for place in range(len(arrivals))]

    async def _keep(self, at: datetime, fate: Fate, rows: Sequence[tuple[int, Arrival]]) -> dict[int, Answer]:
        """Insert rows whose identity isn't there yet; return the answer to each that was new, by its place."""
        values = _columns(at, [arrival for _, arrival in rows])
        crash_point("before-intake-commit")
        kept = await self._insert.run(values)
        crash_point("after-intake-commit")
        answers = {}
        for n in range(kept.ntuples):
            place, arrival = rows[_number_in(kept, n, 0)]
            answers[place] = Answer(fate, arrival.code, arrival.ack, _number_in(kept, n, 1))
        return answers

    async def _again(self, at: datetime, rows: Sequence[tuple[int, Arrival]]) -> dict[int, Answer]:
        """Answer what came before: the stored answer to the same bytes; other bytes under a used number are kept apart, and refused."""
        known = await self._known([arrival for _, arrival in rows])
        answers: dict[int, Answer] = {}
        others: dict[Identity, tuple[int, Arrival]] = {}
        for place, arrival in rows:
            before = known.get((*_number(arrival.identity), arrival.body_hash))
            if before is not None:
                answers[place] = Answer("duplicate", before.code, bytes(before.ack), before.journal_id)
            else:
                other = _under_a_used_number(arrival)
                others.setdefault(other.identity, (place, other))
        await self._count(Counter(arrival.identity.source for place, arrival in rows if place in answers))
        if others:
            answers |= await self._keep(at, "conflict", list(others.values()))
        left = [(place, arrival) for place, arrival in rows if place not in answers]
        return answers | (await self._again(at, left) if left else {})

    async def _known(self, arrivals: Sequence[Arrival]) -> dict[tuple[object, ...], Any]:
        """Return what is stored under the numbers of these, by number and hash."""
        numbers = sorted({_number(arrival.identity) for arrival in arrivals})
        # Not prepared: planned for these values, whatever the size the table had when the first came.
        cursor = await self.db.execute(KNOWN, [list(column) for column in zip(*numbers, strict=True)], prepare=False)
        rows = await cursor.fetchall()
        return {(row.source_id, row.sender, row.control_id, row.day, bytes(row.body_hash)): row for row in rows}

    async def _count(self, again: Counter[int]) -> None:
        """Count what came again, by source."""
        if again:
            counts = list(again.values())
            await self.db.execute(AGAIN, (list(again), [STREAM] * len(again), counts, counts))


def _columns(at: datetime, arrivals: Sequence[Arrival]) -> list[bytes]:
    """Return the parameters of ``KEEP``."""
    identities = [arrival.identity for arrival in arrivals]
    return [
        moment(at),
        longs([one.source for one in identities]),
        texts([one.sender for one in identities]),
        texts([one.control_id for one in identities]),
        texts([one.day for one in identities]),
        texts([one.variant for one in identities]),
        texts([one.kind for one in arrivals]),
        texts([one.record_key for one in arrivals]),
        octets([one.body for one in arrivals]),
        octets([one.body_hash for one in arrivals]),
        moments([one.source_time for one in arrivals]),
        texts([one.reason for one in arrivals]),
        texts([one.code for one in arrivals]),
        octets([one.ack for one in arrivals]),
    ]


def _number_in(rows: PGresult, row: int, column: int) -> int:
    return int.from_bytes(rows.get_value(row, column) or b"", signed=True)


def _number(identity: Identity) -> tuple[int, str, str, str]:
    return identity.source, identity.sender, identity.control_id, identity.day


def _under_a_used_number(arrival: Arrival) -> Arrival:
    """Return the arrival as it is kept when its number belongs to other bytes: refused, and known by its hash beside the number."""
    apart = arrival.identity._replace(variant=arrival.body_hash.hex()[:24])
    code, ack = arrival.reply.first_code("AE"), arrival.reply.reused()
    return arrival._replace(identity=apart, reason=REUSED, code=code, ack=ack)
