"""Who sees what at each level, as families were promised it: the calendar, messages and the dossier, over the real store and ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.accounting import ledgers
from gateway.canonical import AUDIENCE, CONFIDENTIALITY
from gateway.disclosure.classes import import_class_map
from gateway.jsonbytes import loads
from gateway.model import Mapped
from tests.integration.store_world import CLASS_MAP, SYSTEM, World, gone, open_world

MORE = b"""medical,report,trust-group,,R
measurement,measurement,trust-group,,R
goal,care-plan,trust-group,,R
questionnaire,questionnaire,trust-group,,R
problem,problem,trust-group,,R
document,document,trust-group,,R
"""
DOSSIER = {
    "report": "Observation",
    "medical": "Observation",
    "measurement": "Observation",
    "plan": "CarePlan",
    "goal": "Goal",
    "questionnaire": "QuestionnaireResponse",
    "problem": "Condition",
    "document": "DocumentReference",
}
# Who is linked at no level, at the level basic, and in the trust group.
NOBODY, BASIC, TRUSTED = "70", "71", "72"
AUDIENCES = ("circle", "trust-group", "provider-and-trust-group", "provider", None, "unheard-of")


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    """A client with a visit, a dossier of every kind, and messages for every audience; a basic member and one of the trust group."""
    opened = open_world(module_database_url)
    with opened.database.transaction(opened.org) as db:
        import_class_map(db, opened.org, SYSTEM, CLASS_MAP.replace(b"message,message,,,N", b"message,message,,whole,N") + MORE)
    opened.store(
        opened.patient(),
        opened.visit("visit"),
        *(item(opened, class_, type_) for class_, type_ in DOSSIER.items()),
        *(message(opened, audience) for audience in AUDIENCES),
    )
    for person, level in ((NOBODY, "none"), (BASIC, "basic"), (TRUSTED, "private-medical")):
        opened.link(person, level)
    opened.disclose()
    opened.deliver()
    yield opened
    opened.database.close()


def item(world: World, class_: str, type_: str, key: str | None = None) -> tuple[str, str, list[Mapped]]:
    key = key or class_
    rid, patient = world.id(type_, key), world.id("Patient", "1001")
    body = {"resourceType": type_, "id": rid, "subject": {"reference": f"Patient/{patient}"}}
    return class_, key, [Mapped(type=type_, id=rid, body=body, class_=class_, patient=patient)]


def message(world: World, audience: str | None) -> tuple[str, str, list[Mapped]]:
    key, patient = f"message {audience}", world.id("Patient", "1001")
    rid = world.id("Communication", key)
    body = {"resourceType": "Communication", "id": rid, "subject": {"reference": f"Patient/{patient}"}}
    return (
        "messages",
        key,
        [Mapped(type="Communication", id=rid, body=body, class_="message", patient=patient, audience=audience)],
    )


def messages_of(world: World, person: str) -> set[str | None]:
    """Return the audiences of the messages that a person holds."""
    held = world.held(person)
    return {audience for audience in AUDIENCES if world.ref("Communication", f"message {audience}") in held}


def dossier_of(world: World, person: str) -> set[str]:
    held = world.held(person)
    return {class_ for class_, type_ in DOSSIER.items() if world.ref(type_, class_) in held}


def security(world: World, ref: str) -> set[tuple[str, str]]:
    row: Any = world.one("select body from resource where rid = %s", ref.split("/")[1])
    return {(code["system"], code["code"]) for code in loads(bytes(row.body))["meta"]["security"]}


@pytest.mark.row("C4")
def test_who_cares_for_two_clients_is_two_members_and_neither_holds_anything_of_the_other(world: World) -> None:
    world.store(world.patient("1002"), world.visit("other", client="1002"))
    members = {world.link(TRUSTED, client="1001"), world.link(TRUSTED, "private-medical", client="1002")}
    world.disclose()
    world.deliver()

    held = world.rows(
        "select link.member::text as member, count(distinct resource.client_id) as clients, "
        "bool_and(resource.client_id = link.client_id) as own "
        "from disclosure_ledger join resource using (rkey) join link on link.id = link_id join person on person.id = link.person_id "
        "where person.code = %s and held_hash is not null and resource.client_id is not null group by 1",
        TRUSTED,
    )
    assert {row.member for row in held} == members
    assert {(row.clients, row.own) for row in held} == {(1, True)}


@pytest.mark.row("C5")
def test_three_levels_show_nothing_the_basics_and_everything_for_the_trust_group(world: World) -> None:
    assert world.held(NOBODY) == {}
    assert world.held("unheard-of person") == {}
    basic, trusted = world.held(BASIC), world.held(TRUSTED)
    assert world.ref("Appointment", "visit") in basic
    assert dossier_of(world, TRUSTED) == set(DOSSIER)
    assert set(basic) < set(trusted)


@pytest.mark.row("C6")
def test_a_basic_member_has_the_reduced_calendar_and_the_messages_of_the_circle(world: World) -> None:
    held = world.held(BASIC)
    assert held[world.ref("Appointment", "visit")] == "reduced"
    assert messages_of(world, BASIC) == {"circle"}
    assert {ref.split("/")[0] for ref in held} == {"Patient", "Appointment", "Communication", "CareTeam"}
    assert held[world.ref("Patient", "1001")] == "name-only"


@pytest.mark.row("C7")
def test_for_others_than_the_trust_group_the_dossier_does_not_exist(world: World) -> None:
    """Neither sent nor waiting nor noted as ever due, also when it changes; and what is counted as theirs doesn't move."""

    def noted() -> list[Any]:
        return world.rows(
            "select ledger.code, ledger.state, resource.rtype from disclosure_ledger ledger join resource using (rkey) "
            "join link on link.id = link_id join person on person.id = link.person_id where person.code = 'basic' order by ledger.id"
        )

    before = noted()
    assert dossier_of(world, BASIC) == dossier_of(world, NOBODY) == set()
    assert not {"Observation", "CarePlan", "Condition", "Goal"} & {row.rtype for row in before}

    world.store(gone(item(world, "plan", "CarePlan")), item(world, "plan", "CarePlan", "another"))
    world.disclose()
    world.deliver()
    assert noted() == before
    assert all(line.balanced for line in ledgers(world.gateway, world.org).disclosure)


@pytest.mark.row("C8")
def test_a_message_reaches_exactly_its_audience_and_in_doubt_the_trust_group(world: World) -> None:
    assert messages_of(world, BASIC) == {"circle"}
    assert messages_of(world, TRUSTED) == {"circle", "trust-group", "provider-and-trust-group", None, "unheard-of"}
    assert messages_of(world, NOBODY) == set()


@pytest.mark.row("C12")
def test_a_message_that_the_care_organisation_reads_says_so_and_goes_to_the_trust_group_alone(world: World) -> None:
    shared = "provider-and-trust-group"
    assert (AUDIENCE, shared) in security(world, world.ref("Communication", f"message {shared}"))
    assert (AUDIENCE, shared) not in security(world, world.ref("Communication", "message circle"))
    assert shared in messages_of(world, TRUSTED) - messages_of(world, BASIC)


@pytest.mark.row("C13")
def test_reports_general_and_medical_measurements_and_the_care_plan_need_the_trust_group(world: World) -> None:
    for class_ in ("report", "medical", "measurement", "plan", "goal"):
        labels = security(world, world.ref(DOSSIER[class_], class_))
        assert {(AUDIENCE, "trust-group"), (CONFIDENTIALITY, "R")} <= labels
        assert class_ in dossier_of(world, TRUSTED) - dossier_of(world, BASIC)
