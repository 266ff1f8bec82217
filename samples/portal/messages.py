"""What the portal sends to people outside its pages. The sample carries it no further than a window that shows it as a telephone would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from samples.portal.clock import Clock, instant
from samples.portal.database import Database

Channel = Literal["sms", "voice", "email"]

ADD: Final = "insert into message (account, channel, recipient, at, words, link) values (?, ?, ?, ?, ?, ?)"
LATEST: Final = """
    select account, channel, recipient, at, words, link from message where ? in ('', account) order by seq desc limit ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One text message, spoken message or e-mail; ``link`` is empty or the path of a page here. ``account`` may be empty."""

    account: str
    channel: Channel
    recipient: str
    at: str
    words: str
    link: str


class Messages:
    """Everything that was sent."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def send(self, channel: Channel, recipient: str, words: str, *, account: str = "", link: str = "") -> None:
        """Send it."""
        with self._database.write() as db:
            db.execute(ADD, (account, channel, recipient, instant(self._clock()), words, link))

    def latest(self, account: str, limit: int) -> list[Message]:
        """Return the newest, newest first, of one account or (empty) of everybody."""
        return [Message(**row) for row in self._database.read().execute(LATEST, (account, limit))]
