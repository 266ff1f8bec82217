"""Apply 0001_tables.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0001_tables"
down_revision = None


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0001_tables")
