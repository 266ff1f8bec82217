"""Apply 0024_birth.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0024_birth"
down_revision = "0023_at_most"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0024_birth")
