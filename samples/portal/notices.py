"""The prikbord: short notes of the people on a page for each other. The care organisation never gets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samples.portal.clock import Clock, instant
from samples.portal.database import Database

LONGEST: Final = 280

ADD: Final = "insert into notice (page, account, at, words) values (?, ?, ?, ?)"
OF_PAGE: Final = """
    select n.at, n.words, a.name from notice n join account a using (account) where n.page = ? order by n.seq desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One note; ``at`` is an instant."""

    at: str
    words: str
    name: str


class Notices:
    """The notes of every page."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def pin(self, page: str, account: str, words: str) -> None:
        """Add a note; what is too long is cut off, as the form that asks for it says."""
        with self._database.write() as db:
            db.execute(ADD, (page, account, instant(self._clock()), words[:LONGEST]))

    def of(self, page: str) -> list[Notice]:
        """Return the notes of a page, newest first."""
        return [Notice(**row) for row in self._database.read().execute(OF_PAGE, (page,))]
