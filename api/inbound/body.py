"""The body of a request, read as far as its limit and no further."""

from __future__ import annotations

from starlette.requests import Request


class TooLarge(Exception):
    """A body is over its limit: ``beginning`` is as much as the limit allows, ``announced`` its whole size in bytes if it was told."""

    def __init__(self, beginning: bytes, announced: int | None) -> None:
        super().__init__()
        self.beginning = beginning
        self.announced = announced


async def whole_body(request: Request, limit: int) -> bytes:
    """Return the body, of at most ``limit`` bytes.

    Raises:
        TooLarge: it is larger; the rest of it isn't read.
        ClientDisconnect: it was cut off.
    """
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > limit:
            told = request.headers.get("content-length", "")
            raise TooLarge(bytes(parts[:limit]), int(told) if told.isdigit() else None)
    return bytes(parts)
