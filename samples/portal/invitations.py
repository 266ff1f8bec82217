"""Invitations that were mailed: which page and organisation a link in an e-mail belongs to. The gateway decides whether it still holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from samples.portal.database import Database
from samples.portal.token import digest

ADD: Final = "insert or replace into invitation (sha256, number, page, provider, organisation, email) values (?, ?, ?, ?, ?, ?)"
FIND: Final = "select number, page, provider, organisation, email from invitation where sha256 = ?"
FORGET: Final = "delete from invitation where sha256 = ?"
ADDRESSES: Final = "select number, email from invitation where page = ? and provider = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailed:
    """An invitation that was sent to somebody; ``number`` is the gateway's."""

    number: str
    page: str
    provider: str
    organisation: str
    email: str


class Invitations:
    """What was mailed and not answered yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, token: str, mailed: Mailed) -> None:
        """Remember where a link leads; the token itself isn't kept."""
        values = (mailed.number, mailed.page, mailed.provider, mailed.organisation, mailed.email)
        with self._database.write() as db:
            db.execute(ADD, (digest(token), *values))

    def of(self, token: str) -> Mailed | None:
        """Return where a link leads."""
        row = self._database.read().execute(FIND, (digest(token),)).fetchone()
        return None if row is None else Mailed(**row)

    def forget(self, token: str) -> None:
        """Let a link lead nowhere."""
        with self._database.write() as db:
            db.execute(FORGET, (digest(token),))

    def addresses(self, page: str, provider: str) -> Mapping[str, str]:
        """Return to whom the invitations of a page went, by their numbers."""
        return dict(self._database.read().execute(ADDRESSES, (page, provider)).fetchall())
