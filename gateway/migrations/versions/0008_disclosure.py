"""Apply 0008_disclosure.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0008_disclosure"
down_revision = "0007_consent"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0008_disclosure")
