"""Migrations are SQL files; Alembic only keeps their order."""

from __future__ import annotations

from pathlib import Path

from alembic import op

FOLDER = Path(__file__).parent / "sql"


def run_file(name: str) -> None:
    """Run one file through the driver as it stands: no parameters, no escapes."""
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError(f"{name}: Alembic gave no connection")
    driver.execute((FOLDER / f"{name}.sql").read_bytes())
