"""What the gateway last said about its slots: until when pages are up to date, and when the next slot is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from samples.portal.clock import instant, parsed
from samples.portal.database import Database

EVERYBODY: Final = ""
STATUS: Final = "select member, last, next from sync_status where member in (?, ?)"
KEEP_BEHIND: Final = """
    insert into sync_status (member, last, next) select ?, (select last from sync_status where member = ''), null
    where true on conflict (member) do nothing
"""
BEHIND: Final = "select member from sync_status where member <> ?"
FORGET: Final = "delete from sync_status where member = ?"
SET: Final = """
    insert into sync_status (member, last, next) values (?, ?, ?)
    on conflict (member) do update set last = excluded.last, next = excluded.next
"""


class SyncReport(msgspec.Struct, kw_only=True):
    """What ``POST /sync-status`` takes: two instants, and the members whose work of this slot isn't done."""

    last: str
    next: str
    behind: list[str] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The slot that a compartment is up to date with, and the next one; instants, or ``None`` while unknown."""

    last: str | None
    following: str | None


class SyncStatus:
    """The last report of the gateway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, report: SyncReport) -> None:
        """Take a report; compartments that are behind keep the time they were last up to date.

        Raises:
            ValueError: an instant without offset, or no instant.
        """
        last, following = instant(parsed(report.last)), instant(parsed(report.next))
        with self._database.write() as db:
            known = {row[0] for row in db.execute(BEHIND, (EVERYBODY,))}
            db.executemany(FORGET, [(member,) for member in known - set(report.behind)])
            db.executemany(KEEP_BEHIND, [(member,) for member in report.behind])
            db.execute(SET, (EVERYBODY, last, following))

    def of(self, member: str) -> Slots:
        """Return the slots that hold for a compartment."""
        rows = {row[0]: row for row in self._database.read().execute(STATUS, (EVERYBODY, member))}
        everybody = rows.get(EVERYBODY)
        own = rows.get(member, everybody)
        return Slots(last=own[1] if own else None, following=everybody[2] if everybody else None)
