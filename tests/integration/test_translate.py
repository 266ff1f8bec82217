"""One record that can't be mapped or stored is set aside; those beside it never wait for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import keys
from gateway.config import Config, OrganisationConfig, SourceConfig
from gateway.database import Database
from gateway.installation import install
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
HOSTILE: dict[str, dict[str, Any]] = {
    "NUL in a date": {"reportingDate": "\x00\x00\x00abc"},
    "NUL in a type": {"reportTypeId": "1\x0001"},
    "NUL in the client's number": {"clientId": "10\x0001"},
    "a client that is a list": {"clientId": [1, 2]},
    "a text of a megabyte": {"comment": "a" * 1_000_000},
    "a number out of any range": {"employeeId": 10**40},
    "deep nesting": {"comment": json.loads("[" * 400 + "]" * 400)},
}


class Desk:
    """A gateway with one source and a journal that can be written to."""

    def __init__(self, database: Database, clock: Ticking, folder: Path) -> None:
        source = SourceConfig(code="ons", connector="ons", system="ons-delinde")
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

    def fates(self) -> dict[str, str]:
        with self.gateway.database.transaction(self.org) as db:
            return {row.record_key: row.state for row in db.execute("select record_key, state from journal")}


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    clock = Ticking()
    with Database(database_url, clock=clock) as database:
        yield Desk(database, clock, tmp_path)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_record_stops_itself_and_nothing_else(desk: Desk, what: str) -> None:
    desk.journal("1", GOOD)
    desk.journal("2", {**GOOD, "id": 2, **HOSTILE[what]})
    desk.journal("3", {**GOOD, "id": 3})

    while map_batch(desk.gateway, desk.org, desk.source):
        pass

    fates = desk.fates()
    assert (fates["1"], fates["3"]) == ("mapped", "mapped")
    assert fates["2"] in {"mapped", "quarantined"}


@pytest.mark.parametrize("what", ["NUL in a type", "NUL in a date"])
def test_a_record_that_no_column_can_hold_is_quarantined_with_its_reason(desk: Desk, what: str) -> None:
    desk.journal("2", {**GOOD, "id": 2, **HOSTILE[what]})

    map_batch(desk.gateway, desk.org, desk.source)

    assert desk.fates() == {"2": "quarantined"}
    with desk.gateway.database.transaction(desk.org) as db:
        row = db.execute("select reason from journal").fetchone()
    assert row is not None
    assert row.reason in {"structure", "value-invalid", "required-missing"}
