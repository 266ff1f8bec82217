"""What vanished without a word: records that we know, and that a complete reading no longer gave.

Absence counts only where the reading was complete: one client's list, the days of a window just read, a full list of keys. When too
much of a full list vanished at once, nothing is deleted: far more often a source that is half up than a clean-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.connector import DeleteMode, Op, Record
from gateway.errors import PermanentError

if TYPE_CHECKING:
    from gateway.reading.pull import Reading

MAX_SHARE: Final = 0.05
# A share says nothing about a handful.
SMALL: Final = 20

OF_PARTITION: Final = """
select record_key from source_record
where source_id = %(source)s and stream = %(stream)s and partition = %(partition)s and not deleted and record_key <> all(%(keys)s)
  and (%(lower)s::date is null or (day >= %(lower)s::date and day < %(upper)s::date))"""
OF_STREAM: Final = """
select record_key, record_key <> all(%s) as vanished from source_record where source_id = %s and stream = %s and not deleted"""


class TooMuchVanished(PermanentError):
    """A full list of keys lacks more than it plausibly can: held for a person to look at."""

    code = "held-deletions"


def vanished_from_slice(reading: Reading, keys: set[str]) -> None:
    """Journal the deletion of what one client's complete list, in the window that was asked for, no longer holds."""
    if reading.stream.deletes is not DeleteMode.RECONCILE or reading.stream.partition_by is None:
        return
    window = reading.stream.window_days is not None
    asked: dict[str, Any] = {
        "source": reading.source.id,
        "stream": reading.stream.name,
        "partition": reading.row.partition,
        "keys": list(keys),
        "lower": reading.row.lower if window else None,
        "upper": reading.row.upper if window else None,
    }
    with reading.gateway.database.transaction(reading.org) as db:
        gone = [row.record_key for row in db.execute(OF_PARTITION, asked)]
    _journal(reading, gone)


def vanished_from_keys(reading: Reading, keys: set[str]) -> None:
    """Journal the deletion of what a full list of keys no longer holds.

    Raises:
        TooMuchVanished: more than a twentieth of a stream, and more than a handful.
    """
    with reading.gateway.database.transaction(reading.org) as db:
        known = db.execute(OF_STREAM, (list(keys), reading.source.id, reading.stream.name)).fetchall()
    gone = [row.record_key for row in known if row.vanished]
    allowed = float(reading.source.settings.get("max_vanished_share", MAX_SHARE))
    if len(gone) > SMALL and len(gone) > allowed * len(known):
        raise TooMuchVanished(f"{len(gone)} of {len(known)} records vanished at once: nothing was deleted")
    _journal(reading, gone, requests=1)


def _journal(reading: Reading, gone: list[str], requests: int = 0) -> None:
    records = [Record(stream=reading.stream.name, key=key, op=Op.DELETE, data=None) for key in gone]
    if records or requests:
        reading.write([*records], requests)
