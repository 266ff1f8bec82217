"""Links and rights: what setting them does, once and again, and who may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway import consent
from gateway.clients import find_client, patient_id
from gateway.errors import NotFound, Rejected
from gateway.jsonbytes import loads
from gateway.ledger import Change, disclose_client
from tests.integration.store_world import START, World, open_world

RIGHT = "https://zorgsluis.example/fhir/CodeSystem/right"
MEMBER = "https://zorgsluis.example/fhir/NamingSystem/member"


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    opened = open_world(module_database_url)
    opened.store(opened.patient(), opened.relation("50"), opened.relation("51"), opened.report("1"))
    yield opened
    opened.database.close()


def care_team(world: World) -> dict[str, object]:
    row = world.one("select body from resource where rtype = 'CareTeam'")
    return dict(loads(bytes(row.body)))


def test_a_member_is_the_same_however_often_it_is_linked(world: World) -> None:
    first = world.link("50")
    audited = world.one("select count(*) as n from audit_event").n

    assert world.link("50") == first
    assert world.one("select count(*) as n from audit_event").n == audited
    assert world.one("select epoch from link").epoch == 1


def test_members_of_two_portals_and_two_clients_are_four(world: World) -> None:
    world.store(world.patient("1002"))
    members = {world.link("50", client=client, portal=portal) for client in ("1001", "1002") for portal in ("familie", "ander")}

    assert len(members) == 4


def test_a_client_is_known_by_number_patient_id_or_our_own_number(world: World) -> None:
    with world.database.transaction(world.org) as db:
        ids = {
            find_client(db, world.keys.ids(), name) for name in ("1001", "ons:1001", world.id("Patient", "1001"), world.client())
        }

    assert ids == {world.client()}


@pytest.fixture
def vesta(world: World) -> str:
    """A second source, that pushes, with its own client 1001; the id of that client's Patient."""
    patient = patient_id(world.keys.ids(), "hospital", "1001")
    world.rows(
        "insert into source (org, code, connector, system, zone) values (%s, 'vesta', 'hl7v2', 'hospital', 'Europe/Amsterdam') returning id",
        world.org,
    )
    world.rows("insert into client (org, patient_rid) values (%s, %s) returning id", world.org, patient)
    return patient


def test_a_number_that_two_record_systems_use_is_told_apart_by_the_source(world: World, vesta: str) -> None:
    with pytest.raises(NotFound, match=r"2 record systems .* SOURCE:NUMBER \(ons, vesta\)"):
        world.link("50", client="1001")

    world.link("50", client="vesta:1001")
    assert world.one("select patient_rid from link join client on client.id = client_id").patient_rid == vesta
    world.link("50", client="ons:1001")
    assert [line.client for line in consent.links(world.gateway, world.org)] == ["ons:1001", vesta]
    assert [line.client for line in consent.links(world.gateway, world.org, "ons:1001")] == ["ons:1001"]


def test_a_client_is_never_found_by_the_name_of_another_source(world: World, vesta: str) -> None:
    world.store(world.patient("1003"))

    assert world.link("50", client="1003") == world.link("50", client="ons:1003")
    for wrong in ("vesta:1003", "nobody:1003", "ons:", ":1003"):
        with pytest.raises(NotFound, match="no client"):
            world.link("50", client=wrong)


@pytest.mark.parametrize("client", ["4711", 999_999_999])
def test_an_unknown_client_is_not_found(world: World, client: str | int) -> None:
    with pytest.raises(NotFound):
        consent.set_grant(world.gateway, world.org, client=client, person="50", level="basic")


def test_an_unknown_portal_or_person_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        consent.link(world.gateway, world.org, portal="nowhere", client="1001", person="50")
    with pytest.raises(NotFound):
        consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="never seen")


def test_the_care_team_shows_every_linked_person_with_the_level_of_their_rights(world: World) -> None:
    first, second = world.link("50", "private-medical"), world.link("51")
    world.store(world.patient("1001"))

    team = care_team(world)

    assert (team["name"], team["status"]) == ("Vertrouwensgroep", "active")
    assert team["subject"] == {"reference": world.ref("Patient", "1001")}
    assert team["participant"] == [
        {
            "role": [{"coding": [{"system": RIGHT, "code": level}]}],
            "member": {"reference": world.ref("RelatedPerson", person), "identifier": {"system": MEMBER, "value": member}},
        }
        for person, level, member in (("50", "private-medical", first), ("51", "none", second))
    ]


def test_the_care_team_goes_with_the_last_link(world: World) -> None:
    world.link("50", "basic")
    consent.unlink(world.gateway, world.org, portal="familie", client="1001", person="50")

    assert world.one("select deleted from resource where rtype = 'CareTeam'").deleted


def test_a_persons_own_record_is_found_when_it_comes_later_than_the_link(world: World) -> None:
    world.link("52", "basic")
    assert world.one("select related_rid from link").related_rid is None

    world.store(world.relation("52"))
    world.disclose()

    assert world.one("select related_rid from link").related_rid == world.id("RelatedPerson", "52")
    world.deliver()
    assert world.held("52")[world.ref("RelatedPerson", "52")] == "whole"


@pytest.mark.parametrize("gone", [False, True], ids=["of somebody else", "gone"])
def test_a_persons_own_record_is_another_once_the_source_corrects_whose_it_is(world: World, gone: bool) -> None:
    stream, key, (wrong,) = world.relation("51")
    wrong.body["identifier"] = [{"value": "52"}]
    world.store((stream, key, [wrong]))
    world.link("52", "basic")
    world.deliver()
    assert world.held("52")[world.ref("RelatedPerson", "51")] == "whole"

    world.store((stream, key, []) if gone else world.relation("51"), world.relation("52"))
    world.disclose()
    world.deliver()

    assert world.one("select related_rid from link").related_rid == world.id("RelatedPerson", "52")
    assert world.held("52")[world.ref("RelatedPerson", "52")] == "whole"
    assert world.held("52").get(world.ref("RelatedPerson", "51")) == (None if gone else "name-role")


