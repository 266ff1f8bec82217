"""The roles and the database that Zorgsluis needs on a Postgres server, embedded or real.

zorgsluis          logs in and may become one of the three below; passing row security isn't inherited, so it is walled
zorgsluis_owner    owns the tables and migrates them
zorgsluis_app      every pool: row security holds for it
zorgsluis_engine   sweeper, verify and retention: sees every organisation
"""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import sql

from gateway.errors import Misconfigured

DATABASE: Final = "zorgsluis"
LOGIN: Final = "zorgsluis"
# role → may it pass row security
WORKING: Final = {"zorgsluis_owner": False, "zorgsluis_app": False, "zorgsluis_engine": True}

PREPARE_LOCK: Final = 7_201_976
LOCK: Final = "select pg_advisory_lock(%s)"
AM_I_SUPERUSER: Final = "select rolsuper from pg_roles where rolname = current_user"
ROLES: Final = "select rolname, rolsuper, rolbypassrls, rolcanlogin, rolinherit from pg_roles where rolname = any(%s)"
MEMBERSHIPS: Final = """
select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid
where m.member = (select oid from pg_roles where rolname = %s)"""
HAS_DATABASE: Final = "select true from pg_database where datname = %s"


def prepare(dsn: str, database: str = DATABASE) -> None:
    """Make the roles and the database that aren't there yet. Running it again, or twice at once, changes nothing.

    ``dsn`` leads to any database of the server. Making roles that pass row security takes a superuser; without one
    everything must be there already.

    Raises:
        Misconfigured: something is missing and this user may not make it; the text says what to run.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(LOCK, (PREPARE_LOCK,))
        missing = [*_missing_roles(connection), *_missing_database(connection, database)]
        if missing and not _is_superuser(connection):
            todo = "; ".join(statement.as_string(connection) for statement in missing)
            raise Misconfigured(f"the database server lacks roles or the database; as its superuser run: {todo}")
        for statement in missing:
            connection.execute(statement)


def _is_superuser(connection: psycopg.Connection) -> bool:
    row = connection.execute(AM_I_SUPERUSER).fetchone()
    return bool(row and row[0])


def _missing_roles(connection: psycopg.Connection) -> list[sql.Composed]:
    wanted = {LOGIN: False, **WORKING}
    found = {row[0]: row[1:] for row in connection.execute(ROLES, (list(wanted),))}
    statements = []
    for role, passes in wanted.items():
        verb = "alter" if role in found else "create"
        if found.get(role) != (False, passes, True, True):
            text = f"{verb} role {{}} login nosuperuser inherit {'bypassrls' if passes else 'nobypassrls'}"
            statements.append(sql.SQL(text).format(sql.Identifier(role)))
    member_of = {row[0] for row in connection.execute(MEMBERSHIPS, (LOGIN,))}
    statements += [
        sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(LOGIN)) for role in WORKING if role not in member_of
    ]
    return statements


def _missing_database(connection: psycopg.Connection, database: str) -> list[sql.Composed]:
    if connection.execute(HAS_DATABASE, (database,)).fetchone():
        return []
    name = sql.Identifier(database)
    everyone = sql.SQL(", ").join(sql.Identifier(role) for role in (LOGIN, *WORKING))
    return [
        sql.SQL("create database {} owner zorgsluis_owner encoding 'UTF8' template template0").format(name),
        sql.SQL("revoke all on database {} from public").format(name),
        sql.SQL("grant connect, temporary on database {} to {}").format(name, everyone),
    ]
