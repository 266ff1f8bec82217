"""The predicate in the database, and the ledger that follows from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from psycopg import Rollback

from gateway import consent
from gateway.disclosure.classes import import_class_map
from gateway.disclosure.decide import Facts, Policy, Subscriber, Verdict, decide
from gateway.errors import Misconfigured
from gateway.insight.explain import explain
from gateway.ledger import due_clients, due_now
from tests.integration.store_world import CLASS_MAP, START, SYSTEM, World, filled, gone, open_world
from tests.integration.written import Written
from tests.unit.disclosure.cases import NOW, facts, policies, subscribers

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
    opened.clock.at = NOW
    yield opened
    opened.database.close()


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(item=facts, subscriber=subscribers, policy=policies())
def test_the_view_decides_as_the_pure_function_does(shared: World, item: Facts, subscriber: Subscriber, policy: Policy) -> None:
    answer = None
    with shared.database.transaction(shared.org) as db:
        written = Written(db, shared.org, policy)
        answer = written.verdict(item, subscriber), written.otherwise, written.at_most
        raise Rollback
    unstopped = replace(policy, stopped=False, end_of_care_at=None)
    otherwise = decide(item, subscriber, unstopped, NOW)
    at_most = decide(item, subscriber, without_end(unstopped, otherwise), NOW).projection
    assert answer == (decide(item, subscriber, policy, NOW), otherwise.code, at_most)


def without_end(policy: Policy, verdict: Verdict) -> Policy:
    """Return a policy in which the right that decided isn't over, nor yet to begin; without such a right, as it is."""
    if verdict.code != "grant-outside-period":
        return policy
    (decided,) = (grant for grant in policy.grants if grant.id == verdict.grant_id)
    return replace(policy, grants=[replace(decided, valid_from=NOW, valid_to=None)])


# What travels --------------------------------------------------------------------------------------------------------------------


def kinds(held: dict[str, str]) -> dict[str, set[str]]:
    """Return the projections held of each kind of resource."""
    found: dict[str, set[str]] = {}
    for ref, projection in held.items():
        found.setdefault(ref.split("/")[0], set()).add(projection)
    return found


def test_a_basic_member_holds_reduced_appointments_and_no_dossier(world: World) -> None:
    filled(world)
    world.link("50", "basic")
    world.disclose()
    world.deliver()

    assert world.held("50") == {
        world.ref("Patient", "1001"): "name-only",
        world.ref("RelatedPerson", "50"): "whole",
        world.ref("RelatedPerson", "51"): "name-role",
        world.ref("Appointment", "2@a"): "reduced",
        **{ref: "whole" for ref in world.held("50") if ref.startswith("CareTeam/")},
    }


