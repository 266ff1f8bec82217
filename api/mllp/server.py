"""The MLLP server of one listener."""

from __future__ import annotations

import asyncio
import socket
import ssl

from api.mllp.connection import Connection, Line

# Half-open connections: the kernel asks after a minute of silence, and gives up on what isn't confirmed within one.
KEEPALIVE_S = 60
UNCONFIRMED_MS = 60_000


class MllpServer:
    """Serves one listener from ``start`` to ``stop``."""

    def __init__(self, line: Line, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._line = line
        self._listening = listening
        self._tls = tls
        self._server: asyncio.Server | None = None

    async def start(self, _tasks: asyncio.TaskGroup) -> None:
        """Begin to accept."""
        _notice_the_dead(self._listening)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self._line), sock=self._listening, ssl=self._tls)

    async def stop(self) -> None:
        """Accept and read no more; what was handed in is still answered."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._line.open_):
            connection.stop()


def _notice_the_dead(listening: socket.socket) -> None:
    """Set what accepted sockets inherit (socket(7), tcp(7))."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_S),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 6),
        ("TCP_USER_TIMEOUT", UNCONFIRMED_MS),
    ):
        if hasattr(socket, name):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
