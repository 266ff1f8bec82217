"""Routes for tests and the demo, under ``/_sample/``: faults, changes, the clock, and what the server knows."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from samples.ecd import changes
from samples.ecd.faults import Fault
from samples.ecd.gate import Gate
from samples.ecd.links import LEVELS, link
from samples.ecd.office import Office
from samples.ecd.records import World
from samples.ecd.times import stamp

Endpoint = Callable[[Request], Awaitable[Response]]


def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")


def _judged(endpoint: Endpoint) -> Endpoint:
    """Answer 400 with the reason when a test asks for something that cannot be."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (ValueError, TypeError, LookupError, re.error) as error:
            return Response(msgspec.json.encode({"error": str(error)}), 400, media_type="application/json")

    return answer


async def _faults(request: Request) -> Response:
    asked = msgspec.json.decode(await request.body())
    fault = Fault(
        path=re.compile(asked["path"]),
        kind=str(asked["kind"]),
        times=int(asked.get("times", 1)),
        seconds=float(asked.get("seconds", 5)),
    )
    _gate(request).faults.add(fault)
    return _json({"kind": fault.kind, "times": fault.times})


async def _clear(request: Request) -> Response:
    _gate(request).faults.clear()
    return _json({"faults": 0})


async def _clock(request: Request) -> Response:
    office = _office(request)
    now = datetime.fromisoformat(msgspec.json.decode(await request.body())["now"])
    if now.tzinfo is None:
        raise ValueError("now carries an offset")
    office.set_clock(now)
    office.publish()
    return _json({"now": stamp(office.world.now)})


async def _change(request: Request) -> Response:
    office = _office(request)
    asked = msgspec.json.decode(await request.body() or b"{}")
    done = changes.change(office.world, **_amount(office.world, asked), seed=int(asked.get("seed", 1)), ops=asked.get("ops"))
    office.publish()
    return _json({"now": stamp(office.world.now), "changes": [asdict(item) for item in done]})


def _amount(world: World, asked: dict[str, Any]) -> dict[str, int]:
    """Return how many changes: a count, or a share of the reports, plans, agenda and relations."""
    if "count" in asked:
        return {"count": int(asked["count"])}
    records = sum(len(world[stream]) for stream in ("reports", "care_plans", "agenda", "relations"))
    return {"count": max(1, round(records * float(asked["share"])))}


async def _plant(request: Request) -> Response:
    office = _office(request)
    asked = msgspec.json.decode(await request.body())
    done = changes.plant(office.world, str(asked["what"]), client=asked.get("client"))
    office.publish()
    return _json({"now": stamp(office.world.now), "changes": [asdict(item) for item in done]})


async def _links(request: Request) -> Response:
    return Response(_office(request).links_bytes(), media_type="application/x-ndjson")


async def _level(request: Request) -> Response:
    """Change a level, or take a link away (``"level": null``), so that the truth follows what was done at the gateway."""
    office = _office(request)
    asked = msgspec.json.decode(await request.body())
    key = f"{asked['client']}/{asked['person']}"
    if asked["level"] not in {*LEVELS, None}:
        raise ValueError("no such level")
    links = {one.member_key: one for one in office.world.links}
    links.pop(key, None) if asked["level"] is None else links.update({key: _relinked(office.world, key, asked["level"])})
    office.world.links = list(links.values())
    office.publish()
    return _json({"member_key": key, "level": asked["level"]})


def _relinked(world: World, key: str, level: str) -> Any:
    client, person = key.split("/")
    relation = world["relations"].get(person)
    if relation is None or str(relation["clientId"]) != client:
        raise LookupError("no such relation of this client")
    account = next((one.account for one in world.links if one.member_key == key), f"account-{person}")
    return replace(link(relation, level, account))


async def _truth(request: Request) -> Response:
    return Response(_office(request).truth_bytes(), media_type="application/x-ndjson")


async def _stats(request: Request) -> Response:
    stats = _gate(request).stats
    return _json({name: getattr(stats, name) for name in stats.__slots__})


async def _now(request: Request) -> Response:
    return _json({"now": stamp(_office(request).world.now)})


ROUTES = [
    Route("/_sample/faults", _judged(_faults), methods=["POST"]),
    Route("/_sample/faults", _judged(_clear), methods=["DELETE"]),
    Route("/_sample/clock", _judged(_clock), methods=["POST"]),
    Route("/_sample/clock", _judged(_now), methods=["GET"]),
    Route("/_sample/change", _judged(_change), methods=["POST"]),
    Route("/_sample/plant", _judged(_plant), methods=["POST"]),
    Route("/_sample/links", _judged(_links), methods=["GET"]),
    Route("/_sample/links", _judged(_level), methods=["POST"]),
    Route("/_sample/truth", _judged(_truth), methods=["GET"]),
    Route("/_sample/stats", _judged(_stats), methods=["GET"]),
]