def test_a_member_of_the_trust_group_holds_it_whole_with_the_directory_that_it_refers_to(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.disclose()
    world.deliver()

    assert kinds(world.held("50")) == {
        "Appointment": {"whole"},
        "CareTeam": {"whole"},
        "Observation": {"whole"},
        "Organization": {"directory"},
        "Patient": {"whole"},
        "Practitioner": {"directory"},
        "PractitionerRole": {"directory"},
        "RelatedPerson": {"whole", "name-role"},
    }
    assert world.held("50")[world.ref("RelatedPerson", "50")] == "whole"


def test_the_directory_goes_with_the_last_item_that_brought_it(world: World) -> None:
    world.store(world.employee("7"), world.patient(), world.report("1", employee="7"), world.report("2", employee="7"))
    world.link("50", "private-medical")
    world.deliver()

    world.store(gone(world.report("1")))
    world.disclose()
    world.deliver()
    assert "Practitioner" in kinds(world.held("50"))

    world.store(gone(world.report("2")))
    world.disclose()
    assert [op for op, *_ in world.deliver()] == ["delete"] * 4
    assert not {"Practitioner", "PractitionerRole", "Organization", "Observation"} & set(kinds(world.held("50")))


def test_a_person_with_level_none_holds_nothing_at_all(world: World) -> None:
    filled(world)
    world.link("50", "none")
    world.disclose()

    assert world.rows(WORK) == []
    codes = {row.code for row in world.rows("select code from disclosure_verdict where client_id = %s", world.client())}
    assert codes == {"no-grant"}


def test_a_portal_holds_nothing_that_its_manifest_does_not_name(world: World) -> None:
    filled(world)
    member = world.link("50", "private-medical")
    world.rows("update portal set audiences = array['circle'] where code = 'familie' returning id")
    world.rows("insert into disclose_due (org, client_id, cause) values (%s, %s, 'x') returning id", world.org, world.client())
    world.disclose()
    world.deliver()

    assert "Observation" not in kinds(world.held("50"))
    assert "Appointment" in kinds(world.held("50"))
    assert explain(world.gateway, world.org, member, world.ref("Observation", "1")).code == "not-in-audience"


def test_nothing_refers_from_what_a_member_holds_to_what_it_does_not(world: World) -> None:
    filled(world)
    for level in ("basic", "private-medical"):
        world.link("50", level)
        world.disclose()
        world.deliver()
        held = world.held("50")
        referred = world.rows(
            "select distinct target_type || '/' || target_id as ref from disclosure_ledger ledger "
            "join resource_reference reference on reference.rkey = ledger.rkey and reference.projection = ledger.held_projection "
            "where held_hash is not null and ledger.org = %s",
            world.org,
        )
        assert {row.ref for row in referred} <= set(held)


@pytest.mark.parametrize(
    ("acr", "minutes_ago", "seen"),
    [("", None, True), ("1", 1, False), ("2", 1, True), ("2", 15, False), ("2", None, False), ("3", 14, True)],
)
def test_a_pull_sees_the_dossier_by_its_own_sign_in_and_never_part_of_it(
    world: World, acr: str, minutes_ago: int | None, seen: bool
) -> None:
    filled(world)
    world.store(world.report("2", audience="circle"), world.report("3"))
    world.link("50", "private-medical")
    world.rows("update organisation set step_up_minutes = 15 where id = %s returning id", world.org)
    since = "" if minutes_ago is None else (world.clock() - timedelta(minutes=minutes_ago)).isoformat()

    with world.database.transaction(world.org) as db:
        db.execute("select set_config('app.acr', %s, true) as acr, set_config('app.auth_time', %s, true) as since", (acr, since))
        codes = {
            row.rid: row.code
            for row in db.execute(
                "select rid, code from disclosure_verdict join resource using (rkey) where rtype = 'Observation'"
            )
        }

    assert codes[world.id("Observation", "2")] == "grant"
    dossier = {codes[world.id("Observation", key)] for key in ("1", "3")}
    assert dossier == {"grant" if seen else "step-up-missing"}


# Time and class map --------------------------------------------------------------------------------------------------------------


def test_a_right_that_ends_takes_effect_without_a_slot(world: World) -> None:
    filled(world)
    member = consent.link(world.gateway, world.org, portal="familie", client="1001", person="50")
    end = START.replace(hour=9)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical", valid_to=end)
    world.deliver()
    assert due_now(world.gateway, world.org, 10) == []

    world.clock.at = end
    assert due_now(world.gateway, world.org, 10) == [world.client()]
    world.disclose()
    world.deliver()

    assert world.held("50") == {}
    assert explain(world.gateway, world.org, member, world.ref("Observation", "1")).code == "grant-outside-period"
    assert due_clients(world.gateway, world.org, 10) == []


def test_a_right_that_begins_later_begins_then(world: World) -> None:
    filled(world)
    world.link("50")
    start = START.replace(hour=9)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic", valid_from=start)
    assert world.rows(WORK) == []

    world.clock.at = start
    world.disclose()

    care_team = json.loads(bytes(world.one("select body from resource where rtype = 'CareTeam'").body))
    assert care_team["participant"][0]["role"][0]["coding"][0]["code"] == "basic"
    assert {row.rtype for row in world.rows(WORK)} == {"Patient", "RelatedPerson", "Appointment", "CareTeam"}


def test_what_the_store_made_due_can_wait_and_what_a_person_decided_cannot(world: World) -> None:
    filled(world)
    world.link("50", "basic")
    world.disclose()
    world.store(world.report("3"))

    assert due_now(world.gateway, world.org, 10) == []
    assert due_clients(world.gateway, world.org, 10) == [world.client()]


def test_a_class_that_is_taken_out_of_the_map_is_seen_by_nobody(world: World) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.deliver()

    without = b"\n".join(line for line in CLASS_MAP.splitlines() if not line.startswith(b"report,"))
    with world.database.transaction(world.org) as db:
        assert import_class_map(db, world.org, SYSTEM, without) == 1
        assert import_class_map(db, world.org, SYSTEM, without) == 0
    assert due_now(world.gateway, world.org, 10) == [world.client()]
    world.disclose()
    world.deliver()

    assert world.ref("Observation", "1") not in world.held("50")


@pytest.mark.parametrize(
    ("kind", "key", "taken"),
    [("Organization", "main", (b"organization,",)), ("PractitionerRole", "7", (b"organization,", b"employee,"))],
    ids=["referred to by way of another", "referred to itself"],
)
def test_a_directory_class_that_nobody_may_see_any_more_is_taken_back_at_once(
    world: World, kind: str, key: str, taken: tuple[bytes, ...]
) -> None:
    filled(world)
    world.link("50", "private-medical")
    world.disclose()
    world.deliver()
    assert world.ref(kind, key) in world.held("50")

    without = b"\n".join(line for line in CLASS_MAP.splitlines() if not line.startswith(taken))
    with world.database.transaction(world.org) as db:
        assert import_class_map(db, world.org, SYSTEM, without) == len(taken)
    assert due_now(world.gateway, world.org, 10) == [world.client()]
    world.disclose()
    world.deliver()

    assert world.ref(kind, key) not in world.held("50")
    assert world.ref("Observation", "1") in world.held("50")


def test_a_class_meant_for_others_from_now_on_gets_its_labels_before_it_travels(world: World) -> None:
    world.store(world.patient(bsn="999990019"), world.visit("2@a"))
    world.link("50", "basic")
    world.deliver()

    wider = CLASS_MAP.replace(b"agenda,calendar,circle,reduced,N", b"agenda,calendar,trust-group,,R")
    wider = wider.replace(b"patient,profile,circle,name-only,N", b"patient,profile,circle,name-only,R")
    with world.database.transaction(world.org) as db:
        assert import_class_map(db, world.org, SYSTEM, wider) == 2
    world.disclose()

    labels = {
        row.rtype: [code["code"] for code in json.loads(bytes(row.body))["meta"]["security"]]
        for row in world.rows("select rtype, body from resource where rtype in ('Appointment', 'Patient')")
    }
    assert labels == {"Appointment": ["R", "trust-group"], "Patient": ["R", "circle"]}
    secret = world.one("select secret.* from resource_secret secret join resource using (rkey, version)")
    assert world.keys.unseal(bytes(secret.envelope), "resource_secret", str(secret.rkey), "2", "bsn") == b"999990019"
    assert {(op, ref.split("/")[0]) for op, _, ref, _ in world.deliver()} == {("delete", "Appointment"), ("put", "Patient")}

    world.store(world.patient(bsn="999990019"), world.visit("2@a"))
    assert {row.version for row in world.rows("select version from resource where rtype in ('Appointment', 'Patient')")} == {2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"trust-group,,R", b"trust-grup,,R"), "line 7: audience 'trust-grup'"),
        ((b"reduced", b"halved"), "line 6: basic_projection 'halved'"),
        ((b"relation,", b"patient,"), "line 3: patient comes twice"),
        ((b"audience,", b"public,"), "no column audience"),
    ],
)
def test_a_mistake_in_the_class_map_names_its_line(world: World, change: tuple[bytes, bytes], message: str) -> None:
    with world.database.transaction(world.org) as db, pytest.raises(Misconfigured, match=message):
        import_class_map(db, world.org, SYSTEM, CLASS_MAP.replace(*change, 1))
