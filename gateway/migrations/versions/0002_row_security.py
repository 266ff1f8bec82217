"""Apply 0002_row_security.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0002_row_security"
down_revision = "0001_tables"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0002_row_security")
