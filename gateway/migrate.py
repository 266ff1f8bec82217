"""Bring a database to this version's schema, from empty or from any earlier version (Alembic underneath)."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(dsn: str) -> None:
    """Apply every migration that this database lacks. Two at once: the second waits and then finds nothing to do."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["dsn"] = dsn
    command.upgrade(config, "head")


def revision(dsn: str) -> str | None:
    """Return the schema version of a database, ``None`` when it is empty."""
    with psycopg.connect(dsn) as connection:
        present = connection.execute("select to_regclass('alembic_version') is not null").fetchone()
        if not present or not present[0]:
            return None
        row = connection.execute(sql.SQL("select version_num from alembic_version")).fetchone()
        return str(row[0]) if row else None
