"""What a request brings: one resource in JSON, no larger and no deeper than any that we carry out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.requests import Request

from api.fhir.outcome import Refused, outcome
from api.inbound.body import TooLarge, whole_body
from gateway.jsonbytes import DecodeError, loads

BODY_BYTES: Final = 256 * 1024
# A Consent with all that we know has nine levels.
DEEPEST: Final = 32
JSON_TYPES: Final = frozenset({"application/fhir+json", "application/json"})

log = structlog.get_logger()


async def body_of(request: Request) -> bytes:
    """Return what was sent. Of what is too large nothing is kept: who sent it hears so at once.

    Raises:
        Refused: it is too large.
    """
    try:
        return await whole_body(request, BODY_BYTES)
    except TooLarge as large:
        log.warning("fhir_api.oversize", bytes=large.announced, limit=BODY_BYTES)
        text = f"a request may have {BODY_BYTES} bytes"
        raise Refused(outcome(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-long", text)) from None


def resource_of(request: Request, body: bytes) -> dict[str, Any]:
    """Return the resource in a body.

    Raises:
        Refused: it isn't JSON, no resource, or nested deeper than any resource is.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in JSON_TYPES:
        raise Refused(outcome(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-supported", "send application/fhir+json"))
    try:
        resource = loads(body)
    except DecodeError:
        resource = None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(resource, dict):
        raise Refused(outcome(HTTPStatus.BAD_REQUEST, "structure", "the body should be one resource in JSON, in UTF-8"))
    _look_into(resource)
    return resource


def _look_into(resource: dict[str, Any]) -> None:
    """Look at every level without descending by calls: what was sent must not decide how deep we go."""
    level: list[Any] = [resource]
    for _ in range(DEEPEST):
        if any(isinstance(one, str) and "\0" in one for one in level):
            raise Refused(
                outcome(
                    HTTPStatus.BAD_REQUEST, "value", "a text has the character U+0000, which FHIR doesn't allow; leave it out"
                )
            )
        level = [part for one in level for part in _parts(one)]
    if level:
        raise _too_deep()


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _too_deep() -> Refused:
    text = f"the body is nested deeper than {DEEPEST} levels, which no resource that we carry out is; send it as a read gives it"
    return Refused(outcome(HTTPStatus.BAD_REQUEST, "structure", text))
