"""The change feed: every version in an order in which no reader can miss one.

A sequence alone isn't such an order: a transaction that drew its number early can commit late. So the order is (transaction, number), and a
reader goes no further than the oldest transaction still under way. A transaction that stays open holds the feed back, it never loses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.database import Connection

READ: Final = """
select xid::text::bigint as xid, seq, rkey, version, op, client_id, rtype from change
where (xid, seq) > (%(xid)s::text::xid8, %(seq)s) and xid < pg_snapshot_xmin(pg_current_snapshot())
order by change.xid, change.seq limit %(limit)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a reader has come: after this change of this transaction."""

    xid: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One version that was written."""

    position: Position
    rkey: int
    version: int
    op: str
    client_id: int | None
    rtype: str


def read_changes(db: Connection, after: Position, limit: int = 1000) -> list[Change]:
    """Return the changes after a position, oldest first, that no unfinished transaction can still come before."""
    rows = db.execute(READ, {"xid": after.xid, "seq": after.seq, "limit": limit})
    return [
        Change(
            position=Position(xid=row.xid, seq=row.seq),
            rkey=row.rkey,
            version=row.version,
            op=row.op,
            client_id=row.client_id,
            rtype=row.rtype,
        )
        for row in rows
    ]
