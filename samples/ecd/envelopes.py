"""The ECD's error answers. It has four shapes of them, and which one comes depends on the part of the product that answers."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import HTMLResponse, Response


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def bad_field(field: str, message: str) -> Response:
    """400 of the streams: a list of fields."""
    entries = [{"field": field, "value": None, "message": message}]
    return _json({"errorResponseEntries": entries}, 400)


def problem(status: int, title: str) -> Response:
    """The newer parts: shaped like RFC 9457, but served as plain JSON."""
    return _json({"type": "about:blank", "title": title, "status": status, "detail": title}, status)


def kamino(status: int, message: str) -> Response:
    """The router: no such path, no such method."""
    return _json({"code": status, "error": "kamino.Error", "message": message}, status)


def invalid(field: str, message: str) -> Response:
    """422 of the parts built on openEHR: validation errors by path."""
    return _json({"message": "validation failed", "validationErrors": [{"aqlPath": f"/{field}", "message": message}]}, 422)


def no_certificate() -> Response:
    """What nginx says before the product is reached: no or a wrong client certificate."""
    page = "<html><head><title>400 The SSL certificate error</title></head><body><center>nginx</center></body></html>"
    return HTMLResponse(page, 495)


def unavailable() -> Response:
    """What stands there while the product is being updated."""
    return HTMLResponse("<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>", 503)


def too_many() -> Response:
    """A fifth request at once: bare, without Retry-After."""
    return Response(status_code=429)
