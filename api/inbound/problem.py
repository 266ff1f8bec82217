"""Refusals over HTTP, as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from gateway.jsonbytes import dumps


def problem(status: HTTPStatus, detail: str, *, code: str = "", **headers: str) -> Response:
    """Return a refusal that says what is wrong and what to do, ``code`` for programs; ``headers`` with ``_`` for ``-``."""
    content = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    if code:
        content["code"] = code
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(dumps(content), status_code=status.value, media_type="application/problem+json", headers=named)
