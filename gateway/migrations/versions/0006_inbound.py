"""Apply 0006_inbound.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0006_inbound"
down_revision = "0005_versions"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0006_inbound")
