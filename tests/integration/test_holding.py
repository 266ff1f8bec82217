"""What a portal holds whatever was decided, and why it is still there: told by explain and by matrix, now and on an earlier day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from gateway import consent
from gateway.insight.explain import Explanation, explain
from gateway.insight.holding import Holding
from gateway.insight.matrix import Line, matrix
from tests.integration import delivery_world, store_world
from tests.integration.delivery_world import RunningPortal, a_world, running_portal
from tests.integration.rights_world import furnish, granted, linked
from tests.integration.store_world import filled, open_world

WEIGHT = "Observation/weight"
# Put there behind the gateway's back: nothing is decided by them yet.
EXCLUDE_IT = """
insert into exclusion (org, client_id, rkey, valid_from, reason_code, set_by, recorded_at)
select org, client_id, rkey, app_now(), 'client-wish', 'test', app_now() from resource where rid = %s returning id"""
ONLY_LATER = """
update trust_grant set data_from = resource.data_at + interval '1 day' from resource
where trust_grant.client_id = resource.client_id and resource.rid = %s returning trust_grant.id"""


# By the ledger -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(module_database_url: str) -> Iterator[store_world.World]:
    opened = open_world(module_database_url)
    filled(opened)
    opened.link("50", "private-medical")
    opened.deliver()
    opened.clock.pass_time(days=1)
    yield opened
    opened.database.close()


def line(world: store_world.World) -> Line:
    (found,) = matrix(world.gateway, world.org, "1001").lines
    return found


def held(line: Line) -> Holding:
    assert line.holds is not None
    return line.holds


def held_of(answer: Explanation) -> Holding:
    assert answer.holds is not None
    return answer.holds


def reasons(found: Holding) -> dict[str, int]:
    return {one.why: one.count for one in found.staying}


def asked(world: store_world.World) -> Explanation:
    return explain(world.gateway, world.org, line(world).member, class_="report")


def test_what_is_seen_is_held_and_nothing_stays(world: store_world.World) -> None:
    found = line(world)

    assert (found.cells["report"].held, found.cells["report"].staying, held(found).staying) == (1, {}, ())
    assert held(found).held == len(world.held("50"))
    answer = asked(world).holds
    assert answer is not None
    assert (answer.nl, answer.en) == ("Het portaal heeft hiervan 1 stuk.", "The portal holds 1 item of this.")


@pytest.mark.parametrize(
    ("reason", "why", "says"),
    [
        ("death", "frozen-death", "bevroren bij het overlijden"),
        ("safety", "frozen-stop", "bevroren toen het delen werd stopgezet"),
    ],
    ids=["death", "another stop"],
)
def test_what_a_freeze_left_is_told_beside_the_stop(world: store_world.World, reason: str, why: str, says: str) -> None:
    everything = len(world.held("50"))
    consent.stop(world.gateway, world.org, client="1001", reason=reason, freeze=True)

    found, answer = line(world), asked(world)

    assert found.cells["report"].code == answer.code == "client-stop"
    assert (found.cells["report"].held, found.cells["report"].staying) == (1, {why: 1})
    assert (held(found).held, reasons(held(found))) == (everything, {why: everything})
    assert answer.holds is not None
    assert says in answer.holds.nl
    assert answer.holds_in_all == found.holds


def test_what_the_end_of_care_or_of_a_right_left_is_told_too(world: store_world.World) -> None:
    world.one("update organisation set expiry = 'freeze', freeze_at_end = true where id = %s returning id", world.org)
    consent.set_grant(
        world.gateway,
        world.org,
        client="1001",
        person="50",
        level="private-medical",
        valid_to=world.clock() + timedelta(days=1),
    )
    world.deliver()
    world.clock.pass_time(days=2)
    assert set(reasons(held(line(world)))) == {"undecided"}
    world.disclose()
    assert line(world).cells["report"].staying == {"frozen-expired": 1}

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")
    world.deliver()
    consent.end_care(world.gateway, world.org, client="1001")
    world.disclose()
    assert line(world).cells["report"].staying == {"frozen-end-of-care": 1}


def test_what_a_portal_cannot_take_back_is_told(world: store_world.World) -> None:
    world.one("update portal set retraction = 'cannot' where org = %s and code = 'familie' returning id", world.org)
    everything = len(world.held("50"))
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")

    found, answer = line(world), asked(world)

    assert answer.code == "no-grant"
    assert (held(found).held, reasons(held(found))) == (everything, {"cannot-retract": everything})
    assert answer.holds is not None
    assert "Daarvan 1 stuk: dit portaal kan niets terugnemen, het blijft daar staan." in answer.holds.nl
    assert "Of these 1 item: this portal can't take anything back, it stays there." in answer.holds.en


def test_what_is_being_taken_back_is_told_with_since_when(world: store_world.World) -> None:
    since = world.clock()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic")
    world.clock.pass_time(hours=1)

    answer = asked(world).holds

    assert answer is not None
    assert [(one.why, one.count, one.since) for one in answer.staying] == [("retracting", 1, since)]
    assert "wordt nu teruggehaald, sinds 03-03-2026 om 08:00" in answer.nl
    assert line(world).cells["calendar"].staying == {"narrowing": 1}


@pytest.mark.parametrize("change", [EXCLUDE_IT, ONLY_LATER], ids=["an exclusion of one item", "a right about later data"])
def test_of_items_that_differ_only_in_what_a_rule_names_that_one_alone_is_yet_to_be_decided(
    world: store_world.World, change: str
) -> None:
    world.store(world.report("2", data_at=store_world.START - timedelta(days=30)))
    world.disclose()
    world.deliver()
    concerned, other = (world.id("Observation", key) for key in ("2", "1"))
    world.one(change, concerned)

    told = {rid: explain(world.gateway, world.org, line(world).member, f"Observation/{rid}") for rid in (concerned, other)}

    assert [(held_of(told[rid]).held, reasons(held_of(told[rid]))) for rid in (concerned, other)] == [
        (1, {"undecided": 1}),
        (1, {}),
    ]
    assert told[concerned].holds_in_all == told[other].holds_in_all == held(line(world))
    assert (line(world).cells["report"].held, line(world).cells["report"].staying) == (2, {"undecided": 1})


def test_of_a_day_to_come_nobody_can_tell_what_is_held(world: store_world.World) -> None:
    later = world.clock() + timedelta(days=9)

    assert explain(world.gateway, world.org, line(world).member, class_="report", at=later).holds is None
    assert matrix(world.gateway, world.org, "1001", at=later).lines[0].holds is None


def test_of_what_the_trail_tells_nothing_an_earlier_day_cannot_be_told(world: store_world.World) -> None:
    everything = len(world.held("50"))

    (then,) = matrix(world.gateway, world.org, "1001", at=world.clock() - timedelta(hours=1)).lines

    assert (held(then).held, held(then).untold) == (0, everything)
    assert held(then).en == (
        f"Of {everything} items it can't be told whether the portal held it then: the audit trail tells nothing of it."
    )


# By what the portal said ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
def real(database_url: str, portal: RunningPortal) -> Iterator[delivery_world.World]:
    portal.behave()
    world = a_world(database_url, portal)
    with world.gateway.database:
        furnish(world)
        yield world


def weight(world: delivery_world.World, member: str, at: datetime | None = None) -> Holding:
    found = explain(world.gateway, world.org, member, WEIGHT, at=at).holds
    assert found is not None
    return found


def test_what_was_taken_back_and_read_back_is_gone(real: delivery_world.World) -> None:
    member = linked(real, "private-medical")
    assert weight(real, member).held == 1
    real.clock.forward(hours=1)
    granted(real, "none")

    found = weight(real, member)

    assert (found.held, found.gone, found.gone_at) == (0, 1, real.clock())
    assert (
        found.nl
        == "Het portaal heeft hiervan niets. Teruggehaald, en bij teruglezen weg: 1 stuk, het laatst op 20-11-2026 om 09:00."
    )


def test_on_an_earlier_day_the_trail_tells_what_was_held_and_what_became_of_it(real: delivery_world.World) -> None:
    start = real.clock()
    real.clock.forward(hours=1)
    member = linked(real, "private-medical")
    delivered = real.clock()
    real.clock.forward(hours=1)
    consent.set_grant(real.gateway, real.org, client=real.client_id, person="61", level="none")
    withdrawn = real.clock()
    real.clock.forward(hours=1)
    granted(real, "none")
    taken_back = real.clock()

    before, then, after = (weight(real, member, at) for at in (start, delivered, taken_back))
    between = weight(real, member, withdrawn + timedelta(minutes=1))

    assert (before.held, before.untold) == (0, 0)
    assert (then.held, then.staying) == (1, ())
    assert [(one.why, one.count, one.since) for one in between.staying] == [("retracted-later", 1, taken_back)]
    assert "taken back after that, on 2026-11-20 at 11:00" in between.en
    assert (after.held, after.gone) == (0, 1)


def test_on_an_earlier_day_a_freeze_is_told_as_it_was_then(real: delivery_world.World) -> None:
    member = linked(real, "private-medical")
    real.clock.forward(hours=1)
    consent.died(real.gateway, real.org, client=real.client_id, freeze=True)
    stopped = real.clock()
    real.clock.forward(hours=1)
    consent.resume(real.gateway, real.org, client=real.client_id)
    granted(real, "none")

    then = weight(real, member, stopped)

    assert reasons(then) == {"frozen-death": 1}
    assert "Het portaal had toen hiervan 1 stuk. Daarvan 1 stuk: bevroren bij het overlijden" in then.nl
    assert weight(real, member).held == 0
