"""Versions of a mapping as rows: imported once, loaded by hash, refused when altered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from gateway.database import Connection
from gateway.errors import Misconfigured
from gateway.mapping import versions
from gateway.mapping.findings import MappingError
from gateway.mapping.versions import activate, active, current, files_of, import_shipped, keep, shelf, shipped_files, version

NOW = datetime(2026, 4, 5, 7, 0, tzinfo=UTC)


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, row_factory=namedtuple_row) as connection:
        connection.execute("insert into organisation (code, name) values ('delinde', 'De Linde')")
        connection.execute("select set_config('app.org', '1', true)")
        connection.execute(
            "insert into source (org, code, connector, system, zone) values (1, 'ons', 'ons', 'ons-delinde', 'Europe/Amsterdam')"
        )
        yield connection


def states(db: Connection) -> list[tuple[str, bytes]]:
    return [(row.state, bytes(row.sha256)) for row in db.execute("select state, sha256 from mapping_version order by id")]


def changed(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, "patient.yaml": files["patient.yaml"] + b"\n# another version\n"}


def test_what_ships_is_imported_once_and_loaded_by_its_hash(db: Connection) -> None:
    files = shipped_files("ons")

    first = import_shipped(db, 1, 1, files, NOW)
    again = import_shipped(db, 1, 1, files, NOW)

    assert first == again
    assert states(db) == [("active", first)]
    assert active(db, 1).sha256 == first


def test_another_version_takes_over_from_the_next_call_and_the_old_one_stays_readable(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = import_shipped(db, 1, 1, shipped_files("ons"), NOW)
    new = import_shipped(db, 1, 1, changed(shipped_files("ons")), NOW)
    monkeypatch.setattr(versions, "_compiled", type(versions._compiled)())

    assert states(db) == [("retired", old), ("active", new)]
    assert active(db, 1).sha256 == new
    assert version(db, 1, old).sha256 == old


def test_files_with_a_fault_leave_the_active_version_as_it_is(db: Connection) -> None:
    old = import_shipped(db, 1, 1, shipped_files("ons"), NOW)

    with pytest.raises(MappingError):
        import_shipped(db, 1, 1, {**shipped_files("ons"), "patient.yaml": b"map: ["}, NOW)

    assert states(db) == [("active", old)]


def test_a_version_whose_files_were_altered_is_refused(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    import_shipped(db, 1, 1, shipped_files("ons"), NOW)
    db.execute('update mapping_version set files = files || \'{"x.yaml": ""}\'')
    monkeypatch.setattr(versions, "_compiled", type(versions._compiled)())

    with pytest.raises(Misconfigured, match="altered"):
        active(db, 1)


def test_a_source_without_active_version_says_what_to_do(db: Connection) -> None:
    with pytest.raises(Misconfigured, match="no active mapping"):
        active(db, 1)


def test_maps_that_do_not_ship_are_named() -> None:
    with pytest.raises(Misconfigured, match="no maps ship"):
        shipped_files("nothing")
    with pytest.raises(Misconfigured, match="not the name"):
        shipped_files("../ons")


def own(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return a shipped set with an analyst's overlay on top."""
    return {**files, "overlays/~own/linde.yaml": b"extends: ons\nremove: [patient/P.6]\n"}


def test_a_program_that_is_put_back_works_with_its_own_maps_again(db: Connection) -> None:
    old = import_shipped(db, 1, 1, shipped_files("ons"), NOW)
    new = import_shipped(db, 1, 1, changed(shipped_files("ons")), NOW)

    import_shipped(db, 1, 1, shipped_files("ons"), NOW)

    assert states(db) == [("active", old), ("retired", new)]


def test_what_an_analyst_activated_is_not_overturned_by_the_next_start(db: Connection) -> None:
    old = import_shipped(db, 1, 1, shipped_files("ons"), NOW)
    new = import_shipped(db, 1, 1, changed(shipped_files("ons")), NOW)
    activate(db, 1, old, NOW)

    import_shipped(db, 1, 1, changed(shipped_files("ons")), NOW)

    assert states(db) == [("active", old), ("retired", new)]


def test_an_upgrade_leaves_an_analysts_version_active_and_lays_its_files_on_the_new_set_ready(db: Connection) -> None:
    shipped = import_shipped(db, 1, 1, shipped_files("ons"), NOW)
    mine = keep(db, 1, 1, own(shipped_files("ons")), "linde", shipped, NOW)
    activate(db, 1, mine.sha256, NOW)

    upgraded = import_shipped(db, 1, 1, changed(shipped_files("ons")), NOW)

    assert current(db, 1) == replace(mine, state="active", activated_at=NOW)
    draft = shelf(db, 1)[0]
    assert (draft.state, draft.base_sha, draft.label) == ("draft", upgraded, "linde on ons@1.0.0")
    assert files_of(db, 1, draft.sha256) == own(changed(shipped_files("ons")))


def test_a_message_in_another_character_set_is_kept_to_the_byte(db: Connection) -> None:
    shipped = import_shipped(db, 1, 1, shipped_files("ons"), NOW)
    files = {**own(shipped_files("ons")), "golden/a.source": "Zoë\r".encode("latin-1"), "golden/b.source": b"\x00"}

    kept = keep(db, 1, 1, files, "linde", shipped, NOW)

    assert files_of(db, 1, kept.sha256) == files
