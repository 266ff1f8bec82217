"""The sample register over HTTP, and the door by which a test makes it fail and reads what it was asked."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from samples.mitz.register import Asked, Choice, decide

STATUS: Final = "urn:oasis:names:tc:xacml:1.0:status:"
ASKED: Final = {
    "bsn": "urn:oasis:names:tc:xacml:2.0:resource:resource-id",
    "provider": "urn:nl:otv:names:tc:1.0:subject:provider-institution",
    "category": "urn:nl:otv:names:tc:1.0:subject:consulting-healthcare-facility-type-code",
    "data": "urn:ihe:iti:appc:2016:document-entry:event-code",
}
REFUSALS: Final = {"unauthorised": 403, "throttled": 429, "down": 503, "unknown": 404}
LONG_S: Final = 60.0


class _Attribute(msgspec.Struct):
    AttributeId: str
    Value: dict[str, str]


class _Attributes(msgspec.Struct):
    Attribute: list[_Attribute]


class _Question(msgspec.Struct):
    Resource: list[_Attributes]
    Action: list[_Attributes]
    AccessSubject: list[_Attributes]


class _Body(msgspec.Struct):
    Request: _Question


class Register:
    """The register of one run: choices, the fault that is on, and all requests as they came."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.choices = choices
        self.fault = ""
        self.requests: list[dict[str, Any]] = []

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/closed-question", self.closed_question, methods=["POST"]),
                Route("/_sample/fault", self.misbehave, methods=["PUT"]),
                Route("/_sample/requests", self.seen),
            ]
        )

    async def closed_question(self, request: Request) -> Response:
        """Answer one question, or fail as was asked."""
        body = await request.body()
        self.requests.append(
            {
                "address": str(request.url),
                "headers": dict(request.headers),
                "body": base64.b64encode(body).decode(),
            }
        )
        if self.fault in REFUSALS:
            return Response(status_code=REFUSALS[self.fault], headers={"Retry-After": "7"})
        if self.fault == "slow":
            await asyncio.sleep(LONG_S)
        if self.fault == "garbled":
            return Response(b"<html>Inloggen</html>", media_type="text/html")
        if self.fault == "two":
            return _answer("Permit", "Permit")
        return _answer(self._decision(body))

    def _decision(self, body: bytes) -> str:
        try:
            asked = _asked(msgspec.json.decode(body, type=_Body).Request)
        except (msgspec.DecodeError, KeyError):
            return "Indeterminate"
        return decide(self.choices, asked)

    async def misbehave(self, request: Request) -> Response:
        """Fail in this way from now on; an empty text is to behave."""
        self.fault = (await request.body()).decode()
        return Response(status_code=204)

    async def seen(self, _request: Request) -> Response:
        """Tell every request as it came."""
        return JSONResponse(self.requests)


def _asked(question: _Question) -> Asked:
    groups = [*question.Resource, *question.Action, *question.AccessSubject]
    values = {one.AttributeId: one.Value for group in groups for one in group.Attribute}
    found = {name: values[attribute].get("extension") or values[attribute]["code"] for name, attribute in ASKED.items()}
    return Asked(**found)


def _answer(*decisions: str) -> Response:
    results = [
        {
            "Decision": decision,
            "Status": {"StatusCode": {"Value": STATUS + ("ok" if decision in ("Permit", "Deny") else "missing-attribute")}},
        }
        for decision in decisions
    ]
    return JSONResponse({"Response": results}, media_type="application/xacml+json")
