"""Accounts: who signs in, how they are reached, and which care pages they open.

An account is not a client: one person may care for several, and sees them one at a time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from uuid import uuid4

import msgspec

from samples.portal.database import Database

FORGET_ACCOUNTS: Final = "delete from account"
# What somebody linked with a code stays theirs.
FORGET_GIVEN: Final = "delete from lane where account = ? and provider = ''"
ADD_ACCOUNT: Final = """
    insert into account (account, name, note, email, mobile, landline) values (?, ?, ?, ?, ?, ?)
    on conflict (account) do update set name = excluded.name, note = excluded.note, email = excluded.email,
      mobile = excluded.mobile, landline = excluded.landline
"""
ADD_LANE: Final = """
    insert or replace into lane (account, page, member, provider, organisation, position) values (?, ?, ?, ?, ?, ?)
"""
REMOVE_MEMBER: Final = "delete from lane where member = ?"
NEXT_POSITION: Final = "select coalesce(max(position), -1) + 1 from lane where account = ?"
COLUMNS: Final = "account, name, note, email, mobile, landline"
FIND_ACCOUNTS: Final = f"select {COLUMNS} from account where instr(lower(name), lower(?)) > 0 order by name, account"
ONE_ACCOUNT: Final = f"select {COLUMNS} from account where account = ?"
LANES: Final = "select page, member, provider, organisation from lane where account = ? order by position"
OWN_PAGES: Final = "select page, title from care_page where account = ? order by title, page"
ADD_PAGE: Final = "insert into care_page (page, account, title) values (?, ?, ?)"
NAMES: Final = """
    select l.member, a.name from lane l join account a using (account) where l.member in (select value from json_each(?))
"""
SET_NUMBER: Final = {
    "mobile": "update account set mobile = ? where account = ?",
    "landline": "update account set landline = ? where account = ?",
}


class AccountEntry(msgspec.Struct, kw_only=True):
    """One account as ``POST /_sample/accounts`` takes it. What it doesn't say of addresses is made up.

    ``pages``: for a member, the page that it shares with others; a member that isn't named has a page of its own.
    """

    account: str
    name: str
    members: list[str]
    pages: dict[str, str] = {}
    note: str = ""
    email: str = ""
    mobile: str = ""
    landline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What one organisation brings to a care page: a compartment. ``provider`` and ``organisation`` are empty when nobody said."""

    member: str
    provider: str = ""
    organisation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A care page as one account has it; ``own``: this account made it and administers it."""

    page: str
    title: str
    own: bool
    lanes: tuple[Lane, ...]

    def lane_of(self, provider: str) -> Lane | None:
        """Return what an organisation brings to it."""
        return next((lane for lane in self.lanes if lane.provider == provider), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may sign in, with the pages that are theirs, in order."""

    account: str
    name: str
    note: str
    email: str
    mobile: str
    landline: str
    pages: tuple[Page, ...]

    def page(self, page: str) -> Page | None:
        """Return one of the account's pages."""
        return next((one for one in self.pages if one.page == page), None)


class Accounts:
    """The accounts and their pages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, entries: Iterable[AccountEntry], *, replace: bool) -> None:
        """Add or change accounts; with ``replace`` all others go."""
        with self._database.write() as db:
            if replace:
                db.execute(FORGET_ACCOUNTS)
            for entry in entries:
                db.execute(ADD_ACCOUNT, _values(entry))
                db.execute(FORGET_GIVEN, (entry.account,))
                pages = [entry.pages.get(member, member) for member in entry.members]
                lanes = enumerate(zip(pages, entry.members, strict=True))
                db.executemany(ADD_LANE, [(entry.account, page, member, "", "", place) for place, (page, member) in lanes])

    def register(self, name: str, email: str, mobile: str) -> str:
        """Make an account for oneself and return its id."""
        account = uuid4().hex
        entry = AccountEntry(account=account, name=name, members=[], email=email, mobile=mobile)
        with self._database.write() as db:
            db.execute(ADD_ACCOUNT, _values(entry))
        return account

    def make_page(self, account: str, title: str) -> str:
        """Make a care page, linked to nobody yet, and return its id."""
        page = str(uuid4())
        with self._database.write() as db:
            db.execute(ADD_PAGE, (page, account, title))
        return page

    def join(self, account: str, page: str, lane: Lane) -> None:
        """Let an account see what an organisation brings to a page."""
        with self._database.write() as db:
            [position] = db.execute(NEXT_POSITION, (account,)).fetchone()
            db.execute(ADD_LANE, (account, page, lane.member, lane.provider, lane.organisation, position))

    def leave(self, member: str) -> None:
        """Let nobody see a compartment any more."""
        with self._database.write() as db:
            db.execute(REMOVE_MEMBER, (member,))

    def set_number(self, account: str, kind: str, number: str) -> None:
        """Change a ``mobile`` or ``landline`` number."""
        with self._database.write() as db:
            db.execute(SET_NUMBER[kind], (number, account))

    def find(self, name: str, limit: int) -> tuple[list[Account], int]:
        """Return the first accounts whose name holds this text, and how many there are in all."""
        rows = self._database.read().execute(FIND_ACCOUNTS, (name,)).fetchall()
        return [self._with_pages(row) for row in rows[:limit]], len(rows)

    def one(self, account: str) -> Account | None:
        """Return an account by its id."""
        row = self._database.read().execute(ONE_ACCOUNT, (account,)).fetchone()
        return None if row is None else self._with_pages(row)

    def names(self, members: Iterable[str]) -> Mapping[str, str]:
        """Return what people call themselves, by their compartments; somebody without an account isn't in it."""
        return dict(self._database.read().execute(NAMES, (json.dumps([*members]),)).fetchall())

    def _with_pages(self, row: sqlite3.Row) -> Account:
        db = self._database.read()
        lanes = db.execute(LANES, (row["account"],)).fetchall()
        own = dict(db.execute(OWN_PAGES, (row["account"],)).fetchall())
        found = {page: tuple(_lane(one) for one in rows) for page, rows in groupby(sorted(lanes, key=_page), key=_page)}
        ordered = dict.fromkeys([*(lane["page"] for lane in lanes), *own])
        pages = (Page(page=one, title=own.get(one, ""), own=one in own, lanes=found.get(one, ())) for one in ordered)
        return Account(**row, pages=tuple(pages))


def _page(row: sqlite3.Row) -> str:
    return str(row["page"])


def _lane(row: sqlite3.Row) -> Lane:
    return Lane(member=row["member"], provider=row["provider"], organisation=row["organisation"])


def _values(entry: AccountEntry) -> tuple[str, ...]:
    """Return the row of an account. No telephone has these numbers: nothing begins with 06-0 or 010-000."""
    digits = f"{int(hashlib.sha256(entry.account.encode()).hexdigest(), 16) % 10_000:04}"
    return (
        entry.account,
        entry.name,
        entry.note,
        entry.email or f"{entry.account}@voorbeeld.example",
        entry.mobile or f"06-0000{digits}",
        entry.landline or f"010-000{digits}",
    )
