"""The routes of the FHIR interface: Consent read, searched, created and changed; CareTeam read, searched and changed; what there is.

All of it with the operator's token.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import psycopg
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from api.fhir.body import body_of, resource_of
from api.fhir.capability import capability_statement
from api.fhir.outcome import Refused, answer, found, outcome, unacceptable, versioned
from gateway.consentfhir.apply import Carried, put_consent
from gateway.consentfhir.issues import Issue, Unacceptable
from gateway.consentfhir.read import consent_id
from gateway.consentfhir.show import care_teams, consent, consents_of, has_client
from gateway.consentfhir.team import LINKING, has_team, put_care_team
from gateway.errors import Conflict, GatewayError, NotFound
from gateway.runtime import Gateway

BY: Final = "operator"
# What FHIR allows as an id: anything else is nobody's.
ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")

Handler = Callable[[Request, bytes], Response]

log = structlog.get_logger()


class FhirApi:
    """The interface over one gateway and all its organisations: an id tells whose it is."""

    def __init__(self, gateway: Gateway, organisations: Mapping[str, int], token: str) -> None:
        self._gateway = gateway
        self._orgs = tuple(organisations.values())
        self._token = token.encode()

    def routes(self) -> list[Route]:
        """Return the routes; they stand beside those of the operations pages."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/fhir/Consent", self._search_consents),
            ("POST", "/fhir/Consent", self._create),
            ("GET", "/fhir/Consent/{id}", self._read_consent),
            ("PUT", "/fhir/Consent/{id}", self._update),
            ("GET", "/fhir/CareTeam", self._search_teams),
            ("GET", "/fhir/CareTeam/{id}", self._read_team),
            ("PUT", "/fhir/CareTeam/{id}", self._update_team),
            ("POST", "/fhir/CareTeam", _no_create),
            ("GET", "/fhir/metadata", _metadata),
        ]
        routes = [Route(path, self._answered(handler), methods=[method]) for method, path, handler in table]
        return [*routes, Route("/fhir/{rest:path}", self._answered(_nothing), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]

    def _answered(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint: who calls, then the answer or the refusal."""

        async def endpoint(request: Request) -> Response:
            try:
                self._check(request)
                body = await body_of(request)
                return await run_in_threadpool(handler, request, body)
            except ClientDisconnect:
                return Response(status_code=HTTPStatus.BAD_REQUEST)
            except Refused as refused:
                return refused.response
            except Unacceptable as refused:
                return unacceptable(refused.issues)
            except GatewayError as error:
                return _refusal(error)
            except psycopg.Error as error:
                log.error("fhir_api.no_database", error=type(error).__name__)  # noqa: TRY400 - a driver's text may quote rows
                return _refusal(GatewayError("the database gave no answer"))

        return endpoint

    def _check(self, request: Request) -> None:
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(presented.strip().encode(), self._token):
            text = "send the operator's token as Authorization: Bearer ..."
            raise Refused(outcome(HTTPStatus.UNAUTHORIZED, "login", text, WWW_Authenticate='Bearer realm="fhir"'))

    def _search_consents(self, request: Request, _body: bytes) -> Response:
        patient = _patient(request)
        return found("Consent", [body for org in self._orgs for body in consents_of(self._gateway, org, patient, by=BY)])

    def _search_teams(self, request: Request, _body: bytes) -> Response:
        patient = _patient(request)
        bodies = [body for org in self._orgs for body in care_teams(self._gateway, org, patient=patient, by=BY)]
        return found("CareTeam", bodies)

    def _read_consent(self, request: Request, _body: bytes) -> Response:
        id_ = request.path_params["id"]
        return versioned(HTTPStatus.OK, consent(self._gateway, self._org_of(id_.partition(".")[0]), id_, by=BY))

    def _read_team(self, request: Request, _body: bytes) -> Response:
        id_ = request.path_params["id"]
        for org in self._orgs if ID.fullmatch(id_) else ():
            for body in care_teams(self._gateway, org, id_=id_, by=BY):
                return versioned(HTTPStatus.OK, body)
        raise NotFound("there is no such CareTeam")

    def _create(self, request: Request, body: bytes) -> Response:
        carried = self._put(resource_of(request, body), None)
        return versioned(HTTPStatus.CREATED, carried.body, Location=f"/fhir/Consent/{carried.body['id']}")

    def _update(self, request: Request, body: bytes) -> Response:
        resource, id_ = resource_of(request, body), request.path_params["id"]
        if resource.get("id") != id_ or consent_id(resource) != id_:
            text = "the id is that of the Patient, or what a search gives for a consent of another registry"
            raise Refused(outcome(HTTPStatus.BAD_REQUEST, "value", text))
        version = _version(request)
        with _made_from(version):
            carried = self._put(resource, version)
        return versioned(HTTPStatus.OK, carried.body)

    def _update_team(self, request: Request, body: bytes) -> Response:
        resource, id_ = resource_of(request, body), request.path_params["id"]
        if resource.get("id") != id_:
            raise Refused(outcome(HTTPStatus.BAD_REQUEST, "value", "the id in the body is that of the address"))
        version = _version(request)
        for org in self._orgs:
            if has_team(self._gateway, org, id_):
                with _made_from(version):
                    return versioned(HTTPStatus.OK, put_care_team(self._gateway, org, resource, version=version, by=BY))
        raise NotFound(f"there is no such CareTeam. {LINKING}")

    def _put(self, resource: dict[str, Any], version: str | None) -> Carried:
        patient = consent_id(resource).partition(".")[0]
        try:
            org = self._org_of(patient)
        except NotFound as error:
            raise Unacceptable(Issue(code="not-found", at="Consent.patient", text=str(error))) from None
        return put_consent(self._gateway, org, resource, version=version, by=BY)

    def _org_of(self, patient: str) -> int:
        """Return the organisation that has the client with this Patient.

        Raises:
            NotFound: none has.
        """
        for org in self._orgs if ID.fullmatch(patient) else ():
            if has_client(self._gateway, org, patient):
                return org
        raise NotFound("no client with this Patient is known")


def _nothing(_request: Request, _body: bytes) -> Response:
    raise NotFound(
        "there are Consent and CareTeam, searched by patient, read and updated by id, a Consent also created; see metadata"
    )


def _no_create(_request: Request, _body: bytes) -> Response:
    text = f"a CareTeam is changed with PUT CareTeam/id and not created. {LINKING}"
    return outcome(HTTPStatus.METHOD_NOT_ALLOWED, "not-supported", text, Allow="GET")


def _metadata(_request: Request, _body: bytes) -> Response:
    return answer(HTTPStatus.OK, capability_statement())


@contextmanager
def _made_from(version: str | None) -> Iterator[None]:
    """Answer who changes another version than there is, or doesn't say which."""
    try:
        yield
    except Conflict as error:
        status = HTTPStatus.PRECONDITION_REQUIRED if version is None else HTTPStatus.PRECONDITION_FAILED
        raise Refused(outcome(status, "conflict", str(error))) from None


def _patient(request: Request) -> str:
    """Return the id of the Patient that a search is about; a search of everybody's is refused, and so is what we don't know."""
    unknown = request.query_params.keys() - {"patient", "_format"}
    value = request.query_params.get("patient", "").removeprefix("Patient/")
    if unknown or not value:
        raise Refused(outcome(HTTPStatus.BAD_REQUEST, "not-supported", "search by patient=Patient/id and nothing else"))
    if not ID.fullmatch(value):
        raise Refused(
            outcome(HTTPStatus.BAD_REQUEST, "value", "patient is the id of a Patient: letters, digits, - and ., 64 at most")
        )
    return value


def _version(request: Request) -> str | None:
    """Return the version in If-Match."""
    given = request.headers.get("if-match")
    return None if given is None else given.strip().removeprefix("W/").strip('"')


def _refusal(error: GatewayError) -> Response:
    if isinstance(error, NotFound):
        return outcome(HTTPStatus.NOT_FOUND, "not-found", str(error))
    if isinstance(error, Conflict):
        return outcome(HTTPStatus.CONFLICT, "conflict", str(error))
    log.error("fhir_api.failed", code=error.code)
    return outcome(
        HTTPStatus.SERVICE_UNAVAILABLE, "transient", "this can't be done at the moment; try again in a while", Retry_After="30"
    )
