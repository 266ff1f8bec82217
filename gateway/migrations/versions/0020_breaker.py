"""Apply 0020_breaker.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0020_breaker"
down_revision = "0019_rights"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0020_breaker")
