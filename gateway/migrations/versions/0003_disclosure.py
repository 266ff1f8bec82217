"""Apply 0003_disclosure.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0003_disclosure"
down_revision = "0002_row_security"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0003_disclosure")
