"""People by classes: who sees what of a client, now and then, and how much."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway import consent
from gateway.errors import NotFound
from gateway.insight.matrix import Cell, Line, matrix
from tests.integration.store_world import START, World, filled, gone, open_world


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    filled(opened)
    yield opened
    opened.database.close()


def by_person(world: World, **asked: object) -> dict[str, Line]:
    return {line.person: line for line in matrix(world.gateway, world.org, "1001", **asked).lines}  # type: ignore[arg-type]


def test_each_person_has_a_code_for_each_class(world: World) -> None:
    for person, level in (("50", "private-medical"), ("51", "basic"), ("52", "none")):
        world.link(person, level)

    found = by_person(world)

    codes = {person: {class_: cell.code for class_, cell in line.cells.items()} for person, line in found.items()}
    assert codes == {
        "50": {
            "calendar": "grant",
            "care-plan": "grant",
            "care-team": "grant",
            "incident": "not-in-audience",
            "message": "grant",
            "profile": "grant",
            "report": "grant",
        },
        "51": {
            "calendar": "grant",
            "care-plan": "level-too-low",
            "care-team": "grant",
            "incident": "not-in-audience",
            "message": "level-too-low",
            "profile": "grant",
            "report": "level-too-low",
        },
        "52": dict.fromkeys(("calendar", "care-plan", "care-team", "message", "profile", "report"), "no-grant")
        | {"incident": "not-in-audience"},
    }
    assert [line.level for line in found.values()] == ["private-medical", "basic", "none"]


def test_items_are_counted_also_those_that_are_kept_back_for_a_reason_of_their_own(world: World) -> None:
    world.store(world.report("2", labels=frozenset({"hidden"})), world.report("3"))
    world.link("50", "private-medical")
    world.link("51", "basic")

    found = by_person(world)

    assert found["50"].cells["report"] == Cell(code="grant", projection="whole", shown=2, withheld={"hidden": 1})
    assert found["51"].cells["report"].withheld == {"hidden": 1, "level-too-low": 2}
    assert found["51"].cells["calendar"] == Cell(code="grant", projection="reduced", shown=1, withheld={})


def test_the_counts_are_those_of_the_view(world: World) -> None:
    world.link("50", "private-medical", portal="ander")
    world.link("51", "basic")

    seen = {person: sum(cell.shown for cell in line.cells.values()) for person, line in by_person(world).items()}

    view = world.rows(
        "select person.code, count(*) as n from disclosure_verdict verdict join link on link.id = link_id "
        "join person on person.id = person_id where verdict.code = 'grant' and not directory group by 1"
    )
    assert seen == {row.code: row.n for row in view}


def test_the_matrix_of_a_day_is_that_of_the_rights_and_the_items_of_that_day(world: World) -> None:
    world.link("50", "basic")
    world.clock.pass_time(days=10)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")
    world.store(world.report("2"))
    world.clock.pass_time(days=10)
    world.store(gone(world.report("1")), gone(world.report("2")))
    consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="50")

    early, later, now = (by_person(world, at=START + timedelta(days=day))["50"] for day in (5, 15, 20))

    assert (early.level, early.cells["report"].withheld) == ("basic", {"level-too-low": 1})
    assert (later.level, later.cells["report"].shown) == ("private-medical", 2)
    assert (now.state, now.cells["report"]) == ("ended", Cell(code="not-linked", projection=None, shown=0, withheld={}))


def test_a_link_that_was_not_there_yet_has_not_ended_and_before_the_first_sync_there_are_no_classes(world: World) -> None:
    world.clock.pass_time(days=10)
    world.link("50", "basic")

    early = matrix(world.gateway, world.org, "1001", at=START - timedelta(days=1))

    assert [(line.state, line.level, line.cells) for line in early.lines] == [("not-yet", "none", {})]
    assert early.classes == ()
    assert by_person(world, at=START + timedelta(days=5))["50"].state == "not-yet"


def test_a_right_by_a_mandate_that_has_ended_is_no_level(world: World) -> None:
    world.link("50")
    until = START + timedelta(days=10)
    consent.add_mandate(
        world.gateway,
        world.org,
        client="1001",
        person="50",
        kind="written-proxy",
        scope=["medical"],
        valid_from=START,
        valid_to=until,
    )
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical", basis="statutory")

    assert by_person(world)["50"].level == "private-medical"
    world.clock.pass_time(days=11)
    assert by_person(world)["50"].level == "none"
    assert by_person(world, at=START)["50"].level == "private-medical"


def test_a_matrix_is_asked_for_in_the_trail(world: World) -> None:
    world.link("50", "basic")

    matrix(world.gateway, world.org, "1001", by="privacy officer")

    event = world.one("select * from audit_event where event = 'matrix'")
    assert (event.agent, event.client_id, event.detail["members"]) == ("privacy officer", world.client(), 1)


def test_an_unknown_client_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        matrix(world.gateway, world.org, "4711")
