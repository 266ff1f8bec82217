"""Apply 0018_letters.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0018_letters"
down_revision = "0017_disclosure"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0018_letters")
