"""Accounts of the demonstration: who signs in, to which compartments, and the sessions of a browser.

An account is not a client: one person may care for several, and sees them one at a time.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from samples.portal.clock import Clock, instant
from samples.portal.database import Database
from samples.portal.token import digest

SESSION: Final = timedelta(hours=8)

FORGET_ACCOUNTS: Final = "delete from account"
FORGET_ACCOUNT: Final = "delete from account_member where account = ?"
ADD_ACCOUNT: Final = """
    insert into account (account, name, note) values (?, ?, ?)
    on conflict (account) do update set name = excluded.name, note = excluded.note
"""
ADD_MEMBER: Final = "insert or ignore into account_member (account, member, position) values (?, ?, ?)"
FIND_ACCOUNTS: Final = """
    select account, name, note from account where instr(lower(name), lower(?)) > 0 order by name, account
"""
ONE_ACCOUNT: Final = "select account, name, note from account where account = ?"
MEMBERS: Final = "select member from account_member where account = ? order by position"
FORGET_SESSIONS: Final = "delete from session where expires < ?"
ADD_SESSION: Final = "insert into session (sha256, account, expires) values (?, ?, ?)"
END_SESSION: Final = "delete from session where sha256 = ?"
SESSION_ACCOUNT: Final = "select account from session where sha256 = ? and expires > ?"


class AccountEntry(msgspec.Struct, kw_only=True):
    """One account as ``POST /_sample/accounts`` takes it."""

    account: str
    name: str
    members: list[str]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may sign in, with the compartments that are theirs, in order."""

    account: str
    name: str
    note: str
    members: tuple[str, ...]


class Accounts:
    """The accounts and their sessions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def set(self, entries: Iterable[AccountEntry], *, replace: bool) -> None:
        """Add or change accounts; with ``replace`` all others go."""
        with self._database.write() as db:
            if replace:
                db.execute(FORGET_ACCOUNTS)
            for entry in entries:
                db.execute(ADD_ACCOUNT, (entry.account, entry.name, entry.note))
                db.execute(FORGET_ACCOUNT, (entry.account,))
                rows = [(entry.account, member, position) for position, member in enumerate(entry.members)]
                db.executemany(ADD_MEMBER, rows)

    def find(self, name: str, limit: int) -> tuple[list[Account], int]:
        """Return the first accounts whose name holds this text, and how many there are in all."""
        rows = self._database.read().execute(FIND_ACCOUNTS, (name,)).fetchall()
        return [self._with_members(*row) for row in rows[:limit]], len(rows)

    def one(self, account: str) -> Account | None:
        """Return an account by its id."""
        row = self._database.read().execute(ONE_ACCOUNT, (account,)).fetchone()
        return None if row is None else self._with_members(*row)

    def sign_in(self, account: str) -> str:
        """Begin a session and return its secret."""
        secret = secrets.token_urlsafe(32)
        moment = self._clock()
        with self._database.write() as db:
            db.execute(FORGET_SESSIONS, (instant(moment),))
            db.execute(ADD_SESSION, (digest(secret), account, instant(moment + SESSION)))
        return secret

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self._database.write() as db:
            db.execute(END_SESSION, (digest(secret),))

    def signed_in(self, secret: str) -> Account | None:
        """Return whose session this is, or ``None`` when it is over or never was."""
        values = (digest(secret), instant(self._clock()))
        row = self._database.read().execute(SESSION_ACCOUNT, values).fetchone()
        return None if row is None else self.one(row[0])

    def _with_members(self, account: str, name: str, note: str) -> Account:
        rows = self._database.read().execute(MEMBERS, (account,))
        return Account(account=account, name=name, note=note, members=tuple(row[0] for row in rows))
