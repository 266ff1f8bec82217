"""The ECD's own routes: streams as lines of JSON, care plans and agenda by client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, timedelta

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from samples.ecd import admin, envelopes
from samples.ecd.faults import Faults
from samples.ecd.gate import Gate
from samples.ecd.office import Office
from samples.ecd.records import Record, World
from samples.ecd.times import at, from_wall, parse

STREAMED = ("clients", "relations", "employees", "reports")

#: The stream is sent in pieces of this size, whatever line they end in.
CHUNK = 16_384


def build(office: Office, certificate: str) -> Gate:
    """Return the whole server."""
    routes = [
        Route("/ping", _ping),
        Route("/v0/xstream/{stream}/data", _data),
        Route("/v0/xstream/{stream}/updates", _updates),
        Route("/v0/xstream/{stream}/deletes", _deletes),
        Route("/v0/administration/clients/{client:int}", _client),
        Route("/v0/administration/dossier/care_plans/by_client/{client:int}", _care_plans),
        Route("/v0/agenda/clients/{client:int}/agenda_occurrences", _agenda),
        *admin.ROUTES,
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_route})
    app.state.office = office
    gate = Gate(app=app, certificate=certificate, faults=Faults())
    app.state.gate = gate
    return gate


def _world(request: Request) -> World:
    office: Office = request.app.state.office
    return office.world


async def _no_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return envelopes.kamino(status, "no such resource")


async def _ping(_: Request) -> Response:
    return Response(b"pong", media_type="text/plain")


async def _data(request: Request) -> Response:
    stream = request.path_params["stream"]
    if stream not in STREAMED:
        return envelopes.kamino(404, "no such stream")
    return _lines(_world(request)[stream].all())


async def _updates(request: Request) -> Response:
    """Everything changed at or after ``since``, in the order of the ids, which is not that of the changes."""
    stream = request.path_params["stream"]
    if stream not in STREAMED:
        return envelopes.kamino(404, "no such stream")
    since = _since(request)
    if isinstance(since, Response):
        return since
    return _lines(record for record in _world(request)[stream].all() if parse(record["updatedAt"]) >= since)


async def _deletes(request: Request) -> Response:
    """Only clients tell what was deleted."""
    if request.path_params["stream"] != "clients":
        return envelopes.kamino(404, "no such stream")
    since = _since(request)
    if isinstance(since, Response):
        return since
    return _lines(gone for gone in _world(request).client_deletes if parse(gone["deletedAt"]) >= since)


def _since(request: Request) -> datetime | Response:
    text = request.query_params.get("since")
    if text is None:
        return envelopes.bad_field("since", "may not be null")
    try:
        return from_wall(text)
    except ValueError:
        return envelopes.bad_field("since", "is not a local date time")


def _lines(records: Iterable[Record]) -> Response:
    return StreamingResponse(_pieces(records), media_type="application/x-ndjson")


async def _pieces(records: Iterable[Record]) -> AsyncIterator[bytes]:
    """Yield the records as lines, in pieces that break anywhere."""
    encode = msgspec.json.Encoder().encode
    waiting = bytearray()
    for record in records:
        waiting += encode(record) + b"\n"
        if len(waiting) >= CHUNK:
            yield bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
    yield bytes(waiting)


async def _client(request: Request) -> Response:
    record = _world(request)["clients"].get(str(request.path_params["client"]))
    return envelopes.problem(404, "Client not found") if record is None else _json(record)


async def _care_plans(request: Request) -> Response:
    client = request.path_params["client"]
    if str(client) not in _world(request)["clients"]:
        return envelopes.problem(404, "Client not found")
    return _json({"carePlans": _world(request)["care_plans"].of_client(client)})


async def _agenda(request: Request) -> Response:
    """What overlaps the days from ``from`` up to, not including, ``to``."""
    client = request.path_params["client"]
    if str(client) not in _world(request)["clients"]:
        return envelopes.problem(404, "Client not found")
    try:
        begin, end = (date.fromisoformat(request.query_params[name]) for name in ("from", "to"))
    except (KeyError, ValueError):
        return envelopes.invalid("from", "from and to are dates")
    if end - begin > timedelta(days=366):
        return envelopes.invalid("to", "at most a year")
    found = _world(request)["agenda"].of_client(client)
    return _json({"agendaOccurrences": [record for record in found if overlaps(record, begin, end)]})


def overlaps(occurrence: Record, begin: date, end: date) -> bool:
    """Whether it takes place, for a part at least, on a day from ``begin`` up to, not including, ``end``."""
    return parse(occurrence["startsAt"]) < at(end, 0) and parse(occurrence["endsAt"]) > at(begin, 0)


def _json(body: Record) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
