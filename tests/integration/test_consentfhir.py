"""Consents against real tables: what goes out comes in and changes nothing, and what is changed takes effect at once, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import consent
from gateway.canonical import AUDIENCE
from gateway.consentfhir import terms
from gateway.consentfhir.apply import put_consent
from gateway.consentfhir.elsewhere import record_elsewhere
from gateway.consentfhir.issues import Unacceptable
from gateway.consentfhir.records import Elsewhere, Person, Place, Statement
from gateway.consentfhir.show import care_teams, consents_of
from gateway.consentfhir.show import consent as one_consent
from gateway.consentfhir.write import elsewhere_consent
from gateway.errors import Conflict, NotFound
from gateway.together import rehearsal
from tests.integration.store_world import START, World, filled_world

Body = dict[str, Any]


@pytest.fixture
def world(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(module_database_url: str) -> Iterator[World]:
    with filled_world(module_database_url, "50", "51") as opened:
        yield opened


def patient(world: World) -> str:
    return world.id("Patient", "1001")


def shown(world: World) -> Body:
    """Return the client's own Consent."""
    return consents_of(world.gateway, world.org, patient(world))[0]


def put(world: World, body: Body, *, version: str | None = None) -> bool:
    given = body["meta"]["versionId"] if version is None else version
    return put_consent(world.gateway, world.org, body, version=given, by="registrar").changed


def permit(person: str, *audiences: str, **rest: Any) -> Body:
    return {
        "type": "permit",
        "actor": [{"role": terms.RECIPIENT, "reference": {"identifier": {"system": terms.PERSON, "value": person}}}],
        "securityLabel": [{"system": AUDIENCE, "code": audience} for audience in audiences],
        "purpose": [{"system": terms.REASON_SYSTEM, "code": "SUPNWK"}],
        **rest,
    }


def rights(world: World) -> dict[str, str]:
    """Return the level of each person who has a right in force."""
    rows = world.rows(
        "select person.code, level from trust_grant join person on person.id = person_id where superseded_at is null "
        "and level <> 'none' and status = 'active' and trust_grant.org = %s",
        world.org,
    )
    return {row.code: row.level for row in rows}


def recorded(world: World) -> list[str]:
    """Return every row of what a Consent says."""
    tables = ("trust_grant", "exclusion", "external_consent", "disclosure_ledger")
    return [row.line for table in tables for row in world.rows(f"select t::text as line from {table} t order by 1")]


# Out and in ----------------------------------------------------------------------------------------------------------------------

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("set"),
            st.sampled_from(["50", "51"]),
            st.fixed_dictionaries(
                {"level": st.sampled_from(["none", "basic", "private-medical"])},
                optional={
                    "classes": st.lists(st.sampled_from(["report", "calendar", "profile"]), unique=True),
                    "data_from": st.just(START - timedelta(days=10)),
                    "valid_to": st.just(START + timedelta(days=10, microseconds=1)),
                    "status": st.sampled_from(["active", "suspended", "withdrawn"]),
                    "basis": st.sampled_from(["client", "statutory"]),
                    "parental": st.booleans(),
                    "confirmed_at": st.just(START),
                },
            ),
        ),
        st.tuples(
            st.just("exclude"),
            st.sampled_from([None, "50", "51"]),
            st.fixed_dictionaries({}, optional={"class_": st.just("report"), "valid_to": st.just(START + timedelta(days=3))}),
        ),
        st.tuples(
            st.just("object"),
            st.sampled_from([None, "50"]),
            st.fixed_dictionaries({"decision": st.sampled_from(["permit", "deny"])}),
        ),
    ),
    max_size=5,
)


def perform(world: World, gateway: Any, operation: tuple[str, str | None, dict[str, Any]]) -> None:
    what, person, values = operation
    if what == "set":
        consent.set_grant(gateway, world.org, client="1001", person=person or "", **values)
    elif what == "exclude":
        consent.exclude(gateway, world.org, client="1001", reason_code="other", set_by="x", person=person, **values)
    else:
        known = Person(code=person) if person else None
        line = Statement(valid_from=None, person=known, category=None if person else "support-network", **values)
        record_elsewhere(gateway, world.org, client="1001", source="mitz 1", statements=[line], by="x")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(operations=OPERATIONS)
