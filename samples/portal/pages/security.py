"""Headers on every answer, and the refusal of forms from elsewhere."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# What isn't for browsers; everything else that is sent is a form of ours.
CONTRACT: Final = ("/fhir/", "/token", "/sync-status", "/_sample/")


class SecurityHeaders:
    """ASGI middleware: nothing is kept by a browser or a proxy unless a route says otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers, and turn away a form that another site made a browser send."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                kept = scope.get("path", "").startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if kept else "no-store")
            await send(message)

        app = PlainTextResponse("Dit formulier kwam van elders.", 403) if _from_elsewhere(scope) else self._app
        await app(scope, receive, send_with_headers)


def _from_elsewhere(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "POST" or scope["path"].startswith(CONTRACT):
        return False
    sites = [value for name, value in scope["headers"] if name == b"sec-fetch-site"]
    return any(site not in (b"same-origin", b"none") for site in sites)
