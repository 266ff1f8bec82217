"""Apply 0012_links.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0012_links"
down_revision = "0008_disclosure"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0012_links")
