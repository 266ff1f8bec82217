"""Apply 0013_insight.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0013_insight"
down_revision = "0012_links"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0013_insight")
