"""Apply 0004_intake.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0004_intake"
down_revision = "0003_disclosure"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0004_intake")
