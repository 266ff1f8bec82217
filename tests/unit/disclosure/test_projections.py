"""Projections leave out and never add; what isn't named doesn't travel."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.disclosure.projections import BUSY, PROJECTIONS, names_for, project, references_in, stays_inside
from gateway.jsonbytes import dumps

TYPES = ("Appointment", "Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization", "Observation")
APPOINTMENT = {
    "resourceType": "Appointment",
    "id": "a",
    "meta": {"versionId": "3"},
    "text": {"div": "<div>Douchen</div>"},
    "contained": [{"resourceType": "Location"}],
    "status": "booked",
    "description": "Douchen",
    "reasonCode": [{"text": "incontinentie"}],
    "serviceType": [{"coding": [{"code": "x", "display": "wondzorg"}], "text": "Verpleging"}, {"coding": [{"code": "y"}]}],
    "start": "2026-03-03T08:00:00+01:00",
    "end": "2026-03-03T08:30:00+01:00",
    "comment": "Tijden zijn indicatief.",
    "patientInstruction": "Sleutel onder de mat",
    "participant": [
        {
            "id": "p",
            "actor": {"reference": "Patient/1", "display": "Mevrouw Jansen"},
            "status": "accepted",
            "period": {"start": "2026"},
        },
        {"actor": {"reference": "PractitionerRole/2"}, "status": "accepted"},
        {"status": "accepted"},
    ],
    "extension": [{"url": "http://example.test/key-safe", "valueString": "4711"}],
}

leaves = st.text(max_size=3) | st.booleans()
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=5
)
fields = st.sampled_from(
    [
        "name",
        "birthDate",
        "telecom",
        "address",
        "status",
        "start",
        "end",
        "comment",
        "description",
        "patient",
        "relationship",
        "active",
    ]
)


def test_a_reduced_appointment_has_exactly_what_the_circle_may_know() -> None:
    assert project("reduced", APPOINTMENT) == {
        "resourceType": "Appointment",
        "id": "a",
        "meta": {"versionId": "3"},
        "status": "booked",
        "serviceType": [{"text": "Verpleging"}],
        "start": "2026-03-03T08:00:00+01:00",
        "end": "2026-03-03T08:30:00+01:00",
        "comment": "Tijden zijn indicatief.",
        "participant": [{"actor": {"reference": "Patient/1"}, "status": "accepted"}],
    }


def test_a_name_is_all_that_is_left_of_a_patient() -> None:
    patient = {
        "resourceType": "Patient",
        "id": "1",
        "name": [{"family": "J"}],
        "birthDate": "1940-01-01",
        "telecom": [{}],
        "identifier": [{}],
    }
    assert set(project("name-only", patient)) == {"resourceType", "id", "name"}


def test_which_record_replaced_which_stays_inside_also_in_the_whole() -> None:
    patient = {
        "resourceType": "Patient",
        "id": "a",
        "active": True,
        "link": [{"other": {"reference": "Patient/b"}, "type": "replaces"}],
    }
    assert project("whole", patient) == {"resourceType": "Patient", "id": "a", "active": True}
    assert stays_inside(dumps(patient))
    assert not stays_inside(dumps(project("whole", patient)))


def test_contact_details_of_a_relation_are_not_in_its_name_and_role() -> None:
    relation = {
        "resourceType": "RelatedPerson",
        "id": "1",
        "patient": {"reference": "Patient/1"},
        "name": [{"family": "J"}],
        "relationship": [{"text": "dochter"}],
        "telecom": [{"value": "06"}],
        "address": [{"city": "X"}],
        "birthDate": "1970-01-01",
    }
    assert set(project("name-role", relation)) == {"resourceType", "id", "patient", "name", "relationship"}


def test_a_care_workers_telephone_number_does_not_travel() -> None:
    practitioner = {"resourceType": "Practitioner", "id": "1", "name": [{}], "telecom": [{"value": "06"}], "birthDate": "1990"}
    assert set(project("directory", practitioner)) == {"resourceType", "id", "name"}


def test_a_projection_that_a_type_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no projection"):
        project("reduced", {"resourceType": "Observation", "id": "1"})


@given(type_=st.sampled_from(TYPES), content=st.dictionaries(fields, values, max_size=6))
def test_projecting_twice_is_projecting_once_and_adds_nothing(type_: str, content: dict[str, Any]) -> None:
    resource = {"resourceType": type_, "id": "1", "meta": {"versionId": "1"}, **content}
    for name in names_for(type_):
        once = project(name, {**resource, "serviceType": [], "participant": []})
        assert project(name, once) == once
        assert all(once[key] == resource.get(key, once[key]) for key in once)
        assert set(once) <= set(resource) | {"serviceType", "participant"}


def test_a_busy_block_says_that_the_client_is_taken_then_and_nothing_else() -> None:
    assert project(BUSY, APPOINTMENT) == {
        "resourceType": "Appointment",
        "id": "a",
        "meta": {"versionId": "3"},
        "status": "booked",
        "start": "2026-03-03T08:00:00+01:00",
        "end": "2026-03-03T08:30:00+01:00",
        "participant": [{"actor": {"reference": "Patient/1"}, "status": "accepted"}],
    }


TAKEN = ("resourceType", "id", "meta", "status", "start", "end")
participants = st.lists(
    st.fixed_dictionaries(
        {"actor": st.sampled_from([{"reference": "Patient/1", "display": "x"}, {"reference": "RelatedPerson/2"}, {}])},
        optional={"status": st.just("accepted"), "type": st.just([{"text": "x"}]), "period": st.just({"start": "2026"})},
    ),
    max_size=3,
)


@given(
    content=st.dictionaries(st.sampled_from([*APPOINTMENT, "slot", "supportingInformation", "_start"]), values, max_size=8),
    others=participants,
)
def test_a_busy_block_depends_on_nothing_but_when_and_who_is_taken(content: dict[str, Any], others: list[Any]) -> None:
    appointment = {**content, "resourceType": "Appointment", "id": "a", "participant": others}
    bare = {key: value for key, value in appointment.items() if key in TAKEN} | {"participant": others}

    block = project(BUSY, appointment)

    assert block == project(BUSY, bare) == project(BUSY, block)
    assert set(block) <= {*TAKEN, "participant"}
    assert set(references_in({"participant": block.get("participant", [])})) <= {("Patient", "1")}
    assert all(
        set(one) <= {"actor", "status", "required"} and set(one["actor"]) == {"reference"} for one in block.get("participant", [])
    )


def test_a_busy_block_is_no_projection_of_members_and_no_class_map_can_name_it() -> None:
    assert BUSY not in PROJECTIONS
    assert BUSY not in names_for("Appointment")
    with pytest.raises(ValueError, match="has no projection"):
        project(BUSY, {"resourceType": "Observation", "id": "1"})


def test_every_named_projection_belongs_to_some_type() -> None:
    assert {name for type_ in TYPES for name in names_for(type_)} == set(PROJECTIONS)


def test_references_are_found_wherever_they_stand() -> None:
    resource = {
        "subject": {"reference": "Patient/1"},
        "performer": [{"reference": "PractitionerRole/2"}, {"identifier": {"value": "x"}}],
        "extension": [{"valueReference": {"reference": "Location/3"}}, {"valueReference": {"reference": "#contained"}}],
        "url": {"reference": "https://example.test/Patient/4"},
    }
    assert set(references_in(resource)) == {("Patient", "1"), ("PractitionerRole", "2"), ("Location", "3")}
