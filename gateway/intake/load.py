"""When mapping steps back: a sender waits for its answer, and what is in the journal can wait to be mapped.

The journal itself says when that is: more came within half a second than mapping keeps up with, and it is coming still. What has
waited long enough is mapped all the same, so under a load without end mapping runs on that far behind.
"""

from __future__ import annotations

from typing import Final

from gateway.database import Connection

# Of one source that pushes: this many messages within this long are more than a process maps meanwhile.
MANY: Final = 200
SPAN_S: Final = 0.5
# Nothing came for this long: the load is over.
QUIET_S: Final = 0.2
# Mapped under any load once it has waited this long.
PATIENCE_S: Final = 30.0

STEPS_BACK: Final = """
select coalesce((
    select run_id is null and received_at > app_now() - make_interval(secs => %(patience)s)
    from journal where source_id = %(source)s and state = 'waiting' order by id limit 1), false)
  and exists (
    select from source
    cross join lateral (select received_at from journal where source_id = source.id order by id desc limit 1) newest
    cross join lateral (
      select run_id, received_at from journal where source_id = source.id order by id desc offset %(many)s limit 1) earlier
    where newest.received_at > app_now() - make_interval(secs => %(quiet)s)
      and earlier.run_id is null and earlier.received_at > app_now() - make_interval(secs => %(span)s)) as steps_back"""


def steps_back(db: Connection, source_id: int) -> bool:
    """Tell whether what waits of a source that pushes is to wait on, since any such source of the organisation sends that much."""
    values = {"source": source_id, "many": MANY - 1, "span": SPAN_S, "quiet": QUIET_S, "patience": PATIENCE_S}
    row = db.execute(STEPS_BACK, values).fetchone()
    return bool(row and row.steps_back)
