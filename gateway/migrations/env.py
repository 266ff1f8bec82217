"""Alembic's entry: one connection of the owner, under one lock, one transaction per migration."""

from __future__ import annotations

import psycopg
from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

UPGRADE_LOCK = 7_201_977

dsn: str = context.config.attributes["dsn"]
engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)

with engine.connect() as connection:
    connection.execute(text("select pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
    connection.execute(text("set role zorgsluis_owner"))
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