def test_carrying_out_what_was_written_out_changes_nothing(
    shared: World, operations: list[tuple[str, str | None, dict[str, Any]]]
) -> None:
    with rehearsal(shared.gateway, shared.org) as (gateway, db):
        for operation in operations:
            perform(shared, gateway, operation)
        before = db.execute("select md5(string_agg(t::text, '' order by id)) from trust_grant t").fetchone()
        bodies = consents_of(gateway, shared.org, patient(shared))
        changed = [put_consent(gateway, shared.org, body, version=body["meta"]["versionId"]).changed for body in bodies]
        after = db.execute("select md5(string_agg(t::text, '' order by id)) from trust_grant t").fetchone()
        again = consents_of(gateway, shared.org, patient(shared))

    assert (changed, before) == ([False] * len(bodies), after)
    assert again == bodies


def test_a_right_of_every_kind_goes_out_and_comes_in_and_nothing_is_written(world: World) -> None:
    world.link("50")
    world.link("51")
    consent.add_mandate(world.gateway, world.org, client="1001", person="51", kind="mentor")
    consent.set_grant(
        world.gateway,
        world.org,
        client="1001",
        person="50",
        level="basic",
        basis="representative",
        representative="51",
        classes=["calendar"],
    )
    consent.set_grant(
        world.gateway, world.org, client="1001", person="51", level="private-medical", basis="statutory", status="suspended"
    )
    consent.exclude(
        world.gateway, world.org, client="1001", reason_code="other", set_by="x", resource=world.ref("Observation", "1")
    )
    before = recorded(world)

    assert put(world, shown(world)) is False
    assert recorded(world) == before


# In ------------------------------------------------------------------------------------------------------------------------------


def test_a_permission_takes_effect_at_once_and_one_that_is_left_out_is_withdrawn(world: World) -> None:
    world.link("50")
    world.link("51", "basic")
    body = shown(world)
    body["provision"]["provision"] = [permit("50", "circle", "trust-group", "provider-and-trust-group")]

    assert put(world, body)

    assert rights(world) == {"50": "private-medical"}
    world.deliver()
    assert world.ref("Observation", "1") in world.held("50")
    assert not world.held("51")
    assert world.one("select count(*) as n from audit_event where event in ('grant', 'withdraw') and agent = 'registrar'").n == 2


def test_everything_is_carried_out_or_nothing(world: World) -> None:
    world.link("50")
    world.link("51", "basic")
    before, body = recorded(world), shown(world)
    body["provision"]["provision"] = [
        permit("50", "circle"),
        permit("51", "circle", extension=[{"url": terms.BASIS, "valueCode": "representative"}]),
    ]

    with pytest.raises(Unacceptable) as refused:
        put(world, body)

    assert [issue.code for issue in refused.value.issues] == ["business-rule"]
    assert recorded(world) == before


@pytest.mark.parametrize(
    ("provision", "code"),
    [
        (permit("nobody", "circle"), "not-found"),
        (permit("50", "circle", **{"class": [{"system": terms.CLASS, "code": "weather"}]}), "not-found"),
        (
            permit(
                "50",
                "circle",
                actor=[
                    {
                        "role": terms.RECIPIENT,
                        "reference": {"reference": "RelatedPerson/other", "identifier": {"system": terms.PERSON, "value": "50"}},
                    }
                ],
            ),
            "value",
        ),
    ],
)
def test_an_actor_or_a_class_that_is_not_known_is_refused(world: World, provision: Body, code: str) -> None:
    world.link("50")
    before, body = recorded(world), shown(world)
    body["provision"]["provision"] = [provision]

    with pytest.raises(Unacceptable) as refused:
        put(world, body)

    assert [issue.code for issue in refused.value.issues] == [code]
    assert recorded(world) == before


def test_a_person_can_be_named_by_their_own_record(world: World) -> None:
    world.link("50")
    body = shown(world)
    reference = {"reference": world.ref("RelatedPerson", "50")}
    body["provision"]["provision"] = [permit("", "circle", actor=[{"role": terms.RECIPIENT, "reference": reference}])]

    put(world, body)

    assert rights(world) == {"50": "basic"}


def test_two_permissions_for_one_person_are_refused(world: World) -> None:
    world.link("50")
    body = shown(world)
    body["provision"]["provision"] = [permit("50", "circle"), permit("50", "circle", dataPeriod={"end": "2026-01-01"})]

    with pytest.raises(Unacceptable) as refused:
        put(world, body)

    assert [issue.code for issue in refused.value.issues] == ["not-supported"]


def test_a_prohibition_is_recorded_and_one_that_is_left_out_is_lifted(world: World) -> None:
    world.link("50", "private-medical")
    body = shown(world)
    reason = {"url": terms.EXCLUSION_REASON, "valueCode": "family-conflict"}
    deny = {"type": "deny", "extension": [reason], "class": [{"system": terms.CLASS, "code": "report"}]}
    body["provision"]["provision"].append(deny)

    assert put(world, body)
    assert world.one("select class as class_, reason_code from exclusion where org = %s", world.org) == (
        "report",
        "family-conflict",
    )

    body = shown(world)
    body["provision"]["provision"].pop()
    assert put(world, body)
    assert world.one("select superseded_at from exclusion where org = %s", world.org).superseded_at is not None
    assert rights(world) == {"50": "private-medical"}


