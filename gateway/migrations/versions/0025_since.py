"""Apply 0025_since.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0025_since"
down_revision = "0024_birth"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0025_since")
