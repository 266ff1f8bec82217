"""The schema stands on the server that we bring and on the oldest that we support."""

from __future__ import annotations

import psycopg
import pytest

from gateway.migrate import newest, revision, upgrade


@pytest.fixture(params=["database_url", "real_database_url"])
def any_database_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_every_migration_applies_and_a_second_upgrade_changes_nothing(any_database_url: str) -> None:
    assert revision(any_database_url) == newest()

    upgrade(any_database_url)

    assert revision(any_database_url) == newest()


def test_nobody_but_the_engine_passes_row_security(any_database_url: str) -> None:
    with psycopg.connect(any_database_url) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid"
                " where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and a.attname = 'org'"
            )
        ]
        assert tables
        for role, walled in (("zorgsluis_app", True), ("zorgsluis_owner", True), ("zorgsluis_engine", False)):
            connection.execute(f"set role {role}")
            active = connection.execute("select row_security_active(t) from unnest(%s::oid[]) t", (tables,)).fetchall()
            assert {row[0] for row in active} == {walled}, role
