"""Apply 0007_consent.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0007_consent"
down_revision = "0006_inbound"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0007_consent")
