"""Apply 0021_death.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0021_death"
down_revision = "0020_breaker"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0021_death")
