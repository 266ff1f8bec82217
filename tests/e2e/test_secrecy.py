"""What lies on disk and in tables, and what is printed and logged: a BSN nowhere, names and texts only where a resource is kept.

The database's files are searched as they lie there: tables, indexes, write-ahead log, temporary files.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from gateway.postgres import Server, start
from gateway.postgres_folder import SUPERUSER
from gateway.state import key_folder, postgres_folder
from tests.conftest import reachable_folder
from tests.e2e.personal import Personal, personal
from tests.kills.stage import AFTER_LEASES, BEFORE_SLOT, Stage, prepared, staged

# Where names and texts may stand: the exact bytes of a resource.
KEPT = {("resource", "body"), ("resource_history", "body")}
COLUMNS = """
select table_schema, table_name, column_name, data_type from information_schema.columns
where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2, 3"""
CANARY = "KANARIE-"
CHUNK = 1 << 20
CATALOGUE_COPY = "pg_internal.init"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """A gateway that did its work: its server, its people, and all that its commands said."""

    stage: Stage
    server: Server
    people: Personal
    outputs: list[str]

    def superuser(self) -> psycopg.Connection[Any]:
        """Connect as one whom no row security holds back."""
        return psycopg.connect(self.server.dsn(user=SUPERUSER), autocommit=True)


@pytest.fixture(scope="module")
def traces(worker_id: str) -> Iterator[Traces]:
    """Run a slot, a change, bad input, a retraction, and every command that shows something."""
    folder = reachable_folder(f"secrecy-{worker_id}")
    with prepared(folder) as original, staged(original, folder.with_name(f"{folder.name}-copy"), own_ecd=True) as stage:
        people = personal(stage)
        with start(postgres_folder(stage.files.folder)) as server:
            with stage.serving(BEFORE_SLOT) as process:
                stage.until_done(process)
            stage.ecd.admin("plant", {"what": "impossible_date"})
            stage.ecd.admin("change", {"count": 12})
            people = people.with_those_of(personal(stage))
            yield Traces(stage=stage, server=server, people=people, outputs=list(outputs(stage)))


def outputs(stage: Stage) -> Iterator[str]:
    """Run the commands; yield what they print."""
    place, client = next(iter(stage.members.items())), next(iter(stage.members)).partition("/")[0]
    report = next(write for write in stage.writes() if write.type == "Observation")
    record = json.loads(report.body)["meta"]["source"].partition("/record/")[2]
    clock = ("--clock", AFTER_LEASES.replace(hour=10).strftime("%Y-%m-%dT%H:%M:%S"))
    stage.ecd.admin("faults", {"path": "/v0/xstream/relations", "kind": "truncate", "times": 1})
    stage.fault(kind="422-entry", match="Appointment/", times=1)
    commands = (
        ("sync", *clock),
        ("sync", "--json", "--retry-parked", *clock),
        ("trace", record),
        ("trace", f"Observation/{report.id}"),
        ("explain", report.member, f"Observation/{report.id}"),
        ("link", "list"),
        ("grant", "set", client, place[0].partition("/")[2], "none"),
        ("schedule", "history"),
        ("verify", "--read-back"),
        ("trace", "ons-delinde/reports#0"),
    )
    for command in commands:
        done = stage.run(*command)
        assert "Traceback" not in done.stderr
        yield done.stdout + done.stderr


def forms(bsn: str) -> Iterator[bytes]:
    """Yield how a number may be written: digits, hexadecimal, and Base64 wherever in a longer text it begins."""
    digits = bsn.encode()
    yield digits
    yield digits.hex().encode()
    yield digits.hex().upper().encode()
    yield digits.decode().encode("utf-16-le")
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + digits)
        # The first and the last characters also carry bits of the neighbours.
        yield coded[(before * 8 + 5) // 6 : (before + len(digits)) * 8 // 6]


def found_in_file(path: Path, wanted: list[bytes]) -> bool:
    """Search a file piece by piece; the pieces overlap."""
    overlap = max(map(len, wanted))
    with path.open("rb") as file:
        rest = b""
        while piece := file.read(CHUNK):
            if any(one in rest + piece for one in wanted):
                return True
            rest = piece[-overlap:]
    return False


def searched_files(stage: Stage) -> list[Path]:
    """Every file of the installation, but its keys and secrets, and the server's own copy of its catalogue, which it removes when it likes."""
    hidden = {key_folder(stage.files.folder), stage.files.folder / "secrets"}
    found = (path for path in stage.files.folder.rglob("*") if not path.name.startswith(CATALOGUE_COPY))
    return [path for path in found if path.is_file() and not hidden & set(path.parents)]


