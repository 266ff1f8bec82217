"""Bring a database to this version's schema, from empty or from any earlier version (Alembic underneath)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(dsn: str) -> None:
    """Apply every migration that this database lacks. Two at once: the second waits and then finds nothing to do.

    Raises:
        Misconfigured: a newer program has been here.
    """
    found = revision(dsn)
    if found == newest():
        return
    if found is not None and found not in _known():
        raise Misconfigured(
            f"the database has schema {found}, which this version doesn't know; use the newer version that made it"
        )
    from alembic import command

    config = _config()
    config.attributes["dsn"] = dsn
    command.upgrade(config, "head")


def newest() -> str:
    """Return the schema version that this program works with: the last of the numbered files."""
    return max(_known())


def _known() -> set[str]:
    return {path.stem for path in (SCRIPTS / "sql").glob("*.sql")}


def server_version(dsn: str) -> str:
    """Return the server's own version."""
    with psycopg.connect(dsn) as connection:
        return str(connection.info.parameter_status("server_version"))


def _config() -> Config:
    # Alembic costs 0.4 s to import: only a database that lacks something pays for it.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def revision(dsn: str) -> str | None:
    """Return the schema version of a database, ``None`` when it is empty."""
    with psycopg.connect(dsn) as connection:
        present = connection.execute("select to_regclass('alembic_version') is not null").fetchone()
        if not present or not present[0]:
            return None
        row = connection.execute(sql.SQL("select version_num from alembic_version")).fetchone()
        return str(row[0]) if row else None
