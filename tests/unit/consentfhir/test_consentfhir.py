"""Consents out and in: what is written is read back the same, and what can't be carried out exactly is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from gateway.canonical import AUDIENCE
from gateway.consentfhir import terms
from gateway.consentfhir.issues import Unacceptable
from gateway.consentfhir.moments import moment
from gateway.consentfhir.read import read_consent
from gateway.consentfhir.records import Elsewhere, Person, Place, Prohibition, Right, Rights, Statement
from gateway.consentfhir.write import elsewhere_consent, rights_consent
from tests.unit.consentfhir.records import PATIENT, elsewhere, own, places

Body = dict[str, Any]
PLACE = Place(organisation="linde", name="Thuiszorg De Linde", changed_at=datetime(2026, 3, 2, 7, tzinfo=UTC))


@settings(max_examples=500)
@given(found=own, place=places)
def test_rights_that_were_written_are_read_back_the_same(found: Rights, place: Place) -> None:
    assert read_consent(rights_consent(found, place)) == found


@settings(max_examples=500)
@given(found=elsewhere, place=places)
def test_what_another_registry_says_is_read_back_the_same(found: Elsewhere, place: Place) -> None:
    assert read_consent(elsewhere_consent(found, place)) == found


@given(found=own)
def test_the_version_is_of_what_is_said(found: Rights) -> None:
    again, other = rights_consent(found, PLACE), rights_consent(Rights(patient=PATIENT, rights=()), PLACE)

    assert rights_consent(found, PLACE)["meta"] == again["meta"]
    assert (again["meta"]["versionId"] == other["meta"]["versionId"]) == (found == Rights(patient=PATIENT))


def small() -> Body:
    """Return a Consent with one permission and one prohibition."""
    person = Person(code="50", related_rid="rp-50")
    right = Right(person=person, level="private-medical", valid_from=None, classes=("report",))
    return rights_consent(
        Rights(
            patient=PATIENT,
            rights=(right,),
            prohibitions=(Prohibition(reason="x", valid_from=None, class_="report", person=person),),
        ),
        PLACE,
    )


def test_a_permission_names_person_labels_purpose_and_classes_under_a_root_that_denies() -> None:
    body = small()

    assert body["provision"]["type"] == "deny"
    permit = body["provision"]["provision"][0]
    assert permit["type"] == "permit"
    assert permit["actor"][0]["reference"] == {
        "reference": "RelatedPerson/rp-50",
        "type": "RelatedPerson",
        "identifier": {"system": terms.PERSON, "value": "50"},
    }
    assert [label["code"] for label in permit["securityLabel"]] == ["circle", "trust-group", "provider-and-trust-group"]
    assert permit["purpose"][0]["code"] == "SUPNWK"
    assert permit["class"] == [{"system": terms.CLASS, "code": "report"}]


def test_a_suspended_permission_can_not_be_read_as_one_that_holds() -> None:
    found = Rights(patient=PATIENT, rights=(Right(person=Person(code="50"), level="basic", valid_from=None, suspended=True),))

    permit = rights_consent(found, PLACE)["provision"]["provision"][0]

    assert permit["modifierExtension"] == [{"url": terms.SUSPENDED, "valueBoolean": True}]


def permit(body: Body) -> Body:
    nested: Body = body["provision"]["provision"][0]
    return nested


def deny(body: Body) -> Body:
    nested: Body = body["provision"]["provision"][1]
    return nested


Spoil = Callable[[Body], object]
REFUSED: dict[str, tuple[Spoil, str, str]] = {
    "no Consent": (lambda b: b.update(resourceType="Patient"), "structure", "Consent"),
    "a draft": (lambda b: b.update(status="draft"), "not-supported", "Consent.status"),
    "another scope": (lambda b: b.update(scope={"coding": [{"code": "treatment"}]}), "not-supported", "Consent.scope"),
    "no patient": (lambda b: b.pop("patient"), "required", "Consent.patient"),
    "a patient elsewhere": (
        lambda b: b.update(patient={"reference": "https://x.example/Patient/1"}),
        "required",
        "Consent.patient",
    ),
    "another policy": (lambda b: b.update(policy=[{"uri": "https://x.example"}]), "not-supported", "Consent.policy"),
    "a root that permits": (lambda b: b["provision"].update(type="permit"), "not-supported", "Consent.provision.type"),
    "a root with a period": (lambda b: b["provision"].update(period={}), "not-supported", "Consent.provision.period"),
    "contained": (lambda b: b.update(contained=[]), "not-supported", "Consent.contained"),
    "an implicit rule": (lambda b: b.update(implicitRules="x"), "not-supported", "Consent.implicitRules"),
    "an unknown modifier": (
        lambda b: permit(b).update(modifierExtension=[{"url": "x", "valueBoolean": True}]),
        "not-supported",
        "Consent.provision.provision[0].modifierExtension",
    ),
    "an unknown extension": (
        lambda b: permit(b).update(extension=[{"url": "x", "valueCode": "y"}]),
        "not-supported",
        "Consent.provision.provision[0].extension",
    ),
    "exceptions to a permission": (
        lambda b: permit(b).update(provision=[]),
        "not-supported",
        "Consent.provision.provision[0].provision",
    ),
    "a single item permitted": (lambda b: permit(b).update(data=[]), "not-supported", "Consent.provision.provision[0].data"),
    "content codes": (lambda b: permit(b).update(code=[]), "not-supported", "Consent.provision.provision[0].code"),
    "nobody": (lambda b: permit(b).pop("actor"), "required", "Consent.provision.provision[0].actor"),
    "two people in one": (
        lambda b: permit(b)["actor"].append(permit(b)["actor"][0]),
        "not-supported",
        "Consent.provision.provision[0].actor",
    ),
    "an actor that is no relative": (
        lambda b: permit(b)["actor"][0].update(reference={"reference": "Practitioner/1"}),
        "not-found",
        "Consent.provision.provision[0].actor.reference",
    ),
    "part of a level": (
        lambda b: permit(b).update(securityLabel=[{"system": AUDIENCE, "code": "trust-group"}]),
        "not-supported",
        "Consent.provision.provision[0].securityLabel",
    ),
    "no level": (lambda b: permit(b).pop("securityLabel"), "not-supported", "Consent.provision.provision[0].securityLabel"),
    "treatment": (
        lambda b: permit(b).update(purpose=[{"system": terms.REASON_SYSTEM, "code": "TREAT"}]),
        "not-supported",
        "Consent.provision.provision[0].purpose",
    ),
    "types of resources": (
        lambda b: permit(b).update({"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]}),
        "not-supported",
        "Consent.provision.provision[0].class",
    ),
    "a period that ends before it begins": (
        lambda b: permit(b).update(period={"start": "2026-05-02", "end": "2026-05-01"}),
        "value",
        "Consent.provision.provision[0].period",
    ),
    "no date": (lambda b: permit(b).update(period={"start": "soon"}), "value", "Consent.provision.provision[0].period.start"),
    "writing": (
        lambda b: permit(b).update(action=[{"coding": [{"system": "x", "code": "correct"}]}]),
        "not-supported",
        "Consent.provision.provision[0].action",
    ),
    "neither permit nor deny": (lambda b: permit(b).update(type="maybe"), "value", "Consent.provision.provision[0].type"),
    "no reason": (lambda b: deny(b).pop("extension"), "required", "Consent.provision.provision[1].extension"),
    "several classes forbidden in one": (
        lambda b: deny(b)["class"].append(deny(b)["class"][0]),
        "not-supported",
        "Consent.provision.provision[1].class",
    ),
    "what relates to an item": (
        lambda b: deny(b).update(data=[{"meaning": "related", "reference": {"reference": "Observation/1"}}]),
        "not-supported",
        "Consent.provision.provision[1].data",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_carried_out_exactly_is_refused_with_its_place(name: str) -> None:
    spoil, code, at = REFUSED[name]
    body = deepcopy(small())
    assert isinstance(read_consent(body), Rights)
    spoil(body)

    with pytest.raises(Unacceptable) as refused:
        read_consent(body)

    assert (code, at) in [(issue.code, issue.at) for issue in refused.value.issues]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    body = small()
    permit(body).pop("actor")
    permit(body).pop("securityLabel")
    deny(body).pop("extension")

    with pytest.raises(Unacceptable) as refused:
        read_consent(body)

    assert len(refused.value.issues) == 3


def test_what_another_registry_says_names_that_registrys_consent() -> None:
    line = Statement(decision="deny", valid_from=None, category="support-network")
    body = elsewhere_consent(Elsewhere(patient=PATIENT, source="mitz 1", statements=(line,)), PLACE)
    assert body["id"].startswith(f"{PATIENT}.")
    del body["identifier"]

    with pytest.raises(Unacceptable) as refused:
        read_consent(body)

    assert [issue.at for issue in refused.value.issues] == ["Consent.identifier"]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-03-02", "2026-03-01T23:00:00+00:00", "2026-03-02T23:00:00+00:00"),
        ("2026-03", "2026-02-28T23:00:00+00:00", "2026-03-31T22:00:00+00:00"),
        ("2026-12", "2026-11-30T23:00:00+00:00", "2026-12-31T23:00:00+00:00"),
        ("2026", "2025-12-31T23:00:00+00:00", "2026-12-31T23:00:00+00:00"),
        ("2026-03-02T08:00:00+01:00", "2026-03-02T07:00:00+00:00", "2026-03-02T07:00:00+00:00"),
    ],
)
def test_a_day_is_one_of_the_netherlands_and_a_period_lasts_until_its_last_day_is_over(text: str, start: str, end: str) -> None:
    assert (moment(text).isoformat(), moment(text, end=True).isoformat()) == (start, end)


@pytest.mark.parametrize(
    "text", ["", "2026-13", "02-03-2026", "2026-03-02T08:00", "2026-03-02T08:00:00", "2026-03-02T08:00:00.1234567Z"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        moment(text)
