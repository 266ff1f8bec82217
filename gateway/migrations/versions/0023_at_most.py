"""Apply 0023_at_most.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0023_at_most"
down_revision = "0022_written"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0023_at_most")
