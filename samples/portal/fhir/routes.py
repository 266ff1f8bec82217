"""The routes of the portal contract: token, sync status, and each member's FHIR base."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from functools import wraps
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from samples.portal.clock import parsed
from samples.portal.compartments import Version
from samples.portal.errors import DropConnection
from samples.portal.faults import Fault
from samples.portal.fhir import paths, searchset
from samples.portal.fhir.bundle import Write, read_transaction
from samples.portal.fhir.capability import capability_statement
from samples.portal.fhir.parameters import read_member
from samples.portal.fhir.query import Query, read_query
from samples.portal.fhir.refused import FHIR_JSON, Refused, entry_refused
from samples.portal.portal import Portal
from samples.portal.server import Dropped
from samples.portal.syncstatus import SyncReport
from samples.portal.token import TokenRefused

Handler = Callable[[Request], Awaitable[Response]]
LARGEST_BODY: Final = 32 * 1024 * 1024
ANSWERS: Final = {
    "401": ("login", "The token was not accepted."),
    "503": ("transient", "Out of order."),
    "429": ("throttled", "Too many requests."),
}


def portal_of(request: Request) -> Portal:
    """Return the portal that a request came to."""
    portal: Portal = request.app.state.portal
    return portal


def guarded(handler: Handler) -> Handler:
    """Check the bearer, let planned faults happen, and turn a refusal into its OperationOutcome."""

    @wraps(handler)
    async def checked(request: Request) -> Response:
        try:
            await require_bearer(request)
            if request.method == "GET":
                await misbehave(request, [request.url.path.removeprefix("/fhir/")])
            return await handler(request)
        except Refused as refusal:
            return refusal.response()
        except DropConnection:
            return Dropped()

    return checked


async def require_bearer(request: Request) -> None:
    """Refuse a request without a valid bearer token.

    Raises:
        Refused: 401, with the challenge of RFC 6750.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    known = scheme.lower() == "bearer" and await run_in_threadpool(portal_of(request).tokens.accepts, token.strip())
    if not known:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise Refused(401, "login", "A valid bearer token is needed.", headers=challenge)


async def misbehave(request: Request, targets: list[str], *, writing: bool = False) -> Fault | None:
    """Let a planned fault happen, and return it when its moment is later.

    Raises:
        Refused: the fault is an answer.
        DropConnection: the fault is to be down.
    """
    taken = portal_of(request).faults.take("fhir", targets, writing=writing)
    if taken is None:
        return None
    fault, index = taken
    if fault.kind == "down":
        raise DropConnection
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault.kind == "422-entry":
        raise entry_refused(index, 422, "processing", "This entry is not accepted.", ".resource")
    if fault.kind in ANSWERS:
        raise refusal_of(fault)
    return fault


def refusal_of(fault: Fault) -> Refused:
    """Return the answer that a fault stands for."""
    code, text = ANSWERS[fault.kind]
    wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return Refused(int(fault.kind), code, text, headers=wait)


