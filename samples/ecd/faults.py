"""Faults that a test asks for: what goes wrong with which path, and how often."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from samples.ecd import envelopes

KINDS = frozenset({"down", "401", "429", "503", "truncate", "reset", "slow_header", "hold"})

#: Nothing is held longer than this, also when a test forgets to let go.
LONGEST_S = 30.0


@dataclass(slots=True, kw_only=True)
class Fault:
    """``times`` counts down to nothing; ``seconds`` is for ``slow_header``."""

    path: re.Pattern[str]
    kind: str
    times: int
    seconds: float = 5.0


class Faults:
    """The faults that are waiting, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._release = asyncio.Event()

    def add(self, fault: Fault) -> None:
        if fault.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(sorted(KINDS))}")
        if fault.kind == "hold":
            self._release.clear()
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget every fault and let go of what is held."""
        self._waiting.clear()
        self._release.set()

    def take(self, path: str) -> Fault | None:
        """Return the fault for a request to this path, and count it."""
        for fault in self._waiting:
            if fault.times > 0 and fault.path.search(path):
                fault.times -= 1
                return fault
        return None

    async def answer(self, fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request the way the fault says."""
        if fault.kind == "down":
            await _drop(send)
        elif fault.kind in {"401", "429", "503"}:
            await _refusal(fault.kind)(scope, receive, send)
        elif fault.kind in {"truncate", "reset"}:
            await _cut(app, scope, receive, send, drop=fault.kind == "reset")
        else:
            await self._wait(fault)
            await app(scope, receive, send)

    async def _wait(self, fault: Fault) -> None:
        if fault.kind == "slow_header":
            await asyncio.sleep(min(fault.seconds, LONGEST_S))
            return
        try:
            await asyncio.wait_for(self._release.wait(), LONGEST_S)
        except TimeoutError:
            return


def _refusal(kind: str) -> ASGIApp:
    answers = {"401": envelopes.problem(401, "Unauthorized"), "429": envelopes.too_many(), "503": envelopes.unavailable()}
    return answers[kind]


async def _drop(send: Send) -> None:
    """Break the connection off without a word, as a server that is gone."""
    transport: Any = getattr(send, "__self__").transport  # noqa: B009 - Send is a bound method of uvicorn's request
    transport.abort()
    await asyncio.sleep(0)


async def _cut(app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, drop: bool) -> None:
    """Send a good half of the answer, up to the middle of a line; then end it as if complete, or drop the connection."""
    start: list[Message] = []
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    headers = [pair for pair in start[0]["headers"] if pair[0].lower() != b"content-length"]
    await send({**start[0], "headers": headers})
    await send({"type": "http.response.body", "body": bytes(body[: _middle(bytes(body))]), "more_body": drop})
    if drop:
        await _drop(send)


def _middle(body: bytes) -> int:
    """Return a place past the half that is not the end of a line."""
    place = len(body) // 2
    while 0 < place < len(body) and body[place - 1 : place] in {b"\n", b"}"}:
        place += 1
    return place
