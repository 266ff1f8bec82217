"""One record that can't be mapped or stored is set aside; those beside it never wait for it."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway import keys
from gateway.config import Config, OrganisationConfig, SourceConfig
from gateway.connector import Op, Record, Rejection
from gateway.database import Database
from gateway.installation import install
from gateway.journal import named
from gateway.runtime import Gateway
from gateway.translate import map_batch
from tests.integration.store_world import Ticking

GOOD = {
    "id": 1,
    "reportTypeId": 101,
    "clientId": 1001,
    "employeeId": 301,
    "reportingDate": "2026-11-20T10:00:00.000+01:00",
    "comment": "Goed.",
}
# What is odd, its fields, and what becomes of it: a record is kept whole where only one element makes no sense.
HOSTILE: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "NUL in a date": ({"reportingDate": "\x00\x00\x00abc"}, "quarantined", "required-missing"),
    "NUL in a type": ({"reportTypeId": "1\x0001"}, "quarantined", "structure"),
    "NUL in the client's number": ({"clientId": "10\x0001"}, "mapped", None),
    "a client that is a list": ({"clientId": [1, 2]}, "quarantined", "required-missing"),
    "a text of a megabyte": ({"comment": "a" * 1_000_000}, "mapped", None),
    "a number out of any range": ({"employeeId": 10**40}, "mapped", None),
    "deep nesting": ({"comment": json.loads("[" * 400 + "]" * 400)}, "mapped", None),
}


SETTINGS = {"base_url": "http://ecd.example", "secrets": {"certificate": "/nowhere/certificate"}}


class Desk:
    """A gateway with one source and a journal that can be written to."""

    def __init__(self, database: Database, clock: Ticking, folder: Path) -> None:
        source = SourceConfig(code="ons", connector="ons", system="ons-delinde", settings=SETTINGS)
        config = Config(organisations=(OrganisationConfig(code="delinde", name="De Linde", sources=(source,)),))
        rings = install(database, config, folder, clock)
        (self.org,) = rings
        self.ring: keys.KeyRing = rings[self.org]
        self.gateway = Gateway(database=database, clock=clock, keys=rings.__getitem__)
        with database.transaction(self.org) as db:
            row = db.execute("select id from source").fetchone()
        self.source = int(row.id) if row else 0

    def journal(self, key: str, record: dict[str, Any]) -> None:
        body = json.dumps(record).encode()
        sealed = self.ring.seal(body, "journal", f"{self.source}/reports/{key}", "body")
        with self.gateway.database.transaction(self.org) as db:
            db.execute(
                "insert into journal (org, source_id, stream, kind, record_key, op, body, body_hash, received_at)"
                " values (%s, %s, 'reports', 'report', %s, 'upsert', %s, %s, app_now())",
                (self.org, self.source, key, sealed, self.ring.keyed_digest(body)),
            )

    def fates(self) -> dict[str, tuple[str, str | None]]:
        with self.gateway.database.transaction(self.org) as db:
            return {
                row.record_key: (row.state, row.reason) for row in db.execute("select record_key, state, reason from journal")
            }

    def issues(self, key: str) -> list[Any]:
        query = "select i.* from mapping_issue i join journal on journal.id = journal_id where record_key = %s"
        with self.gateway.database.transaction(self.org) as db:
            return db.execute(query, (key,)).fetchall()


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    clock = Ticking()
    with Database(database_url, clock=clock) as database:
        yield Desk(database, clock, tmp_path)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_record_stops_itself_and_nothing_else(desk: Desk, what: str) -> None:
    fields, state, reason = HOSTILE[what]
    desk.journal("1", GOOD)
    desk.journal("2", {**GOOD, "id": 2, **fields})
    desk.journal("3", {**GOOD, "id": 3})

    while map_batch(desk.gateway, desk.org, desk.source):
        pass

    assert desk.fates() == {"1": ("mapped", None), "2": (state, reason), "3": ("mapped", None)}
    assert bool(desk.issues("2")) == (state == "quarantined")


def test_a_record_that_a_column_cannot_hold_says_so_in_an_issue(desk: Desk) -> None:
    fields, _, _ = HOSTILE["NUL in a type"]
    desk.journal("2", {**GOOD, "id": 2, **fields})

    map_batch(desk.gateway, desk.org, desk.source)

    [issue] = desk.issues("2")
    assert (issue.severity, issue.code, issue.masked, issue.action) == ("error", "structure", "", "record quarantined")
    assert "can't hold" in issue.reason


def test_a_record_that_an_index_cannot_hold_says_so_in_an_issue(desk: Desk) -> None:
    # The journal's index still takes it, the store's has the name of the record system beside it.
    longest = "".join(Random(5).choices(string.printable[:94], k=2668))
    desk.journal("1", GOOD)
    desk.journal(longest, {**GOOD, "id": 2})

    map_batch(desk.gateway, desk.org, desk.source)

    assert desk.fates() == {"1": ("mapped", None), longest: ("quarantined", "structure")}
    [issue] = desk.issues(longest)
    assert "can't hold" in issue.reason


def read(key: str, **more: Any) -> Record:
    return Record(**{"stream": "reports", "key": key, "op": Op.UPSERT, "data": b"{}", **more})


@pytest.mark.parametrize(
    "odd",
    [
        read(key="9" * 513),
        read(key="9\ud800"),
        read(key="9\x00"),
        read(key="9", version="1" * 513),
        read(key="9", version="\udfff"),
        read(key="9", origin="p" * 513),
        read(key="9", labels=frozenset({"V" * 513})),
        Rejection(stream="reports", key="9" * 513, data=b"{}", reason="structure"),
        Rejection(stream="reports", key="9\ud800", data=b"{}", reason="structure"),
    ],
    ids=lambda odd: type(odd).__name__,
)
def test_a_record_whose_own_name_cannot_be_stored_is_kept_under_a_name_of_ours(desk: Desk, odd: Record | Rejection) -> None:
    kept = named(desk.ring, odd)

    assert isinstance(kept, Rejection)
    assert kept.key.startswith("unreadable-")
    assert kept.data == b"{}"
    assert kept == named(desk.ring, odd)


def test_the_longest_name_that_a_record_may_have_is_kept_as_it_is(desk: Desk) -> None:
    longest = read(key="\U0001f600" * 512)

    assert named(desk.ring, longest) is longest
