"""Decisions become work: what the ledger makes of every change of data, rights and portals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import consent
from gateway.accounting import ledgers
from gateway.ledger import Change, disclose_client
from tests.integration.store_world import World, filled, gone, open_world

WORK = """select outbox.op, outbox.revision, outbox.epoch, outbox.state, ledger.state as ledger, resource.rtype, resource.rid
from outbox join disclosure_ledger ledger on ledger.id = ledger_id join resource on resource.rkey = ledger.rkey order by outbox.id"""
LEDGER = """select ledger.*, resource.rtype from disclosure_ledger ledger join resource using (rkey) where resource.rid = %s"""


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def shared(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    yield opened
    opened.database.close()


# Decisions become work -----------------------------------------------------------------------------------------------------------


def test_disclosing_twice_writes_nothing_the_second_time(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    before = (
        world.rows("select ledger.*, ledger.xmin::text as written from disclosure_ledger ledger order by id"),
        world.rows(WORK),
    )

    for _ in range(2):
        disclose_client(world.gateway, world.org, world.client())

    assert (
        world.rows("select ledger.*, ledger.xmin::text as written from disclosure_ledger ledger order by id"),
        world.rows(WORK),
    ) == before


def test_retractions_come_before_deliveries_and_what_is_referred_to_before_what_refers(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")

    order = [row.rtype for row in world.rows(WORK)]
    directory = [order.index(kind) for kind in ("Practitioner", "PractitionerRole", "Organization")]
    assert max(directory) < order.index("Patient") < order.index("RelatedPerson") < order.index("Observation")

    world.deliver()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic")
    work = [(row.op, row.rtype) for row in world.rows(WORK)]
    deletes = [kind for op, kind in work if op == "delete"]
    assert [op for op, _ in work[: len(deletes)]] == ["delete"] * len(deletes)
    assert deletes[0] == "Observation"


def test_lowering_a_level_takes_back_the_difference_and_narrows_the_rest(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()

    change = consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic")

    retracting = {(row.op, row.rtype) for row in world.rows(WORK) if row.ledger == "retract_pending"}
    assert retracting == {
        ("delete", "Observation"),
        ("delete", "Practitioner"),
        ("delete", "PractitionerRole"),
        ("delete", "Organization"),
        ("put", "Patient"),
        ("put", "Appointment"),
    }
    assert change == Change(lanes=change.lanes, delivering=1, retracting=6)
    world.deliver()
    assert world.held("50")[world.ref("Appointment", "2@a")] == "reduced"


def test_granting_again_after_a_retraction_delivers_again(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")
    world.deliver()
    assert world.held("50") == {}

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")
    world.deliver()

    assert world.ref("Observation", "1") in world.held("50")


def test_a_retraction_that_is_not_sent_yet_is_called_off_by_a_new_grant(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")

    assert [(row.op, row.rtype) for row in world.rows(WORK)] == []
    assert world.one(LEDGER, world.id("Observation", "1")).state == "delivered"


def test_a_retraction_that_may_have_been_sent_is_followed_by_a_delivery(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")
    world.rows("update outbox set sent_at = app_now() returning id")

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")

    assert {(row.op, row.revision) for row in world.rows(WORK)} == {("put", 2)}


def test_a_delivery_that_is_not_sent_yet_is_dropped_when_the_right_goes(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")

    assert world.rows(WORK) == []
    assert {row.state for row in world.rows("select state from disclosure_ledger")} == {"retracted"}


def test_a_delivery_that_may_have_been_sent_is_taken_back(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.rows("update outbox set sent_at = app_now() returning id")

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")

    assert {(row.op, row.revision, row.ledger) for row in world.rows(WORK)} == {("delete", 2, "retract_pending")}


def test_a_newer_version_overwrites_waiting_work_and_frees_a_parked_row(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.rows("update outbox set state = 'parked', attempt = 3, error_code = 'permanent' returning id")

    world.store(world.report("1", "Andere tekst.", employee="7"))
    world.disclose()

    (row,) = [row for row in world.rows(WORK) if row.rtype == "Observation"]
    assert (row.op, row.revision, row.state) == ("put", 2, "ready")
    assert {row.state for row in world.rows(WORK) if row.rtype != "Observation"} == {"parked"}


def test_going_back_to_what_the_member_holds_calls_the_work_off(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()

    world.store(world.report("1", "Andere tekst.", employee="7"))
    world.disclose()
    world.store(world.report("1", employee="7"))
    world.disclose()

    assert world.rows(WORK) == []


@pytest.mark.parametrize("held", ["null", "'\\x00'::bytea"])
def test_a_delivery_that_fell_out_of_its_queue_is_made_again_by_the_next_decision(world: World, held: str) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    report = world.id("Observation", "1")
    world.rows(
        f"update disclosure_ledger set held_hash = {held} where rkey = (select rkey from resource where rid = %s) returning id",
        report,
    )

    assert disclose_client(world.gateway, world.org, world.client()) == 1
    assert [(row.op, row.rid, row.ledger) for row in world.rows(WORK)] == [("put", report, "deliver_pending")]

    world.deliver()
    assert disclose_client(world.gateway, world.org, world.client()) == 0
    assert world.ref("Observation", "1") in world.held("50")


def test_a_version_that_changes_nothing_in_a_projection_is_not_sent(world: World) -> None:
    stream, key, (mapped,) = world.patient()
    world.store((stream, key, [mapped]))
    world.link("50", "basic")
    world.deliver()

    body = {**mapped.body, "birthDate": "1941-01-01"}
    world.store((stream, key, [type(mapped)(type="Patient", id=mapped.id, body=body, class_="patient", patient=mapped.id)]))
    world.disclose()

    assert world.rows(WORK) == []


def test_a_deleted_record_is_retracted_from_everyone(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.link("51", "private-medical")
    world.disclose()
    world.deliver()

    world.store(gone(world.report("1")))
    world.disclose()

    assert {(row.op, row.rtype) for row in world.rows(WORK)} >= {("delete", "Observation")}
    world.deliver()
    assert world.ref("Observation", "1") not in {**world.held("50"), **world.held("51")}


def test_a_resource_that_moves_to_another_client_is_taken_back_from_the_first_ones_people(world: World) -> None:
    world.store(world.patient("1001"), world.patient("1002"), world.report("1", client="1001"))
    world.link("50", "private-medical", client="1001")
    world.link("60", "private-medical", client="1002")
    world.deliver()

    world.store(world.report("1", client="1002"))
    world.disclose()
    world.deliver()

    assert world.ref("Observation", "1") not in world.held("50")
    assert world.ref("Observation", "1") in world.held("60")


def test_every_change_of_rights_moves_the_epoch_and_waiting_work_with_it(world: World) -> None:
    filled(world)
    world.link("50", "basic")
    first = {row.epoch for row in world.rows(WORK)}

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")

    epoch = world.one("select epoch from link").epoch
    assert first == {epoch - 1}
    assert {row.epoch for row in world.rows(WORK)} == {epoch}


# Stops and portals that can't take back ------------------------------------------------------------------------------------------


def test_a_stop_takes_everything_back(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()

    change = consent.stop(world.gateway, world.org, client="1001", reason="end-of-care", freeze=False)
    assert change.retracting == len(world.held("50"))
    world.deliver()
    assert world.held("50") == {}

    consent.resume(world.gateway, world.org, client="1001")
    world.deliver()
    assert world.ref("Observation", "1") in world.held("50")


def test_a_frozen_client_keeps_what_is_at_the_portal_and_gets_nothing_new(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    held = world.held("50")

    consent.stop(world.gateway, world.org, client="1001", reason="death", freeze=True)
    world.store(world.report("1", "Na het overlijden.", employee="7"), world.report("2"))
    world.disclose()

    assert world.rows(WORK) == []
    assert world.held("50") == held
    assert {line.kind: line.fates for line in ledgers(world.gateway, world.org).disclosure}["Observation"] == {
        "retained": 1,
        "withheld": 1,
    }

    consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="50")
    world.deliver()
    assert world.held("50") == {}


def test_a_frozen_client_who_is_resumed_gets_what_changed_and_nothing_twice(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    consent.stop(world.gateway, world.org, client="1001", reason="death", freeze=True)
    world.store(world.report("1", "Intussen veranderd.", employee="7"))

    consent.resume(world.gateway, world.org, client="1001")

    assert [(row.op, row.rtype) for row in world.rows(WORK)] == [("put", "Observation")]


def test_a_portal_that_cannot_take_back_keeps_it_and_the_ledger_says_so(world: World) -> None:
    filled(world)
    world.rows("update portal set retraction = 'cannot' returning id")
    world.link("50", "private-medical")
    world.deliver()

    consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="50")

    assert world.rows(WORK) == []
    assert world.one(LEDGER, world.id("Observation", "1")).state == "cannot_retract"
    assert {line.kind: line.fates for line in ledgers(world.gateway, world.org).disclosure}["Observation"] == {"retained": 1}


def test_what_could_not_be_taken_back_is_taken_back_once_the_portal_can(world: World) -> None:
    filled(world)
    world.rows("update portal set retraction = 'cannot' returning id")
    world.link("50", "private-medical")
    world.deliver()
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")
    assert world.rows(WORK) == []

    world.rows("update portal set retraction = 'delete' returning id")
    assert disclose_client(world.gateway, world.org, world.client()) > 0

    assert {row.op for row in world.rows(WORK)} == {"delete"}
    world.deliver()
    assert world.held("50") == {}


def test_what_a_member_may_hold_whole_is_narrowed_before_anything_is_delivered(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()
    world.rows("update disclosure_ledger set held_projection = null returning id")

    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic")

    assert {row.rtype for row in world.rows(WORK) if (row.op, row.ledger) == ("put", "retract_pending")} >= {
        "Patient",
        "Appointment",
    }


def test_both_ledgers_balance_whatever_happened(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.link("51", "basic")
    world.link("50", portal="ander")
    world.disclose()
    world.deliver()
    consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="51")

    assert all(line.balanced for line in ledgers(world.gateway, world.org).disclosure)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.sampled_from(["none", "basic", "private-medical", "deliver", "report", "delete", "unlink", "link"]), max_size=7
    )
)
def test_whatever_happens_the_members_end_up_with_exactly_the_view(shared: World, steps: list[str]) -> None:
    """Each example is a client of its own in one organisation."""
    key = str(10_000 + shared.one("select count(*) as n from client").n)
    person = f"p{key}"
    shared.store(shared.patient(key), shared.visit(f"v{key}", client=key))
    shared.link(person, client=key)
    for number, step in enumerate(steps):
        if step in ("none", "basic", "private-medical"):
            consent.set_grant(shared.gateway, shared.org, client=key, person=person, level=step)
        elif step == "deliver":
            shared.deliver()
        elif step == "report":
            shared.store(shared.report(f"r{key}", f"tekst {number}", client=key))
        elif step == "delete":
            shared.store(gone(shared.report(f"r{key}", client=key)))
        elif step == "unlink":
            consent.unlink(shared.gateway, shared.org, portal="familie", client=key, person=person)
        else:
            shared.link(person, client=key)
        shared.disclose()
    shared.deliver()

    view = shared.rows(
        "select resource.rtype || '/' || resource.rid as ref, verdict.projection from disclosure_verdict verdict "
        "join resource using (rkey) where verdict.client_id = %s and code = 'grant'",
        shared.client(key),
    )
    assert shared.held(person) == {row.ref: row.projection for row in view}
