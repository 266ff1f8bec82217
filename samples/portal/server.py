"""The server process: one socket on loopback, an address file when it listens, connections that can be dropped."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class DroppableProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose requests carry the means to break off their own connection."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        state: dict[str, Any] = self.scope["state"]
        state["drop"] = self.transport.abort


class Dropped(Response):
    """No answer at all: the connection is reset, as when a network fails."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Reset, and wait until the server has noticed."""
        scope["state"]["drop"]()
        while (await receive())["type"] != "http.disconnect":
            pass


class Announcing(uvicorn.Server):
    """A server that writes its address down once it listens."""

    def __init__(self, config: uvicorn.Config, ready: Path | None, address: dict[str, object]) -> None:
        super().__init__(config)
        self._ready = ready
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then announce it."""
        await super().startup(sockets)
        if self._ready is not None:
            write_atomically(self._ready, json.dumps(self._address))


def write_atomically(path: Path, text: str) -> None:
    """Let a reader see the whole file or none."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def listening(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes a free one."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    server.setblocking(False)
    return server


def serve(app: ASGIApp, bound: socket.socket, ready: Path | None) -> None:
    """Serve until a signal says stop."""
    config = uvicorn.Config(
        app,
        http=DroppableProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    port: int = bound.getsockname()[1]
    Announcing(config, ready, {"port": port}).run(sockets=[bound])
