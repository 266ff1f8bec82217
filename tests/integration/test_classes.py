"""Class keys that arrived and that no class map names: counted for each source, since when, until the map names them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.disclosure.classes import import_class_map
from gateway.disclosure.unmapped import UnmappedClass, mapped_classes, unmapped_classes
from tests.integration.store_world import CLASS_MAP, START, SYSTEM, World, filled_world, gone


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        yield opened


def unmapped(world: World) -> list[UnmappedClass]:
    with world.database.transaction(world.org) as db:
        return unmapped_classes(db)


def test_what_the_map_names_is_not_listed_and_the_gateways_own_neither(world: World) -> None:
    world.link("50", "basic")

    assert unmapped(world) == []


def test_a_key_without_a_class_is_counted_with_its_source_its_clients_and_since_when(world: World) -> None:
    world.store(world.patient("1002"), world.report("8", class_="report/903"), world.report("9", "x", class_="report/903"))
    world.clock.pass_time(days=1)
    world.store(world.report("10", client="1002", class_="report/903"), world.report("8", "anders", class_="report/903"))
    world.store(world.visit("3@b", class_="agenda/5"))

    agenda, report = unmapped(world)

    assert report == UnmappedClass(source="ons", system=SYSTEM, class_key="report/903", items=3, clients=2, since=START)
    assert (agenda.class_key, agenda.items, agenda.since) == ("agenda/5", 1, world.clock())


def test_it_begins_when_the_key_came_and_not_the_item(world: World) -> None:
    world.clock.pass_time(days=1)
    world.store(world.report("1", "anders", class_="report/903"))

    (found,) = unmapped(world)

    assert found.since == world.clock()


def test_what_is_deleted_or_named_by_now_is_listed_no_more(world: World) -> None:
    deleted, named = world.report("8", class_="a"), world.report("9", class_="b")
    world.store(deleted, named)
    world.store(gone(deleted))
    with world.database.transaction(world.org) as db:
        import_class_map(db, world.org, SYSTEM, CLASS_MAP + b"b,report,trust-group,,R\n")
        assert {one.class_key for one in mapped_classes(db)} >= {"b", "report"}
        assert "care-team" not in {one.class_key for one in mapped_classes(db)}

    assert unmapped(world) == []
