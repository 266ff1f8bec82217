"""Apply 0019_rights.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0019_rights"
down_revision = "0018_letters"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0019_rights")
