"""Answers in FHIR: resources, search sets, and refusals as OperationOutcome."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from gateway.canonical import BASE
from gateway.consentfhir.issues import Issue
from gateway.jsonbytes import dumps

MEDIA_TYPE: Final = "application/fhir+json"
HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Refused(Exception):
    """The request gets this answer instead."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def answer(status: HTTPStatus, body: dict[str, Any], **headers: str) -> Response:
    """Return a resource; ``headers`` with ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(dumps(body), status_code=status.value, media_type=MEDIA_TYPE, headers={**HEADERS, **named})


def versioned(status: HTTPStatus, body: dict[str, Any], **headers: str) -> Response:
    """Return a resource with its version as ETag."""
    return answer(status, body, ETag=etag(body), **headers)


def etag(body: dict[str, Any]) -> str:
    """Return the weak ETag of a resource."""
    return f'W/"{body["meta"]["versionId"]}"'


def found(type_: str, bodies: Sequence[dict[str, Any]]) -> Response:
    """Return what a search found."""
    entries = [{"fullUrl": f"{BASE}/{type_}/{body['id']}", "resource": body, "search": {"mode": "match"}} for body in bodies]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return answer(HTTPStatus.OK, {**bundle, **({"entry": entries} if entries else {})})


def outcome(status: HTTPStatus, code: str, text: str, **headers: str) -> Response:
    """Return a refusal with one reason; ``code`` is of FHIR's IssueType."""
    return _outcome(status, [{"severity": "error", "code": code, "diagnostics": text}], **headers)


def unacceptable(issues: Sequence[Issue]) -> Response:
    """Return everything that stands in the way of carrying out a resource, each with its place."""
    told = [{"severity": "error", "code": issue.code, "diagnostics": issue.text, "expression": [issue.at]} for issue in issues]
    return _outcome(HTTPStatus.UNPROCESSABLE_ENTITY, told)


def _outcome(status: HTTPStatus, issues: Sequence[dict[str, Any]], **headers: str) -> Response:
    return answer(status, {"resourceType": "OperationOutcome", "issue": list(issues)}, **headers)
