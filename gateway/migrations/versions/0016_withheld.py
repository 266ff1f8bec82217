"""Apply 0016_withheld.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0016_withheld"
down_revision = "0014_drift"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0016_withheld")
