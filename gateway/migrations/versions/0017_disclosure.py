"""Apply 0017_disclosure.sql."""

from __future__ import annotations

from gateway.migrations.sqlfile import run_file

revision = "0017_disclosure"
down_revision = "0016_withheld"


def upgrade() -> None:
    """Run the SQL of this version."""
    run_file("0017_disclosure")
