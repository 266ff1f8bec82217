"""Apply 0022_written.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0022_written"
down_revision = "0021_death"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0022_written")
