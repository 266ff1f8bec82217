"""The wall between organisations: every table that has one, and the hot questions still go by index behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from gateway.change import READ
from gateway.database import Database
from gateway.ledger import DIFFER, DIFFER_UNDER_FREEZE, SETTLE, WRITE, due_clients, lock_client
from gateway.store import current, store_records
from tests.integration.store_world import World, open_world

TABLES = """
select table_name from information_schema.columns join information_schema.tables using (table_schema, table_name)
where table_schema = 'public' and column_name = 'org' and table_type = 'BASE TABLE' order by 1"""
WITHOUT_ORGANISATION = {"organisation", "alembic_version"}
CLIENTS = 40


@pytest.fixture(scope="module")
def world(module_database_url: str) -> Iterator[World]:
    """An organisation with a few thousand resources and no statistics: as it is in the first run of an installation."""
    opened = open_world(module_database_url)
    records = [opened.employee("7"), *(opened.patient(str(n), bsn="999990019") for n in range(CLIENTS))]
    records += [opened.report(str(n), client=str(n % CLIENTS), employee="7") for n in range(CLIENTS * 60)]
    with opened.database.transaction(opened.org) as db:
        journal = opened.journal(db, "clients", "0")
        entries = [opened.entry(db, *record, journal=journal) for record in records]
        store_records(db, opened.gateway, opened.org, entries)
    for person in ("50", "51"):
        opened.link(person, "private-medical", client="1")
    opened.disclose()
    yield opened
    opened.database.close()


def tables(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as db:
        return [row[0] for row in db.execute(TABLES)]


def test_every_table_has_an_organisation_but_the_list_of_organisations(module_database_url: str) -> None:
    with psycopg.connect(module_database_url) as db:
        every = {row[0] for row in db.execute("select tablename from pg_tables where schemaname = 'public'")}
    assert every - set(tables(module_database_url)) == WITHOUT_ORGANISATION


def test_without_an_organisation_no_table_shows_a_row(world: World, module_database_url: str) -> None:
    filled = 0
    for table in tables(module_database_url):
        with world.database.transaction(world.org) as db:
            filled += bool(db.execute(f"select 1 from {table} limit 1").fetchone())
        with world.database.transaction(None) as db:
            row = db.execute(f"select count(*) as n, row_security_active('{table}') as active from {table}").fetchone()
            assert row is not None
            assert (table, row.n, row.active) == (table, 0, True)
    assert filled > 20, "a wall around nothing proves nothing"


def test_an_organisation_sees_nothing_of_another_and_the_view_neither(world: World, module_database_url: str) -> None:
    other = open_world(module_database_url)
    with other.database.transaction(other.org) as db:
        for table in ("resource", "client", "link", "disclosure_ledger", "disclosure_verdict", "audit_event"):
            row = db.execute(f"select count(*) as n from {table}").fetchone()
            assert row is not None
            assert (table, row.n) == (table, 0)
    other.database.close()


def test_a_row_for_another_organisation_is_refused(world: World) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), world.database.transaction(world.org) as db:
        db.execute("insert into person (org, code) values (%s, 'x')", (world.org + 1,))


def test_the_pools_role_may_neither_bypass_row_security_nor_create_tables(world: World) -> None:
    with world.database.transaction(None) as db:
        row = db.execute("select rolsuper, rolbypassrls, rolcanlogin from pg_roles where rolname = current_user").fetchone()
    assert row is not None
    assert (row.rolsuper, row.rolbypassrls) == (False, False)


# Plans: for each hot question, no table that grows with the number of clients is read whole ---------------------------------------

GROWING = {
    "resource",
    "resource_projection",
    "resource_reference",
    "resource_history",
    "origin",
    "record_head",
    "client",
    "link",
    "trust_grant",
    "disclosure_ledger",
    "outbox",
    "change",
}
VERDICT = "select * from disclosure_verdict where client_id = $1"
# What everybody's rows of an organisation have in common is no way to find a client's.
BY_ORG = re.compile(r"\(org = [^=]*\)")


def scans(db: Any, query: str, values: object, settings: str = "") -> set[str]:
    """Return the tables that the plan reads whole."""
    if settings:
        db.execute(settings)
    (plan,) = db.execute(f"explain (format json) {query}", values).fetchone()
    found: set[str] = set()

    def walk(node: dict[str, Any], table: str | None) -> None:
        table = node.get("Relation Name", table)
        indexed = "Index" in node["Node Type"] and not BY_ORG.fullmatch(node.get("Index Cond", "(org = x)"))
        if table in GROWING and node["Node Type"].endswith("Scan") and not indexed and node["Node Type"] != "Bitmap Heap Scan":
            found.add(table)
        for below in node.get("Plans", ()):
            walk(below, table if node["Node Type"].startswith("Bitmap") else None)

    walk(plan[0]["Plan"], None)
    return found


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("generic", [False, True])
def test_disclosing_a_client_reads_no_growing_table_whole(
    world: World, module_database_url: str, analysed: bool, generic: bool
) -> None:
    if analysed:
        with psycopg.connect(module_database_url, autocommit=True) as owner:
            owner.execute("set role zorgsluis_owner")
            owner.execute("analyze")
    client = world.client("1")
    with world.database.transaction(world.org) as db:
        db.execute("deallocate all")
        lock_client(db, client)
        for number, query in enumerate((DIFFER, DIFFER_UNDER_FREEZE, WRITE, SETTLE, VERDICT)):
            db.execute(f"prepare q{number} (bigint, smallint, jsonb) as {query}")
            db.execute(
                "select set_config('plan_cache_mode', %s, true) as x", (f"force_{'generic' if generic else 'custom'}_plan",)
            )
            found = scans(db, f"execute q{number} ({client}, {world.org}, '[]')", None)
            assert (query, found) == (query, set())
        raise psycopg.Rollback


@pytest.mark.parametrize("query", [current.RESOURCES, current.HEADS, current.ORIGINS])
def test_storing_a_batch_looks_up_each_row_by_index(world: World, query: str) -> None:
    names = ["x"] * 500
    values = (names, names, [True] * 500, world.org) if query == current.RESOURCES else (names, names, names, world.org)
    with world.database.transaction(world.org) as db:
        assert scans(db, query, values) == set()


def test_the_change_feed_is_read_by_index(world: World) -> None:
    with world.database.transaction(world.org) as db:
        assert scans(db, READ, {"xid": 1, "seq": 1, "limit": 10}, "set local enable_seqscan = off") == set()


def test_nothing_stays_due_for_a_filled_organisation(world: World) -> None:
    assert due_clients(world.gateway, world.org, 10) == []


def test_an_engine_sees_all_organisations(world: World, module_database_url: str) -> None:
    """The sweeper and the nightly check need no organisation: their role is the one that may pass the wall."""
    with Database(module_database_url, role="zorgsluis_engine") as engine, engine.transaction(None) as db:
        row = db.execute("select count(*) as n from client").fetchone()
    assert row is not None
    assert row.n >= CLIENTS
