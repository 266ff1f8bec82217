"""What stands where: BSNs, names and texts are planted, stored, delivered, and searched for in every column."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import psycopg
import pytest
from msgspec.structs import replace

from tests.integration.store_world import World, gone, open_world

BSN = "999990019"
PLANTED = "999990032"
TEXT_HOMES = {("resource", "body"), ("resource_history", "body")}


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    yield opened
    opened.database.close()


def disguises(secret: str) -> list[bytes]:
    """Return a text in every form in which a column could give it away."""
    raw = secret.encode()
    forms = [raw, raw[::-1], raw.hex().encode(), base64.b64encode(raw), base64.b32encode(raw), secret.encode("utf-16-le")]
    if secret.isdigit():
        number = int(secret)
        forms += [number.to_bytes(4, "big"), number.to_bytes(4, "little"), f"{number:x}".encode(), number.to_bytes(8, "big")]
        forms += [" ".join(secret).encode(), f"{secret[:4]}.{secret[4:6]}.{secret[6:]}".encode()]
    return forms


def columns_holding(dsn: str, secret: str) -> set[tuple[str, str]]:
    """Search every column of every table for a text in every disguise; return (table, column) of the hits."""
    found = set()
    with psycopg.connect(dsn) as db:
        places = db.execute(
            "select table_name, column_name, data_type from information_schema.columns "
            "join information_schema.tables using (table_schema, table_name) "
            "where table_schema = 'public' and table_type = 'BASE TABLE'"
        ).fetchall()
        db.execute("set role zorgsluis_engine")
        for table, column, kind in places:
            value = f'"{column}"' if kind == "bytea" else f"convert_to(\"{column}\"::text, 'UTF8')"
            for form in disguises(secret):
                hit = db.execute(f'select exists (select from "{table}" where position(%s::bytea in {value}) > 0)', (form,))
                row = hit.fetchone()
                if row and row[0]:
                    found.add((table, column))
    return found


def test_a_bsn_stands_nowhere_and_names_and_texts_only_in_resource_bytes(world: World, module_database_url: str) -> None:
    world.store(
        world.patient(bsn=BSN, family="Kanariegeel"),
        world.relation("50"),
        world.report("1", "Kanariezang om 7 uur."),
        world.visit("2@a"),
    )
    world.store(world.patient(bsn="999990020", family="Kanariegeel"), gone(world.report("1", "Kanariezang om 7 uur.")))
    world.link("50", "private-medical")
    world.disclose()

    assert columns_holding(module_database_url, BSN) == set()
    assert columns_holding(module_database_url, "999990020") == set()
    assert columns_holding(module_database_url, "Kanariegeel") == TEXT_HOMES
    assert columns_holding(module_database_url, "Kanariezang") == {("resource_history", "body")}
    assert columns_holding(module_database_url, "Naaste 50") == TEXT_HOMES


def test_the_search_for_secrets_finds_one_that_is_planted(world: World, module_database_url: str) -> None:
    stream, key, (mapped,) = world.patient()
    world.store((stream, key, [replace(mapped, body={**mapped.body, "language": base64.b64encode(PLANTED.encode()).decode()})]))

    assert columns_holding(module_database_url, PLANTED) == TEXT_HOMES
