"""One real Postgres for all tests, and an empty, migrated database of its own for each test that asks.

The server is the embedded one, in a folder of this checkout: parallel workers share it, and the last one stops it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from gateway.postgres import Server, start
from gateway.postgres_folder import SUPERUSER

ROOT = Path(__file__).parent.parent
# The distribution's own servers, "real" ones; the launcher never uses them by itself.
REAL_PROGRAMS = Path("/usr/lib/postgresql")
OLDEST_POSTGRES = 15
TEMPLATE_LOCK = 7_201_978
NUMBERS = count(1)

# Rules hold or don't; how long an example takes on a machine that is busy says nothing.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# What a developer has set for their own installation must never be what a test writes to.
for name in [*(key for key in os.environ if key.startswith(("ZORGSLUIS_", "PG"))), "DATABASE_URL"]:
    os.environ.pop(name, None)


def reachable_folder(name: str) -> Path:
    """Return a folder that the database's unprivileged user can reach also when we are root, the same on each run."""
    checkout = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]
    return Path(tempfile.gettempdir()).resolve() / f"zorgsluis-test-{os.geteuid()}-{checkout}" / name


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The embedded server, shared by the workers of a run."""
    with start(reachable_folder("postgres"), durable=False, connections=200) as server:
        _drop_left_behind(server)
        yield server


@pytest.fixture(scope="session")
def real_postgres_server() -> Iterator[Server]:
    """The distribution's Postgres, the oldest one here that we support: on Debian 12 that is 15."""
    versions = sorted(
        int(path.name) for path in REAL_PROGRAMS.glob("*") if path.name.isdigit() and (path / "bin/postgres").exists()
    )
    supported = [version for version in versions if version >= OLDEST_POSTGRES]
    if not supported:
        missing_tool("a Postgres of the distribution (apt: postgresql)")
    programs = REAL_PROGRAMS / str(supported[0]) / "bin"
    folder = reachable_folder(f"postgres-{supported[0]}")
    with start(folder, durable=False, connections=100, programs=programs) as server:
        _drop_left_behind(server)
        yield server


@pytest.fixture
def database_url(postgres_server: Server) -> Iterator[str]:
    """An empty database with every migration applied, gone after the test."""
    with fresh_database(postgres_server) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def module_database_url(postgres_server: Server) -> Iterator[str]:
    """The same, shared by the tests of one module."""
    with fresh_database(postgres_server) as dsn:
        yield dsn


@pytest.fixture
def real_database_url(real_postgres_server: Server) -> Iterator[str]:
    """The same on the distribution's Postgres."""
    with fresh_database(real_postgres_server) as dsn:
        yield dsn


@pytest.fixture
def empty_database_url(postgres_server: Server) -> Iterator[str]:
    """A database without any migration."""
    with fresh_database(postgres_server, template="template0") as dsn:
        yield dsn


@contextmanager
def fresh_database(server: Server, template: str | None = None) -> Iterator[str]:
    """Yield the address of a new database of the owner's, made from the migrated template."""
    template = template or migrated_template(server)
    name = f"test_{os.getpid()}_{next(NUMBERS)}"
    with psycopg.connect(server.dsn("postgres", SUPERUSER), autocommit=True) as admin:
        create = sql.SQL("create database {} template {} owner zorgsluis_owner")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield server.dsn(name)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def migrated_template(server: Server) -> str:
    """Return the database that others are copied from: one per state of the migrations, made by whoever comes first."""
    from gateway.migrate import upgrade

    name = f"template_{_migrations_fingerprint()}"
    with psycopg.connect(server.dsn("postgres", SUPERUSER), autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(%s)", (TEMPLATE_LOCK,))
        row = admin.execute("select datistemplate from pg_database where datname = %s", (name,)).fetchone()
        if row and row[0]:
            return name
        quoted = sql.Identifier(name)
        # One without the template mark was cut off half-way.
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(quoted))
        admin.execute(sql.SQL("create database {} template template0 owner zorgsluis_owner").format(quoted))
        upgrade(server.dsn(name))
        admin.execute(sql.SQL("alter database {} with is_template true allow_connections false").format(quoted))
    return name


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program. Tests that ask for it bear the mark ``browser``."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return found or missing_tool("Chromium (apt: chromium)")


@pytest.fixture(scope="session")
def maven() -> str:
    """Maven's program, beside a JDK. Tests that ask for it bear the mark ``jdk``."""
    found = shutil.which("mvn") if shutil.which("javac") else None
    return found or missing_tool("a JDK and Maven (apt: openjdk-17-jdk-headless maven)")


def missing_tool(what: str) -> NoReturn:
    """Skip the test for want of a tool, or fail where every tool must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing on this machine: {what}", pytrace=False)
    pytest.skip(f"missing on this machine: {what}")


def _migrations_fingerprint() -> str:
    files = sorted((ROOT / "gateway" / "migrations").rglob("*.py")) + sorted((ROOT / "gateway" / "migrations").rglob("*.sql"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _drop_left_behind(server: Server) -> None:
    """Drop the databases of runs that were killed."""
    with psycopg.connect(server.dsn("postgres", SUPERUSER), autocommit=True) as admin:
        names = [row[0] for row in admin.execute(r"select datname from pg_database where datname like 'test\_%'")]
        for name in names:
            if not Path(f"/proc/{name.split('_')[1]}").exists():
                admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