async def body_of(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        Refused: larger than the portal takes, or of another kind than FHIR JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/fhir+json", "application/json"):
        raise Refused(415, "not-supported", "Send application/fhir+json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Refused(413, "too-long", "The request is too large.")
    return bytes(body)


@guarded
async def transact(request: Request) -> Response:
    """``POST {base}/fhir/{member}/``: carry out a transaction whole, or not at all."""
    member = request.path_params["member"]
    writes = read_transaction(await body_of(request))
    targets = [f"{member}/{write.target}" for write in writes] or [member]
    fault = await misbehave(request, targets, writing=True)
    answer = await run_in_threadpool(_apply, portal_of(request), member, writes)
    if fault is not None and fault.kind == "reset-after-write":
        raise DropConnection
    return Response(answer, media_type=FHIR_JSON)


def _apply(portal: Portal, member: str, writes: list[Write]) -> str:
    return searchset.transaction_response(portal.compartments.apply(member, writes))


@guarded
async def unshare(request: Request) -> Response:
    """``POST Type/id/$unshare``: take a resource away from the member; one that isn't there is no fault."""
    member, kind, identity = _key(request)
    if read_member(await body_of(request)) != member:
        raise Refused(400, "invalid", "The parameter member names another member than the base.", expression="Parameters")
    fault = await misbehave(request, [f"{member}/{kind}/{identity}"], writing=True)
    write = Write(index=0, type=kind, id=identity, expected=None, body=None)
    await run_in_threadpool(portal_of(request).compartments.apply, member, [write])
    if fault is not None and fault.kind == "reset-after-write":
        raise DropConnection
    return Response(status_code=204)


@guarded
async def read(request: Request) -> Response:
    """``GET Type/id``: the stored bytes; 410 once deleted, 404 when it was never there."""
    values = _key(request)
    version = await run_in_threadpool(portal_of(request).compartments.read, *values)
    return _one(version)


@guarded
async def read_version(request: Request) -> Response:
    """``GET Type/id/_history/n``."""
    values = (*_key(request), int(request.path_params["version"]))
    version = await run_in_threadpool(portal_of(request).compartments.read_version, *values)
    return _one(version)


@guarded
async def history(request: Request) -> Response:
    """``GET Type/id/_history``: every write that was ever accepted."""
    versions = await run_in_threadpool(portal_of(request).compartments.history, *_key(request))
    if not versions:
        raise Refused(404, "not-found", "Never there.")
    return Response(searchset.history(_base(request), str(request.url), versions), media_type=FHIR_JSON)


@guarded
async def search(request: Request) -> Response:
    """``GET Type?_lastUpdated=…&_count=…``: what is there now, in order of acceptance, page by page."""
    query = read_query(request.query_params.multi_items())
    member, kind = request.path_params["member"], request.path_params["type"]
    found, total = await run_in_threadpool(_search, portal_of(request), member, kind, query)
    links = {"self": str(request.url)}
    if query.count and len(found) > query.count:
        found = found[: query.count]
        links["next"] = f"{_base(request)}/{kind}?{query.following(found[-1].seq)}"
    return Response(searchset.searchset(_base(request), links, total, found[: query.count]), media_type=FHIR_JSON)


def _search(portal: Portal, member: str, kind: str, query: Query) -> tuple[list[Version], int]:
    found = portal.compartments.search(member, kind, query.period, query.after, query.count + 1)
    return found, portal.compartments.count(member, kind, query.period)


@guarded
async def not_here(_request: Request) -> Response:
    """Every other way of writing: one transaction at a member's base is the only one."""
    raise Refused(405, "not-supported", "Write by a transaction Bundle at the member's base.", headers={"Allow": "GET"})


async def metadata(request: Request) -> Response:
    """``GET /fhir/metadata``: what this portal can do; open to all, as FHIR asks."""
    base = str(request.base_url).rstrip("/")
    return Response(json.dumps(capability_statement(base)), media_type=FHIR_JSON)


async def token(request: Request) -> Response:
    """``POST /token``: a bearer token for a signed assertion."""
    portal = portal_of(request)
    taken = portal.faults.take("token", ["token"])
    if taken is not None and taken[0].kind == "down":
        return Dropped()
    if taken is not None and taken[0].kind in ANSWERS:
        return refusal_of(taken[0]).response()
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    no_store = {"Cache-Control": "no-store"}
    try:
        return JSONResponse(await run_in_threadpool(portal.tokens.issue, form), headers=no_store)
    except TokenRefused as refusal:
        answer = {"error": refusal.error, "error_description": refusal.reason}
        return JSONResponse(answer, refusal.status, no_store)


@guarded
async def sync_status(request: Request) -> Response:
    """``POST /sync-status``: until when the pages are up to date, and when the next slot is."""
    try:
        report = msgspec.json.decode(await body_of(request), type=SyncReport)
        await run_in_threadpool(portal_of(request).sync.set, report)
    except (ValueError, msgspec.DecodeError) as error:
        raise Refused(400, "value", "last and next are instants with an offset.") from error
    return Response(status_code=204)


def _key(request: Request) -> tuple[str, str, str]:
    values = request.path_params
    return values["member"], values["type"], values["id"]


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/fhir/{request.path_params['member']}"


def _one(version: Version | None) -> Response:
    if version is None:
        raise Refused(404, "not-found", "Never there.")
    if version.body is None:
        raise Refused(410, "deleted", "Deleted.", headers={"ETag": version.etag})
    return Response(version.body, headers={"ETag": version.etag, "Last-Modified": _http_date(version.at)}, media_type=FHIR_JSON)


def _http_date(at: str) -> str:
    return format_datetime(parsed(at), usegmt=True)


paths.register()
WRITES: Final = ["POST", "PUT", "PATCH", "DELETE"]
ROUTES: Final = [
    Route("/token", token, methods=["POST"]),
    Route("/sync-status", sync_status, methods=["POST"]),
    Route("/fhir/metadata", metadata),
    Route("/fhir/{member:id}", transact, methods=["POST"]),
    Route("/fhir/{member:id}/", transact, methods=["POST"]),
    Route("/fhir/{member:id}/metadata", metadata),
    Route("/fhir/{member:id}/{type:kind}", search, methods=["GET"]),
    Route("/fhir/{member:id}/{type:kind}/{id:id}", read, methods=["GET"]),
    Route("/fhir/{member:id}/{type:kind}/{id:id}/_history", history, methods=["GET"]),
    Route("/fhir/{member:id}/{type:kind}/{id:id}/_history/{version:int}", read_version, methods=["GET"]),
    Route("/fhir/{member:id}/{type:kind}/{id:id}/$unshare", unshare, methods=["POST"]),
    Route("/fhir/{rest:path}", not_here, methods=WRITES),
]