def test_a_record_that_bears_the_number_no_longer_is_nobodys_own_until_another_does(world: World) -> None:
    stream, key, (wrong,) = world.relation("51")
    wrong.body["identifier"] = [{"value": "52"}]
    world.store((stream, key, [wrong]))
    world.link("52", "basic")
    world.deliver()

    world.store(world.relation("51"))
    world.disclose()
    world.deliver()

    assert world.one("select related_rid from link").related_rid is None
    assert world.held("52")[world.ref("RelatedPerson", "51")] == "name-role"


def test_an_own_record_that_was_given_with_the_link_stays_whatever_its_number(world: World) -> None:
    own = world.id("RelatedPerson", "51")
    consent.link(world.gateway, world.org, portal="familie", client="1001", person="52", related_rid=own)

    world.store(world.relation("51"), world.relation("52"))
    world.disclose()

    assert world.one("select related_rid from link").related_rid == own


def test_setting_the_same_level_again_changes_nothing(world: World) -> None:
    world.link("50", "basic")
    epoch = world.one("select epoch from link").epoch

    assert consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic") == Change()
    assert world.one("select epoch from link").epoch == epoch


def test_rights_are_superseded_and_never_changed(world: World) -> None:
    world.link("50", "basic")
    world.clock.pass_time(hours=1)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")

    rows = world.rows("select id, level, valid_from, superseded_at, supersedes from trust_grant order by id")
    assert [(row.level, row.valid_from, row.superseded_at) for row in rows] == [
        ("basic", START, START + timedelta(hours=1)),
        ("private-medical", START + timedelta(hours=1), None),
    ]
    assert rows[1].supersedes == rows[0].id


def test_a_level_that_would_begin_later_is_refused_while_the_person_has_one(world: World) -> None:
    world.link("50", "private-medical")
    world.deliver()
    held, later = world.held("50"), START + timedelta(days=1)

    with pytest.raises(Rejected, match="on the day that it begins"):
        consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic", valid_from=later)

    assert (world.rows("select * from outbox"), world.held("50")) == ([], held)
    assert world.one("select level from trust_grant where superseded_at is null").level == "private-medical"
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="basic", valid_from=later)
    assert world.one("select level from trust_grant where superseded_at is null").level == "basic"


def test_links_are_listed_by_the_numbers_of_the_source(world: World) -> None:
    member = world.link("50", "basic")

    (line,) = consent.links(world.gateway, world.org)
    assert (line.portal, line.client, line.person, line.member, line.state, line.level) == (
        "familie",
        "1001",
        "50",
        member,
        "active",
        "basic",
    )


def test_an_exclusion_forbids_one_resource_to_one_person_until_it_is_lifted(world: World) -> None:
    world.link("50", "private-medical")
    world.link("51", "private-medical")
    world.disclose()
    world.deliver()
    report = world.ref("Observation", "1")

    number = consent.exclude(
        world.gateway, world.org, client="1001", reason_code="good-care", set_by="practitioner", person="50", resource=report
    )
    world.deliver()
    assert (report in world.held("50"), report in world.held("51")) == (False, True)

    consent.lift(world.gateway, world.org, client="1001", exclusion=number)
    world.deliver()
    assert report in world.held("50")


def test_rights_of_one_client_say_nothing_about_another(world: World) -> None:
    world.store(world.patient("1002"), world.report("2", client="1002"))
    world.link("50", "private-medical", client="1001")
    world.link("50", client="1002")
    world.disclose()
    world.deliver()

    assert world.ref("Observation", "1") in world.held("50")
    assert not {world.ref("Observation", "2"), world.ref("Patient", "1002")} & set(world.held("50"))


def test_a_grant_and_a_running_disclosure_take_turns(world: World) -> None:
    world.link("50", "basic")
    client = world.client()
    failures: list[Exception] = []

    def flip() -> None:
        for turn in range(10):
            consent.set_grant(world.gateway, world.org, client=client, person="50", level=("basic", "private-medical")[turn % 2])

    def disclose() -> None:
        for _ in range(20):
            disclose_client(world.gateway, world.org, client)

    def watched(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001  whatever it is, the test has to hear of it
            failures.append(error)

    threads = [threading.Thread(target=watched, args=(work,)) for work in (flip, disclose, disclose)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    world.deliver()
    assert world.ref("Observation", "1") in world.held("50")


KILLED = """
import sys
from tests.integration.store_world import reopen
from gateway import consent
world = reopen(sys.argv[1], sys.argv[2])
consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")
"""


def test_a_process_killed_before_the_commit_of_a_grant_leaves_the_old_right_whole(world: World, module_database_url: str) -> None:
    world.link("50", "private-medical")
    world.deliver()
    held, trail = world.held("50"), world.one("select count(*) as n from audit_event").n
    code = world.one("select code from organisation where id = %s", world.org).code

    done = subprocess.run(
        [sys.executable, "-c", KILLED, module_database_url, code],
        env={**os.environ, "ZORGSLUIS_CRASH": "in-grant-commit", "PYTHONPATH": "."},
        timeout=60,
        check=False,
    )

    assert done.returncode == -signal.SIGKILL
    assert world.one("select level from trust_grant where superseded_at is null").level == "private-medical"
    assert (world.held("50"), world.one("select count(*) as n from audit_event").n) == (held, trail)
    assert world.rows("select * from outbox") == []
    change = consent.set_grant(world.gateway, world.org, client="1001", person="50", level="none")
    assert change.retracting == len(held)
