"""``POST /inbound/hl7v2``: one message or a batch in, one acknowledgement per message out, in order. 200 means: all of it is stored."""

from __future__ import annotations

import asyncio
import hmac
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from api.inbound.body import TooLarge, whole_body
from api.inbound.problem import problem
from gateway.config import HttpListenerConfig
from gateway.errors import Misconfigured
from gateway.intake.reception import Reception
from gateway.intake.writer import Writer

PATH: Final = "/inbound/hl7v2"
MEDIA_TYPES: Final = ("application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7", "text/plain")
RETRY_AFTER_S: Final = "5"
NOT_STORED: Final = "nothing can be stored at the moment; send the same again later: what was stored isn't doubled"
SHUTDOWN_S: Final = 3

log = structlog.get_logger()


class Refused(Exception):
    """The request gets this answer instead."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(slots=True, kw_only=True)
class Counter:
    """The one route of an HTTP listener."""

    config: HttpListenerConfig
    reception: Reception
    writer: Writer
    admits: Callable[[str], bool]
    busy: int = 0

    async def receive(self, request: Request) -> Response:
        """Take what was posted."""
        try:
            reception = self._authenticated(request)
            media_type = _media_type(request)
            with self._place():
                return await self._stored(reception, await self._body(request, reception), media_type)
        except Refused as refused:
            log.info("inbound.refused", listener=self.config.code, status=refused.response.status_code)
            return refused.response
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)

    async def _stored(self, reception: Reception, data: bytes, media_type: str) -> Response:
        # On a thread: a large batch is not to make the other connections wait.
        arrivals = await asyncio.to_thread(lambda: list(reception.units(data)))
        answers = await asyncio.gather(*(self.writer.answer(arrival) for arrival in arrivals))
        acks = [answer.ack for answer in answers if answer is not None]
        if len(acks) < len(answers):
            raise Refused(_unavailable(NOT_STORED))
        return Response(b"".join(acks), media_type=media_type)

    def _authenticated(self, request: Request) -> Reception:
        """Return the reception of who is speaking: a token's one source, or with a client certificate the listener's."""
        if request.client is None or not self.admits(request.client.host):
            raise Refused(problem(HTTPStatus.FORBIDDEN, "this address is not among the peers of this listener"))
        given = request.headers.get("authorization")
        if given is None and self.config.tls is not None and self.config.tls.client_ca is not None:
            return self.reception
        scheme, _, presented = (given or "").partition(" ")
        for source, path in self.config.bearer.items():
            if scheme.lower() == "bearer" and hmac.compare_digest(presented.strip().encode(), token_of(self.config.code, path)):
                return replace(self.reception, desk=self.reception.desk.only(source))
        detail = "send the token of a source as Authorization: Bearer ..."
        raise Refused(problem(HTTPStatus.UNAUTHORIZED, detail, WWW_Authenticate='Bearer realm="inbound"'))

    async def _body(self, request: Request, reception: Reception) -> bytes:
        try:
            body = await whole_body(request, self.config.max_bytes)
        except TooLarge as found:
            await self._keep_beginning(reception, found)
            raise Refused(_too_large(self.config.max_bytes)) from None
        if not body.strip():
            raise Refused(problem(HTTPStatus.BAD_REQUEST, "the request holds no message"))
        return body

    async def _keep_beginning(self, reception: Reception, found: TooLarge) -> None:
        """Keep the beginning of a request that is too large, as of such a message: that it came can be seen and is counted."""
        log.warning("inbound.oversize", listener=self.config.code, bytes=found.announced, limit=self.config.max_bytes)
        if await self.writer.answer(await asyncio.to_thread(reception.oversize, found.beginning)) is None:
            raise Refused(_unavailable(NOT_STORED))

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Hold one of the places of this listener while a request is read and stored."""
        if self.busy >= self.config.max_connections or self.writer.full:
            raise Refused(_unavailable("too much is being taken in at the moment; send again in a few seconds"))
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1


class Uvicorn(uvicorn.Server):
    """A server within our loop; signals are the process's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers as they are."""
        yield


class HttpServer:
    """Serves one listener from ``start`` to ``stop``."""

    def __init__(self, counter: Counter, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        for path in counter.config.bearer.values():
            token_of(counter.config.code, path)
        app = Starlette(routes=[Route(PATH, counter.receive, methods=["POST"])])
        settings: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off", "server_header": False}
        config = uvicorn.Config(app, timeout_graceful_shutdown=SHUTDOWN_S, **settings)
        config.load()
        config.ssl = tls
        self._server = Uvicorn(config)
        self._listening = listening
        self._task: asyncio.Task[None] | None = None

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to accept."""
        self._task = tasks.create_task(self._server.serve(sockets=[self._listening]))

    async def stop(self) -> None:
        """Accept nothing more; requests under way are answered."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


def token_of(listener: str, path: Path) -> bytes:
    """Return the token in a file. It is read anew for each request: a renewed one holds at once.

    Raises:
        Misconfigured: the file is missing or empty, or others may read it.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise Misconfigured(f"listener {listener}: others may read {path.name}; set its mode to 0600")
        token = path.read_bytes().strip()
    except OSError as error:
        raise Misconfigured(f"listener {listener}: {path.name} can't be read: {error.strerror}") from None
    if not token:
        raise Misconfigured(f"listener {listener}: {path.name} is empty; it should hold the token")
    return token


def _media_type(request: Request) -> str:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        accept = ", ".join(MEDIA_TYPES)
        raise Refused(problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send HL7 v2 in ER7 form as one of: {accept}", Accept=accept))
    return media_type


def _too_large(limit: int) -> Response:
    return problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"a request may have {limit} bytes; send less at a time. Its beginning is in quarantine",
    )


def _unavailable(detail: str) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, Retry_After=RETRY_AFTER_S)