def test_no_file_of_the_database_or_the_state_folder_holds_a_bsn_in_any_form(traces: Traces) -> None:
    with traces.superuser() as db:
        db.execute("checkpoint")
    wanted = [form for bsn in traces.people.bsns for form in forms(bsn)]
    files = searched_files(traces.stage)

    assert [path for path in files if found_in_file(path, wanted)] == []
    folders = {part for path in files for part in path.relative_to(traces.stage.files.folder).parts[:-1]}
    assert {"postgres", "base", "pg_wal", "portal"} <= folders


def test_the_search_of_files_would_find_a_bsn(traces: Traces) -> None:
    """A BSN that is written to a table and taken away again still stands in the write-ahead log: the search sees it."""
    planted = "999990019"
    with traces.superuser() as db:
        db.execute("create table planted (bsn text)")
        db.execute("insert into planted values (%s)", (planted,))
        db.execute("drop table planted")
        db.execute("checkpoint")

    wanted = list(forms(planted))
    found = [path for path in searched_files(traces.stage) if found_in_file(path, wanted)]

    assert any("pg_wal" in path.parts for path in found)


def test_a_bsn_stands_in_no_column_and_names_and_texts_only_in_the_bytes_of_resources(traces: Traces) -> None:
    with traces.superuser() as db:
        texts = {place: column_text(db, *place) for place in columns(db)}

    found = {place: traces.people.found_in(text) for place, text in texts.items()}
    bsns = {place for place, hits in found.items() if traces.people.bsns & set(hits)}
    assert bsns == set()
    holding = {place[1:3] for place, hits in found.items() if hits}
    assert holding == KEPT
    # Of what is hidden from everyone too: it may only lie where resources are kept.
    assert {place[1:3] for place, text in texts.items() if CANARY in text} <= KEPT


def columns(db: psycopg.Connection[Any]) -> list[tuple[str, str, str, str]]:
    found = db.execute(COLUMNS).fetchall()
    assert len({table for _, table, _, _ in found}) > 20
    return found


def column_text(db: psycopg.Connection[Any], schema: str, table: str, column: str, kind: str) -> str:
    """Return all values of a column as text; of bytes what can be read as such."""
    value = sql.Identifier(column)
    shown = value if kind == "bytea" else sql.SQL("{}::text").format(value)
    query = sql.SQL("select {} from {} where {} is not null").format(shown, sql.Identifier(schema, table), value)
    rows = [row[0] for row in db.execute(query)]
    return "\n".join(bytes(row).decode("utf-8", "replace") if kind == "bytea" else row for row in rows)


def test_the_journal_keeps_what_came_sealed(traces: Traces) -> None:
    with traces.superuser() as db:
        bodies = [bytes(row[0]) for row in db.execute("select body from journal where body is not null")]

    assert len(bodies) > 100
    assert not any(b'"id"' in body or b"clientId" in body for body in bodies)


def test_no_command_and_no_log_names_anybody(traces: Traces) -> None:
    logs = [path.read_text() for path in traces.stage.files.folder.glob("serve-*.log")]
    assert any("slot.ran" in log for log in logs)
    assert any("record" in output for output in traces.outputs)

    for said in [*logs, *traces.outputs]:
        assert traces.people.found_in(said) == []
        assert CANARY not in said
