"""What one run moved, per stream: requests and records at the source, versions written, items pushed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.runtime import Gateway

READ: Final = """
select stream, sum(requests)::int as requests, sum(received)::int as received, sum(journalled)::int as journalled,
  count(*)::int as slices
from slice where run_id = any(%s) group by stream order by stream"""
MAPPED: Final = """
select journal.stream, count(*)::int as mapped from journal where run_id = any(%s) and mapped_at is not null group by stream"""
MARK: Final = "select coalesce(max(id), 0) as journal, (select coalesce(max(seq), 0) from change) as change from journal"
WRITTEN: Final = """
select origin.stream, count(distinct (change.rkey, change.version))::int as written
from change join origin using (rkey) where change.seq > %s group by origin.stream"""
PUSHED: Final = """
select coalesce(origin.stream, 'own') as stream, count(distinct audit.rkey || '/' || audit.link_id)::int as pushed
from audit_event audit left join origin on origin.rkey = audit.rkey
where audit.event in ('delivery', 'retraction') and audit.at >= %s group by 1"""
# Right after a first load the database takes its tables for empty, and would read all of one for each row of another: minutes.
WHOLE_TABLES: Final = "set local enable_nestloop = off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place in the feeds: what comes later was moved by the run."""

    change: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMoved:
    """One stream's share of a run."""

    stream: str
    slices: int
    requests: int
    received: int
    journalled: int
    mapped: int
    written: int
    pushed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Travelled:
    """What one run moved, and how long it took in seconds of wall time."""

    streams: tuple[StreamMoved, ...]
    took_s: float

    def lines(self) -> Iterator[str]:
        """Yield a table, one line per stream."""
        names = ("slices", "requests", "received", "journalled", "mapped", "written", "pushed")
        yield f"{'stream':<11} " + " ".join(f"{name:>10}" for name in names)
        for moved in self.streams:
            yield f"{moved.stream:<11} " + " ".join(f"{getattr(moved, name):>10}" for name in names)
        yield f"in {self.took_s:.1f} s"


def snapshot_of(gateway: Gateway, org: int) -> Mark:
    """Remember where the feeds stand."""
    with gateway.database.transaction(org) as db:
        row = db.execute(MARK).fetchone()
    return Mark(change=row.change if row else 0, at=gateway.clock().isoformat())


def travelled(gateway: Gateway, org: int, runs: Sequence[int], since: Mark, took_s: float) -> Travelled:
    """Count what these runs moved since the mark."""
    with gateway.database.snapshot(org) as db:
        db.execute(WHOLE_TABLES)
        read = db.execute(READ, (list(runs),)).fetchall()
        mapped = {row.stream: row.mapped for row in db.execute(MAPPED, (list(runs),))}
        written = {row.stream: row.written for row in db.execute(WRITTEN, (since.change,))}
        pushed = {row.stream: row.pushed for row in db.execute(PUSHED, (since.at,))}
    streams = tuple(
        StreamMoved(
            **row._asdict(),
            mapped=mapped.get(row.stream, 0),
            written=written.get(row.stream, 0),
            pushed=pushed.get(row.stream, 0),
        )
        for row in read
    )
    return Travelled(streams=streams, took_s=took_s)
