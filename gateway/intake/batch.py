"""One group commit: what waits goes into the journal in one transaction, and only then has its answers.

New messages cost one statement and one round trip. What turns out to be known already costs more: what is stored is looked up. The
connection belongs to one organisation for as long as it lives (``gateway/intake/writer.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import psycopg

from gateway.crash import crash_point
from gateway.intake.arrival import STREAM, Answer, Arrival, Fate, Identity
from gateway.intake.columns import longs, moments, octets, texts

AsyncConnection = psycopg.AsyncConnection[Any]

# The number comes from the journal's own sequence: both rows then go in one statement, and both or neither are there.
KEEP: Final = """
with input as (
  select nextval('journal_id_seq') as journal_id, t.*
  from unnest(%(place)s, %(source)s, %(sender)s, %(control_id)s, %(day)s, %(variant)s, %(kind)s, %(record_key)s, %(body)s, %(body_hash)s,
    %(source_time)s, %(state)s, %(reason)s, %(code)s, %(ack)s)
  as t (place, source_id, sender, control_id, day, variant, kind, record_key, body, body_hash, source_time, state, reason, code, ack)),
fresh as (
  insert into inbound_message (org, source_id, sender, control_id, day, variant, journal_id, body_hash, code, ack, received_at)
  select app_org(), source_id, sender, control_id, day, variant, journal_id, body_hash, code, ack, %(at)s from input
  on conflict do nothing
  returning journal_id),
kept as (
  select * from fresh join input using (journal_id)),
journalled as (
  insert into journal (id, org, source_id, stream, kind, record_key, op, body, body_hash, source_time, received_at, state, reason)
  overriding system value
  select journal_id, app_org(), source_id, %(stream)s, kind, record_key, 'upsert', body, body_hash, source_time, %(at)s, state, reason
  from kept),
counted as (
  insert into inbound_tally (org, source_id, stream, received, duplicates, journalled)
  select app_org(), source_id, %(stream)s, count(*), 0, count(*) from kept group by source_id
  on conflict (source_id, stream) do update
  set received = inbound_tally.received + excluded.received, journalled = inbound_tally.journalled + excluded.journalled)
select place, journal_id from kept"""
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


async def commit(db: AsyncConnection, at: datetime, arrivals: Sequence[Arrival]) -> list[Answer]:
    """Write what is new of the arrivals and return the answer to each, in their order. Each statement is its own transaction.

    Raises:
        psycopg.Error: nothing may be answered: whether it was stored isn't known. The same bytes again find out.
    """
    first: dict[Identity, int] = {}
    for place, arrival in enumerate(arrivals):
        first.setdefault(arrival.identity, place)
    numbers = await _keep(db, at, [(place, arrivals[place]) for place in first.values()])
    answers = {place: _answer("new", arrivals[place], number) for place, number in numbers.items()}
    rest = [(place, arrival) for place, arrival in enumerate(arrivals) if place not in answers]
    if rest:
        answers |= await _again(db, at, rest)
    return [answers[place] for place in range(len(arrivals))]


async def _keep(db: AsyncConnection, at: datetime, rows: Sequence[tuple[int, Arrival]]) -> dict[int, int]:
    """Insert rows whose identity isn't there yet; return the journal number of each place that was new."""
    crash_point("before-intake-commit")
    cursor = await db.execute(KEEP, {"at": at, **_columns(rows)})
    crash_point("after-intake-commit")
    return {row.place: row.journal_id for row in await cursor.fetchall()}


def _columns(rows: Sequence[tuple[int, Arrival]]) -> dict[str, Any]:
    places, arrivals = [place for place, _ in rows], [arrival for _, arrival in rows]
    identities = [arrival.identity for arrival in arrivals]
    return {
        "stream": STREAM,
        "place": longs(places),
        "source": longs([one.source for one in identities]),
        "sender": texts([one.sender for one in identities]),
        "control_id": texts([one.control_id for one in identities]),
        "day": texts([one.day for one in identities]),
        "variant": texts([one.variant for one in identities]),
        "kind": texts([one.kind for one in arrivals]),
        "record_key": texts([one.record_key for one in arrivals]),
        "body": octets([one.body for one in arrivals]),
        "body_hash": octets([one.body_hash for one in arrivals]),
        "source_time": moments([one.source_time for one in arrivals]),
        "state": texts([one.state for one in arrivals]),
        "reason": texts([one.reason for one in arrivals]),
        "code": texts([one.code for one in arrivals]),
        "ack": octets([one.ack for one in arrivals]),
    }


async def _again(db: AsyncConnection, at: datetime, rows: Sequence[tuple[int, Arrival]]) -> dict[int, Answer]:
    """Answer what came before: the stored answer to the same bytes; other bytes under a used number are kept apart, and refused."""
    known = await _known(db, [arrival for _, arrival in rows])
    answers: dict[int, Answer] = {}
    others: dict[Identity, tuple[int, Arrival]] = {}
    for place, arrival in rows:
        before = known.get((*_number(arrival.identity), arrival.body_hash))
        if before is not None:
            answers[place] = Answer(fate="duplicate", code=before.code, ack=bytes(before.ack), journal_id=before.journal_id)
        else:
            other = _under_a_used_number(arrival)
            others.setdefault(other.identity, (place, other))
    await _count(db, Counter(arrival.identity.source for place, arrival in rows if place in answers))
    if others:
        numbers = await _keep(db, at, list(others.values()))
        answers |= {place: _answer("conflict", one, numbers[place]) for place, one in others.values() if place in numbers}
    left = [(place, arrival) for place, arrival in rows if place not in answers]
    return answers | (await _again(db, at, left) if left else {})


async def _known(db: AsyncConnection, arrivals: Sequence[Arrival]) -> dict[tuple[object, ...], Any]:
    """Return what is stored under the numbers of these, by number and hash."""
    numbers = sorted({_number(arrival.identity) for arrival in arrivals})
    # Not prepared: planned for these values, whatever the size the table had when the first came.
    cursor = await db.execute(KNOWN, [list(column) for column in zip(*numbers, strict=True)], prepare=False)
    rows = await cursor.fetchall()
    return {(row.source_id, row.sender, row.control_id, row.day, bytes(row.body_hash)): row for row in rows}


async def _count(db: AsyncConnection, again: Counter[int]) -> None:
    """Count what came again, by source."""
    if again:
        counts = list(again.values())
        await db.execute(AGAIN, (list(again), [STREAM] * len(again), counts, counts))


def _answer(fate: Fate, arrival: Arrival, number: int) -> Answer:
    return Answer(fate=fate, code=arrival.code, ack=arrival.ack, journal_id=number)


def _number(identity: Identity) -> tuple[int, str, str, str]:
    return identity.source, identity.sender, identity.control_id, identity.day


def _under_a_used_number(arrival: Arrival) -> Arrival:
    """Return the arrival as it is kept when its number belongs to other bytes: refused, and known by its hash beside the number."""
    apart = replace(arrival.identity, variant=arrival.body_hash.hex()[:24])
    code, ack = arrival.reply.first_code("AE"), arrival.reply.reused()
    return replace(arrival, identity=apart, state="quarantined", reason=REUSED, code=code, ack=ack)
