"""Apply 0005_versions.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0005_versions"
down_revision = "0004_intake"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0005_versions")
