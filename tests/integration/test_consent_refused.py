"""What consent refuses, with everything left as it was: periods that never come, reasons that are no codes, names for numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway import consent
from gateway.consent.codes import issue_code
from gateway.consent.validity import told
from gateway.errors import Rejected
from gateway.insight.staying import going_for_good, staying
from tests.integration.consent_acts import ALL, call, grant, rights, types
from tests.integration.store_world import START, World, filled_world


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        yield opened


BEFORE, SOON, LATER = START - timedelta(days=2), START + timedelta(days=1), START + timedelta(days=2)


@pytest.mark.parametrize(
    "terms",
    [
        {"valid_from": LATER, "valid_to": SOON},
        {"valid_from": SOON, "valid_to": SOON},
        {"valid_to": BEFORE},
        {"valid_from": BEFORE, "valid_to": START},
        {"data_from": LATER, "data_to": SOON},
    ],
)
def test_a_right_that_would_never_hold_is_refused_and_what_there_is_stays(world: World, terms: dict[str, Any]) -> None:
    world.link("50", "private-medical")
    assert types(world) == ALL

    with pytest.raises(Rejected, match="would"):
        grant(world, "basic", **terms)
    with pytest.raises(Rejected, match="would"):
        call(world, consent.change_grant, person="50", **{"valid_to": BEFORE, **_changeable(terms)})

    assert types(world) == ALL
    assert len(rights(world)) == 1


def _changeable(terms: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in terms.items() if name.startswith("data_")}


def test_an_end_in_the_past_is_refused_and_says_how_to_withdraw(world: World) -> None:
    world.link("50", "private-medical")

    with pytest.raises(Rejected, match="grant withdraw"):
        call(world, consent.expire, person="50", at=BEFORE)

    assert types(world) == ALL


def test_a_right_that_has_not_begun_is_withdrawn_and_not_ended(world: World) -> None:
    world.link("50", "none")
    grant(world, valid_from=LATER)

    with pytest.raises(Rejected, match="begins later"):
        call(world, consent.expire, person="50")


@pytest.mark.parametrize(
    "wrong", [{"reason_code": "mevrouw Jansen wil dit niet"}, {"reason_code": "good-care", "valid_to": BEFORE}]
)
def test_an_exclusion_that_forbids_nothing_or_has_no_reason_is_refused(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as refused:
        call(world, consent.exclude, set_by="arts", **wrong)

    assert "Jansen" not in str(refused.value)
    assert consent.exclusions(world.gateway, world.org, "1001") == []


def test_an_exclusion_that_ended_by_itself_is_listed_no_more(world: World) -> None:
    call(world, consent.exclude, reason_code="good-care", set_by="arts", valid_to=SOON)
    assert len(consent.exclusions(world.gateway, world.org, "1001")) == 1

    world.clock.pass_time(days=1)

    assert consent.exclusions(world.gateway, world.org, "1001") == []


def test_a_stop_for_a_reason_that_is_no_code_is_refused(world: World) -> None:
    world.link("50", "private-medical")

    with pytest.raises(Rejected, match="death, end-of-care"):
        call(world, consent.stop, reason="mevrouw Jansen is boos", freeze=False)

    assert types(world) == ALL


@pytest.mark.parametrize("typed", ["Jan Jansen", "Jan Jansen 50", "Jansen", "de-jong", "", "50\n"])
@pytest.mark.parametrize(
    "comes_in",
    [
        lambda world, typed: world.link(typed),
        lambda world, typed: grant(world, person=typed),
        lambda world, typed: call(world, consent.add_mandate, person=typed, kind="mentor"),
        lambda world, typed: call(world, issue_code, person=typed, portal="familie"),
        lambda world, typed: call(world, consent.record_external, person=typed, decision="deny", source_ref="m-1"),
    ],
    ids=["link", "right", "mandate", "letter", "registry"],
)
def test_what_can_be_no_number_becomes_no_person_and_stands_nowhere(
    world: World, comes_in: Callable[[World, str], object], typed: str
) -> None:
    people = "select code from person"
    known = world.rows(people)

    with pytest.raises(Rejected, match="no person's number") as refused:
        comes_in(world, typed)

    assert "Jan" not in str(refused.value)
    assert world.rows(people) == known
    assert world.rows("select detail from audit_event where detail ->> 'person' = %s", typed) == []


def test_whoever_has_a_code_without_digits_from_before_keeps_it(world: World) -> None:
    world.rows("insert into person (org, code) values (%s, 'dochter') returning id", world.org)

    assert world.link("dochter")


@pytest.mark.parametrize(
    "terms", [{"valid_to": BEFORE}, {"valid_from": BEFORE, "valid_to": START}, {"valid_from": LATER, "valid_to": SOON}]
)
def test_a_mandate_that_would_never_hold_is_refused_with_when_it_would_end(world: World, terms: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match=rf"would .*{told(terms['valid_to'])}.*give it a later end"):
        call(world, consent.add_mandate, person="50", kind="mentor", **terms)

    assert consent.mandates(world.gateway, world.org, "1001") == []


def test_a_letter_goes_to_a_number_and_not_to_a_name(world: World) -> None:
    with pytest.raises(Rejected, match="no person's number"):
        call(world, issue_code, person="Jansen", portal="familie")

    found = [call(world, issue_code, person=person, portal="familie").acquainted for person in ("50", "404", "1001")]

    assert found == [True, False, True]


@pytest.mark.parametrize("how", ["end", "withdraw", "mandate"])
def test_a_right_that_is_over_is_no_level_that_another_would_end(world: World, how: str) -> None:
    world.link("50", "none")
    number = call(world, consent.add_mandate, person="50", kind="mentor")
    grant(world, basis="statutory")
    over = {"end": consent.expire, "withdraw": consent.withdraw}
    if how == "mandate":
        call(world, consent.end_mandate, mandate=number)
    else:
        call(world, over[how], person="50")

    assert [line.level for line in consent.links(world.gateway, world.org, "1001")] == ["none"]
    grant(world, "basic", valid_from=LATER)
    world.clock.pass_time(days=2)

    assert [line.level for line in consent.links(world.gateway, world.org, "1001")] == ["basic"]


def test_what_a_portal_can_not_take_back_is_told_by_portal_and_person_and_is_a_task(world: World) -> None:
    world.rows("update portal set retraction = 'cannot' where code = 'familie' returning id")
    world.link("50", "none")
    change = grant(world)
    (going,) = going_for_good(world.gateway, world.org, [change])
    assert (going.portal, going.person, going.items) == ("familie", "50", change.delivering)
    types(world)

    call(world, consent.withdraw)

    (stays,) = staying(world.gateway, world.org, "1001")
    assert (stays.portal, stays.person, stays.items) == ("familie", "50", change.delivering)
    (told,) = consent.review(world.gateway, world.org)
    assert (told.what, told.portal, told.persons, told.items) == ("cannot-retract", "familie", ("50",), change.delivering)
