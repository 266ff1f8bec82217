"""The front door: certificate, at most four requests at a time, faults, and counting."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from samples.ecd import envelopes
from samples.ecd.faults import Faults

PARALLEL = 4
CERTIFICATE_HEADER = "x-client-certificate"


@dataclass(slots=True)
class Stats:
    """What was asked for. ``requests`` counts by path with the ids taken out."""

    requests: Counter[str] = field(default_factory=Counter)
    parallel: int = 0
    max_parallel: int = 0
    refused_429: int = 0
    refused_495: int = 0
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class _Visit:
    """One request that was let in. It has left when its last byte has, not when the app is done with it: who has the whole answer may ask
    again at once, and the app takes a moment to end.
    """

    stats: Stats
    send: Send
    inside: bool = True

    @property
    def transport(self) -> Any:
        """The connection, for faults that break it off."""
        return getattr(self.send, "__self__").transport  # noqa: B009 - Send is a bound method of uvicorn's request

    async def told(self, message: Message) -> None:
        await self.send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.leave()

    def leave(self) -> None:
        self.stats.parallel -= self.inside
        self.inside = False


@dataclass(slots=True, kw_only=True)
class Gate:
    """Stands before the app; the test routes under ``/_sample`` go round it."""

    app: ASGIApp
    certificate: str
    faults: Faults
    stats: Stats = field(default_factory=Stats)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sample/"):
            await self.app(scope, receive, send)
        elif Request(scope).headers.get(CERTIFICATE_HEADER) != self.certificate:
            self.stats.refused_495 += 1
            await envelopes.no_certificate()(scope, receive, send)
        else:
            await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one more in, or turn it away; a request counts until its last byte is sent."""
        self.stats.requests[template(scope["path"])] += 1
        if self.stats.parallel >= PARALLEL:
            self.stats.refused_429 += 1
            await envelopes.too_many()(scope, receive, send)
            return
        self.stats.parallel += 1
        self.stats.max_parallel = max(self.stats.max_parallel, self.stats.parallel)
        visit = _Visit(stats=self.stats, send=send)
        try:
            await self._serve(scope, receive, visit.told)
        finally:
            visit.leave()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self.faults.take(scope["path"])
        if fault is None:
            await self.app(scope, receive, send)
            return
        self.stats.faults[fault.kind] += 1
        await self.faults.answer(fault, self.app, scope, receive, send)


def template(path: str) -> str:
    """Return the path with its numbers taken out: ``/v0/agenda/clients/{id}/agenda_occurrences``."""
    return re.sub(r"/\d+(?=/|$)", "/{id}", path)