def test_periods_of_a_permission_are_half_open_moments(world: World) -> None:
    world.link("50")
    body = shown(world)
    body["provision"]["provision"] = [permit("50", "circle", period={"start": "2026-03-01", "end": "2026-03-31"})]

    put(world, body)

    row = world.one("select valid_from, valid_to from trust_grant where superseded_at is null and org = %s", world.org)
    assert row == (datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC))


# Versions ------------------------------------------------------------------------------------------------------------------------


def test_a_consent_that_was_changed_meanwhile_is_not_overwritten(world: World) -> None:
    world.link("50", "basic")
    body = shown(world)
    world.clock.pass_time(minutes=1)
    consent.set_grant(world.gateway, world.org, client="1001", person="50", level="private-medical")

    with pytest.raises(Conflict, match="changed meanwhile"):
        put(world, body)
    with pytest.raises(Conflict, match="exists"):
        put_consent(world.gateway, world.org, body, version=None)

    assert rights(world) == {"50": "private-medical"}


def test_a_first_consent_needs_no_version(world: World) -> None:
    world.link("50")
    body = shown(world)
    body["provision"]["provision"] = [permit("50", "circle")]

    assert put_consent(world.gateway, world.org, body, version=None).changed
    assert rights(world) == {"50": "basic"}


# Elsewhere -----------------------------------------------------------------------------------------------------------------------


def objection(world: World, **rest: Any) -> Body:
    line = Statement(decision="deny", valid_from=None, category="support-network", **rest)
    ours = world.one("select code from organisation where id = %s", world.org).code
    return elsewhere_consent(
        Elsewhere(patient=patient(world), source="mitz 1", statements=(line,)), Place(organisation=ours, name="x")
    )


def test_an_objection_of_another_registry_takes_back_what_was_shown_and_gives_it_back_when_it_goes(world: World) -> None:
    world.link("50", "private-medical")
    world.deliver()

    carried = put_consent(world.gateway, world.org, objection(world, class_="report"), version=None)
    world.deliver()
    assert world.ref("Observation", "1") not in world.held("50")

    empty = {**carried.body, "provision": {"type": "deny"}}
    put(world, empty)
    world.deliver()
    assert world.ref("Observation", "1") in world.held("50")
    assert len(consents_of(world.gateway, world.org, patient(world))) == 1


def test_an_objection_is_a_consent_of_its_own(world: World) -> None:
    put_consent(world.gateway, world.org, objection(world), version=None)

    own, other = consents_of(world.gateway, world.org, patient(world))

    assert own["provision"] == {"type": "deny"}
    assert other["identifier"] == [{"system": terms.REGISTRY, "value": "mitz 1"}]
    assert one_consent(world.gateway, world.org, other["id"]) == other
    assert put(world, other) is False


def test_another_registrys_consent_that_says_nothing_any_more_is_answered_without_an_empty_list(world: World) -> None:
    carried = put_consent(world.gateway, world.org, objection(world), version=None)
    empty, version = {**carried.body, "provision": {"type": "deny"}}, carried.body["meta"]["versionId"]

    answer = put_consent(world.gateway, world.org, empty, version=version).body

    assert answer["provision"] == {"type": "deny"}


# Reading -------------------------------------------------------------------------------------------------------------------------


def test_each_look_at_rights_is_in_the_trail(world: World) -> None:
    world.link("50", "basic")

    consents_of(world.gateway, world.org, patient(world), by="registrar")
    (team,) = care_teams(world.gateway, world.org, patient=patient(world), by="registrar")

    events = world.rows(
        "select agent, client_id, detail ->> 'type' as type from audit_event where event = 'rights-read' order by seq"
    )
    assert events == [("registrar", world.client(), "Consent"), ("registrar", world.client(), "CareTeam")]
    assert team["subject"] == {"reference": world.ref("Patient", "1001")}
    assert care_teams(world.gateway, world.org, id_=team["id"]) == [team]


def test_what_is_not_there_is_not_found(world: World) -> None:
    assert consents_of(world.gateway, world.org, "nobody") == []
    assert care_teams(world.gateway, world.org, patient="nobody") == []
    with pytest.raises(NotFound):
        one_consent(world.gateway, world.org, f"{patient(world)}.0123")
    with pytest.raises(Unacceptable):
        put_consent(world.gateway, world.org, {**objection(world), "patient": {"reference": "Patient/nobody"}}, version=None)
