"""``/_sample``: what tests and the demonstration need beside the contract. No portal has these."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from typing import Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from samples.portal.accounts import AccountEntry
from samples.portal.compartments import Version
from samples.portal.faults import Fault
from samples.portal.portal import Portal

Handler = Callable[[Request], Awaitable[Response]]


def portal_of(request: Request) -> Portal:
    """Return the portal that a request came to."""
    portal: Portal = request.app.state.portal
    return portal


def controlled(handler: Handler) -> Handler:
    """Ask for the admin secret, when there is one, and answer bad input with 400."""

    @wraps(handler)
    async def checked(request: Request) -> Response:
        secret = portal_of(request).settings.admin_secret
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if secret is not None and not secrets.compare_digest(given.encode(), secret.encode()):
            return JSONResponse({"error": "the admin secret is needed"}, 401)
        try:
            return await handler(request)
        except (msgspec.DecodeError, re.error):
            return JSONResponse({"error": "not the shape that this takes"}, 400)

    return checked


@controlled
async def plan_fault(request: Request) -> Response:
    """``POST /_sample/faults``: misbehave from now on."""
    portal_of(request).faults.plan(msgspec.json.decode(await request.body(), type=Fault))
    return Response(status_code=204)


@controlled
async def list_faults(request: Request) -> Response:
    """``GET /_sample/faults``: what is still to happen."""
    return JSONResponse(msgspec.to_builtins(portal_of(request).faults.planned()))


@controlled
async def clear_faults(request: Request) -> Response:
    """``DELETE /_sample/faults``: behave from now on."""
    portal_of(request).faults.clear()
    return Response(status_code=204)


@controlled
async def set_accounts(request: Request) -> Response:
    """``POST /_sample/accounts`` adds or changes accounts; ``PUT`` makes these the only ones."""
    entries = msgspec.json.decode(await request.body(), type=list[AccountEntry])
    replace = request.method == "PUT"
    await run_in_threadpool(lambda: portal_of(request).accounts.set(entries, replace=replace))
    return JSONResponse({"accounts": len(entries)})


@controlled
async def dump(request: Request) -> Response:
    """``GET /_sample/dump``: every version ever accepted, a JSON line each, in order of acceptance."""
    return StreamingResponse(lines(portal_of(request)), media_type="application/x-ndjson")


def lines(portal: Portal) -> Iterator[str]:
    """Yield the dump."""
    return (json.dumps(as_record(version), ensure_ascii=False) + "\n" for version in portal.compartments.dump())


def as_record(version: Version) -> dict[str, object]:
    """Return a version as the dump shows it; ``body`` is the text received, so that its hash can be checked."""
    return {
        "seq": version.seq,
        "member": version.member,
        "type": version.type,
        "id": version.id,
        "version": version.version,
        "op": version.op,
        "at": version.at,
        "sha256": version.sha256,
        "body": None if version.body is None else version.body.decode(),
    }


@controlled
async def health(_request: Request) -> Response:
    """``GET /_sample/health``: it listens."""
    return JSONResponse({"ok": True})


ROUTES: Final = [
    Route("/_sample/faults", plan_fault, methods=["POST"]),
    Route("/_sample/faults", list_faults, methods=["GET"]),
    Route("/_sample/faults", clear_faults, methods=["DELETE"]),
    Route("/_sample/accounts", set_accounts, methods=["POST", "PUT"]),
    Route("/_sample/dump", dump, methods=["GET"]),
    Route("/_sample/health", health, methods=["GET"]),
]
