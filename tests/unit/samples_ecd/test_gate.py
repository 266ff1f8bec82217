"""Who has its whole answer has left, also while the server is still busy with the end of it."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope, Send

from samples.ecd.faults import Faults
from samples.ecd.gate import CERTIFICATE_HEADER, PARALLEL, Gate

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/v0/x", "headers": [(CERTIFICATE_HEADER.encode(), b"c")]}


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def statuses(visits: int) -> list[int]:
    """Let one request after another come, each when the one before has its whole answer; none of them is let end before the last has come."""
    over, told = asyncio.Event(), asyncio.Queue[Message]()

    async def lingering(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        await over.wait()

    gate = Gate(app=lingering, certificate="c", faults=Faults())
    found, open_visits = [], []
    for _ in range(visits):
        open_visits.append(asyncio.create_task(gate(SCOPE, never, told.put)))
        message = await told.get()
        found.append(message["status"])
        while message["type"] != "http.response.body" or message.get("more_body"):
            message = await told.get()
    over.set()
    await asyncio.gather(*open_visits)
    assert gate.stats.parallel == 0
    return found


def test_a_request_that_has_its_whole_answer_takes_no_place() -> None:
    assert asyncio.run(statuses(2 * PARALLEL)) == [200] * (2 * PARALLEL)
