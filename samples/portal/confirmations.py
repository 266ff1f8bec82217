"""Codes and one-time links: sent by another way than the one that asked, for one session, and short-lived."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from samples.portal.clock import Clock, instant
from samples.portal.database import Database
from samples.portal.sessions import Session
from samples.portal.token import digest

LIFETIME: Final = timedelta(minutes=3)
DIGITS: Final = 6
TRIES: Final = 5
# Wrong codes of an account in a quarter of an hour, however many codes it asks for.
TRIES_OF_ACCOUNT: Final = 20
QUARTER: Final = timedelta(minutes=15)
Kind = Literal["code", "link"]
State = Literal["awaited", "over", "too-many"]
Purpose = Literal["device", "dossier", "number", "new-number"]

FORGET: Final = "delete from confirmation where made < ?"
REPLACE: Final = "update confirmation set used = 1 where session = ? and kind = ?"
ADD: Final = """
    insert into confirmation (sha256, account, session, kind, purpose, detail, made, expires) values (?, ?, ?, ?, ?, ?, ?, ?)
"""
FIND_LINK: Final = "select * from confirmation where kind = 'link' and sha256 = ? and session = ? and used = 0 and expires > ?"
FIND_CODE: Final = "select * from confirmation where kind = 'code' and session = ? and used = 0 and expires > ? and wrong < ?"
WRONG: Final = "update confirmation set wrong = wrong + 1 where seq = ?"
WRONG_LATELY: Final = "select coalesce(sum(wrong), 0) from confirmation where account = ?"
USE: Final = "update confirmation set used = 1 where seq = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What somebody asked for and now proved."""

    purpose: Purpose
    detail: Mapping[str, str]


class Confirmations:
    """What was sent and is still awaited; only digests are kept."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def link(self, session: Session, purpose: Purpose, **detail: str) -> str:
        """Return the token of a link that works once, in this session, for three minutes; an earlier one stops working."""
        token = secrets.token_urlsafe(32)
        self._add(session, "link", digest(token), purpose, detail)
        return token

    def code(self, session: Session, purpose: Purpose, **detail: str) -> str:
        """Return a code of six digits, likewise."""
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        self._add(session, "code", _code_digest(session, code), purpose, detail)
        return code

    def follow(self, session: Session, token: str) -> Confirmed | None:
        """Use a link; ``None`` when it was used, is too old, or was asked for in another browser."""
        with self._database.write() as db:
            row = db.execute(FIND_LINK, (digest(token), session.key, instant(self._clock()))).fetchone()
            return _used(db, row)

    def enter(self, session: Session, code: str) -> Confirmed | None:
        """Use a code; ``None`` when it is wrong, too old, or was tried too often."""
        with self._database.write() as db:
            row = db.execute(FIND_CODE, (session.key, instant(self._clock()), TRIES)).fetchone()
            [wrong] = db.execute(WRONG_LATELY, (session.account.account,)).fetchone()
            if row is None or wrong >= TRIES_OF_ACCOUNT:
                return None
            if not secrets.compare_digest(row["sha256"], _code_digest(session, code)):
                db.execute(WRONG, (row["seq"],))
                return None
            return _used(db, row)

    def state(self, session: Session) -> State:
        """Return whether a code is awaited: ``over`` when there is none that still works, ``too-many`` when no code is taken for a while."""
        db = self._database.read()
        [wrong] = db.execute(WRONG_LATELY, (session.account.account,)).fetchone()
        row = db.execute(FIND_CODE, (session.key, instant(self._clock()), TRIES)).fetchone()
        return "too-many" if wrong >= TRIES_OF_ACCOUNT else "over" if row is None else "awaited"

    def _add(self, session: Session, kind: Kind, sha256: str, purpose: Purpose, detail: Mapping[str, str]) -> None:
        moment = self._clock()
        made, expires = instant(moment), instant(moment + LIFETIME)
        with self._database.write() as db:
            db.execute(FORGET, (instant(moment - QUARTER),))
            db.execute(REPLACE, (session.key, kind))
            db.execute(ADD, (sha256, session.account.account, session.key, kind, purpose, json.dumps(detail), made, expires))


def _used(db: sqlite3.Connection, row: sqlite3.Row | None) -> Confirmed | None:
    if row is None:
        return None
    db.execute(USE, (row["seq"],))
    return Confirmed(purpose=row["purpose"], detail=json.loads(row["detail"]))


def _code_digest(session: Session, code: str) -> str:
    return digest(f"{session.key} {code}")
