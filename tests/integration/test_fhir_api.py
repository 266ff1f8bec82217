"""Consent and CareTeam over HTTP: versions, refusals as OperationOutcome, and nothing for who has no token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from api.fhir.app import FhirApi
from api.fhir.body import BODY_BYTES, DEEPEST
from gateway.canonical import AUDIENCE, BASE
from gateway.consentfhir import terms
from tests.integration.portal_api_world import _served
from tests.integration.store_world import World, filled, open_world

TOKEN = "the operator's token"
Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Api:
    """The interface on a real server, over two organisations of which the second has the client."""

    world: World
    address: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        named = {"Authorization": f"Bearer {TOKEN}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return httpx2.request(method, f"{self.address}/fhir/{path}", json=body, headers=named, trust_env=False)

    @property
    def patient(self) -> str:
        return self.world.id("Patient", "1001")

    def consent(self) -> httpx2.Response:
        return self.ask("GET", f"Consent/{self.patient}")

    def level(self, person: str) -> str | None:
        rows = self.world.rows(
            "select level from trust_grant join person on person.id = person_id "
            "where code = %s and superseded_at is null and status = 'active'",
            person,
        )
        return rows[0].level if rows else None


@pytest.fixture
def api(module_database_url: str) -> Iterator[Api]:
    other, world = open_world(module_database_url), open_world(module_database_url)
    filled(other)
    filled(world)
    world.link("50")
    with _served(Starlette(routes=FhirApi(world.gateway, {"other": other.org, "own": world.org}, TOKEN).routes())) as address:
        yield Api(world=world, address=address)
    other.database.close()
    world.database.close()


def with_permit(body: Body, person: str = "50", *audiences: str) -> Body:
    """Return the Consent with one permission of this person and no other."""
    reference = {"identifier": {"system": terms.PERSON, "value": person}}
    nested = {
        "type": "permit",
        "actor": [{"role": terms.RECIPIENT, "reference": reference}],
        "securityLabel": [{"system": AUDIENCE, "code": code} for code in audiences or ("circle",)],
        "purpose": [{"system": terms.REASON_SYSTEM, "code": "SUPNWK"}],
    }
    return {**body, "provision": {"type": "deny", "provision": [nested]}}


def issues(answer: httpx2.Response) -> list[tuple[str, str | None]]:
    """Return code and place of each issue of an OperationOutcome."""
    assert answer.headers["content-type"] == "application/fhir+json"
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    return [(issue["code"], issue.get("expression", [None])[0]) for issue in body["issue"]]


def test_a_consent_is_read_with_its_version(api: Api) -> None:
    answer = api.consent()

    assert answer.status_code == 200
    assert answer.headers["etag"] == f'W/"{answer.json()["meta"]["versionId"]}"'
    assert answer.json()["patient"]["reference"] == f"Patient/{api.patient}"


def test_a_search_by_patient_gives_a_search_set(api: Api) -> None:
    for reference in (api.patient, f"Patient/{api.patient}"):
        bundle = api.ask("GET", f"Consent?patient={reference}").json()
        assert (bundle["type"], bundle["total"]) == ("searchset", 1)
        assert bundle["entry"][0]["fullUrl"] == f"{BASE}/Consent/{api.patient}"
    assert api.ask("GET", "Consent?patient=nobody").json() == {"resourceType": "Bundle", "type": "searchset", "total": 0}


@pytest.mark.parametrize("query", ["", "?patient=", "?patient=x&status=active", "?_count=5"])
def test_a_search_of_everybody_or_by_anything_else_is_refused(api: Api, query: str) -> None:
    for type_ in ("Consent", "CareTeam"):
        answer = api.ask("GET", f"{type_}{query}")
        assert (answer.status_code, issues(answer)) == (400, [("not-supported", None)])


def test_an_update_takes_effect_and_gives_the_new_version(api: Api) -> None:
    before = api.consent()

    answer = api.ask("PUT", f"Consent/{api.patient}", with_permit(before.json()), If_Match=before.headers["etag"])

    assert answer.status_code == 200
    assert answer.headers["etag"] == api.consent().headers["etag"] != before.headers["etag"]
    assert api.level("50") == "basic"


def test_putting_back_what_was_read_keeps_the_version(api: Api) -> None:
    api.world.link("50", "private-medical")
    before = api.consent()

    answer = api.ask("PUT", f"Consent/{api.patient}", before.json(), If_Match=before.headers["etag"])

    assert (answer.status_code, answer.json()) == (200, before.json())


def test_an_update_of_another_version_is_refused_and_one_without_a_version_too(api: Api) -> None:
    api.world.link("50", "basic")
    body = with_permit(api.consent().json(), "50", "circle", "trust-group", "provider-and-trust-group")

    stale = api.ask("PUT", f"Consent/{api.patient}", body, If_Match='W/"0"')
    blind = api.ask("PUT", f"Consent/{api.patient}", body)
    again = api.ask("POST", "Consent", body)

    assert [(one.status_code, issues(one)) for one in (stale, blind, again)] == [
        (412, [("conflict", None)]),
        (428, [("conflict", None)]),
        (409, [("conflict", None)]),
    ]
    assert api.level("50") == "basic"


def test_a_first_consent_is_created(api: Api) -> None:
    body = with_permit(api.consent().json())
    del body["id"]

    answer = api.ask("POST", "Consent", body)

    assert (answer.status_code, answer.headers["location"]) == (201, f"/fhir/Consent/{api.patient}")
    assert api.level("50") == "basic"


def test_everything_that_can_not_be_carried_out_is_named_with_its_place(api: Api) -> None:
    body = with_permit(api.consent().json(), "50", "trust-group")
    body["provision"]["provision"][0]["data"] = []
    body["status"] = "draft"

    answer = api.ask("POST", "Consent", body)
    body["status"] = "active"
    later = api.ask("POST", "Consent", body)

    assert (answer.status_code, issues(answer)) == (422, [("not-supported", "Consent.status")])
    nested = "Consent.provision.provision[0]"
    assert issues(later) == [("not-supported", f"{nested}.data"), ("not-supported", f"{nested}.securityLabel")]
    assert api.level("50") is None


def test_an_unknown_actor_and_an_unknown_patient_are_refused(api: Api) -> None:
    body = with_permit(api.consent().json(), "nobody knows")
    assert issues(api.ask("POST", "Consent", body)) == [
        ("not-found", "Consent.provision.provision.where(type='permit')[0].actor")
    ]

    answer = api.ask("POST", "Consent", {**body, "patient": {"reference": "Patient/nobody"}})

    assert (answer.status_code, issues(answer)) == (422, [("not-found", "Consent.patient")])


def test_an_update_under_another_id_is_refused(api: Api) -> None:
    body = with_permit(api.consent().json())

    answer = api.ask("PUT", "Consent/other", {**body, "id": "other"}, If_Match='W/"0"')

    assert (answer.status_code, issues(answer)) == (400, [("value", None)])


def test_a_care_team_is_read_and_searched(api: Api) -> None:
    bundle = api.ask("GET", f"CareTeam?patient={api.patient}").json()
    team = bundle["entry"][0]["resource"]

    answer = api.ask("GET", f"CareTeam/{team['id']}")

    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, team, 'W/"1"')
    assert api.ask("GET", "CareTeam/other").status_code == 404


@pytest.mark.parametrize("path", ["Consent/unknown", "Patient", "Consent/x/_history", "Consent/%00", "CareTeam/%00"])
def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    answer = api.ask("GET", path)

    assert (answer.status_code, issues(answer)) == (404, [("not-found", None)])


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic dXNlcjpwYXNz"])
def test_without_the_operators_token_nothing_is_said(api: Api, header: str) -> None:
    answer = api.ask("GET", f"Consent/{api.patient}", Authorization=header)

    assert (answer.status_code, issues(answer)) == (401, [("login", None)])
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/fhir+json", 400),
        (b"[]", "application/fhir+json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * (BODY_BYTES + 1), "application/fhir+json", 413),
        (b'{"a":"\\u0000"}', "application/fhir+json", 400),
    ],
)
def test_a_body_that_is_no_resource_is_refused(api: Api, content: bytes, kind: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}

    answer = httpx2.post(f"{api.address}/fhir/Consent", content=content, headers=headers, trust_env=False)

    assert answer.status_code == status
    assert issues(answer)


DEPTHS = [DEEPEST, 100, 500, 900, 1_000, 5_000, 100_000]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("path", ["Consent", "CareTeam"])
def test_nesting_of_any_depth_is_refused_in_words(api: Api, path: str, depth: int) -> None:
    deep = b'{"resourceType":"Consent","id":"x","patient":{"reference":' + b"[" * depth + b"]" * depth + b"}}"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"}

    answer = httpx2.put(f"{api.address}/fhir/{path}/x", content=deep, headers=headers, trust_env=False)

    assert (answer.status_code, issues(answer)) == (400, [("structure", None)])


def test_a_care_team_is_updated_with_its_version_and_refused_without_or_with_another(api: Api) -> None:
    api.world.link("50", "basic")
    team = api.ask("GET", f"CareTeam?patient={api.patient}").json()["entry"][0]["resource"]
    team["participant"][0]["role"][0]["coding"][0]["code"] = "private-medical"
    path, version = f"CareTeam/{team['id']}", f'W/"{team["meta"]["versionId"]}"'

    assert api.ask("PUT", path, team).status_code == 428
    assert api.ask("PUT", path, team, If_Match='W/"0"').status_code == 412
    done = api.ask("PUT", path, team, If_Match=version)

    assert (done.status_code, api.level("50")) == (200, "private-medical")
    assert done.headers["etag"] == api.ask("GET", path).headers["etag"] != version


def test_a_care_team_that_is_not_there_or_is_refused_is_told_in_an_outcome(api: Api) -> None:
    team = api.ask("GET", f"CareTeam?patient={api.patient}").json()["entry"][0]["resource"]
    path, version = f"CareTeam/{team['id']}", f'W/"{team["meta"]["versionId"]}"'

    unknown = api.ask("PUT", path, {**team, "category": []}, If_Match=version)
    elsewhere = api.ask("PUT", "CareTeam/other", {**team, "id": "other"}, If_Match=version)
    created = api.ask("POST", "CareTeam", team)

    assert (unknown.status_code, issues(unknown)) == (422, [("not-supported", "CareTeam.category")])
    assert (elsewhere.status_code, issues(elsewhere)) == (404, [("not-found", None)])
    assert (created.status_code, issues(created)) == (405, [("not-supported", None)])
    assert "letter" in created.json()["issue"][0]["diagnostics"]


def test_metadata_says_what_there_is_and_nothing_else(api: Api) -> None:
    statement = api.ask("GET", "metadata").json()

    assert (statement["resourceType"], statement["fhirVersion"], statement["kind"]) == (
        "CapabilityStatement",
        "4.0.1",
        "instance",
    )
    said = {one["type"]: {code["code"] for code in one["interaction"]} for one in statement["rest"][0]["resource"]}
    there = {
        type_: {
            name
            for name, method, path in (
                ("read", "GET", f"{type_}/x"),
                ("search-type", "GET", type_),
                ("create", "POST", type_),
                ("update", "PUT", f"{type_}/x"),
                ("delete", "DELETE", f"{type_}/x"),
                ("patch", "PATCH", f"{type_}/x"),
            )
            if _is_there(api.ask(method, path))
        }
        for type_ in ("Consent", "CareTeam", "Patient")
    }
    assert there == {**said, "Patient": set()}


def _is_there(answer: httpx2.Response) -> bool:
    told = answer.json()["issue"][0]["diagnostics"]
    return answer.status_code != 405 and "see metadata" not in told
