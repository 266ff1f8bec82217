"""The sessions of browsers: who signed in, on a known device or not, and whether the dossier was opened with a second proof."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from samples.portal.accounts import Account, Accounts
from samples.portal.clock import Clock, instant
from samples.portal.database import Database
from samples.portal.token import digest

LONGEST: Final = timedelta(hours=8)

FORGET: Final = "delete from session where expires < ?"
ADD: Final = "insert into session (sha256, account, expires, begun) values (?, ?, ?, ?)"
END: Final = "delete from session where sha256 = ?"
FIND: Final = "select account, begun, confirmed from session where sha256 = ? and expires > ?"
CONFIRM: Final = "update session set begun = 1, confirmed = ? where sha256 = ?"
KNOWN: Final = "select 1 from device where sha256 = ? and account = ?"
KNOW: Final = "insert or ignore into device (sha256, account) values (?, ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser that is signed in. ``begun``: its device is known; ``confirmed``: the dossier is open, until it signs out."""

    key: str
    account: Account
    begun: bool
    confirmed: bool


class Sessions:
    """The sessions, and the devices on which somebody signed in before."""

    def __init__(self, database: Database, accounts: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts
        self._clock = clock

    def sign_in(self, account: str, device: str) -> str:
        """Begin a session and return its secret; on a device that the account never used it can do nothing yet."""
        secret = secrets.token_urlsafe(32)
        moment = self._clock()
        with self._database.write() as db:
            known = db.execute(KNOWN, (digest(device), account)).fetchone() is not None
            db.execute(FORGET, (instant(moment),))
            db.execute(ADD, (digest(secret), account, instant(moment + LONGEST), known))
        return secret

    def sign_out(self, secret: str) -> None:
        """End a session, and with it what was confirmed."""
        with self._database.write() as db:
            db.execute(END, (digest(secret),))

    def of(self, secret: str) -> Session | None:
        """Return the session of a secret, or ``None`` when it is over or never was."""
        key = digest(secret)
        row = self._database.read().execute(FIND, (key, instant(self._clock()))).fetchone()
        account = None if row is None else self._accounts.one(row["account"])
        if account is None:
            return None
        return Session(key=key, account=account, begun=bool(row["begun"]), confirmed=row["confirmed"] is not None)

    def confirm(self, session: Session) -> None:
        """Open the dossier for this session."""
        with self._database.write() as db:
            db.execute(CONFIRM, (instant(self._clock()), session.key))

    def know_device(self, session: Session, device: str) -> str:
        """Remember that this account uses this browser; return the device's secret, a new one for a new device."""
        secret = device or secrets.token_urlsafe(32)
        with self._database.write() as db:
            db.execute(KNOW, (digest(secret), session.account.account))
        return secret
