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
OWNER: Final = sql.Identifier("zorgsluis_owner")
# role → may it pass row security
WORKING: Final = {"zorgsluis_owner": False, "zorgsluis_app": False, "zorgsluis_engine": True}

PREPARE_LOCK: Final = 7_201_976
LOCK: Final = "select pg_advisory_lock(%s)"
CALLER: Final = "select rolname, rolsuper from pg_roles where rolname = current_user"
ROLES: Final = "select rolname, rolsuper, rolbypassrls, rolcanlogin, rolinherit from pg_roles where rolname = any(%s)"
MEMBERSHIPS: Final = """
select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid
where m.member = (select oid from pg_roles where rolname = %s)"""
HAS_DATABASE: Final = "select true from pg_database where datname = %s"
MAY_CREATE: Final = """
select has_schema_privilege(oid, 'public', 'create') from pg_roles where rolname = 'zorgsluis_owner'"""


def prepare(dsn: str, database: str | None = None) -> None:
    """Make the roles that aren't there yet, and let the caller become them. Running it again, or twice at once, changes nothing.

    The database is the one that ``dsn`` leads to, or the one named, which is then made. Making a role that passes row security
    takes a superuser; without one everything must be there already.

    Raises:
        Misconfigured: something is missing and this user may not make it; the text says what to run.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(LOCK, (PREPARE_LOCK,))
        caller, superuser = connection.execute(CALLER).fetchone() or ("", False)
        logins = {LOGIN} if superuser else {LOGIN, caller}
        missing = [*_missing_roles(connection), *_missing_memberships(connection, logins)]
        missing += _missing_database(connection, database) if database else _missing_rights(connection)
        if missing and not superuser:
            todo = "; ".join(statement.as_string(connection) for statement in missing)
            raise Misconfigured(f"the database server lacks roles, rights or the database; as its superuser run: {todo}")
        for statement in missing:
            connection.execute(statement)


def _missing_roles(connection: psycopg.Connection) -> list[sql.Composed]:
    wanted = {LOGIN: False, **WORKING}
    found = {row[0]: row[1:] for row in connection.execute(ROLES, (list(wanted),))}
    statements = []
    for role, passes in wanted.items():
        if found.get(role) != (False, passes, True, True):
            verb = "alter" if role in found else "create"
            text = f"{verb} role {{}} login nosuperuser inherit {'bypassrls' if passes else 'nobypassrls'}"
            statements.append(sql.SQL(text).format(sql.Identifier(role)))
    return statements


def _missing_memberships(connection: psycopg.Connection, logins: set[str]) -> list[sql.Composed]:
    statements = []
    for login in sorted(logins - set(WORKING)):
        member_of = {row[0] for row in connection.execute(MEMBERSHIPS, (login,))}
        lacking = [sql.Identifier(role) for role in WORKING if role not in member_of]
        statements += [sql.SQL("grant {} to {}").format(role, sql.Identifier(login)) for role in lacking]
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


def _missing_rights(connection: psycopg.Connection) -> list[sql.Composed]:
    may = connection.execute(MAY_CREATE).fetchone()
    return [] if may and may[0] else [sql.SQL("grant create, usage on schema {} to {}").format(sql.Identifier("public"), OWNER)]
