"""Apply 0014_drift.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0014_drift"
down_revision = "0013_insight"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0014_drift")
