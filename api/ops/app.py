"""The operations application: sign in with the operator's token, then the sync page. No token in an address, ever.

Loopback only, and only under a loopback name: a page elsewhere whose name was made to point at this machine is refused.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from api.ops.sync_page import sync_state
from api.ops.words import WORDS, language, say
from gateway.runtime import Gateway

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
SESSION: Final = timedelta(hours=12)
SESSIONS: Final = 100
FORM_BYTES: Final = 4096
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
HERE: Final = Path(__file__).parent
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _Door(BaseHTTPMiddleware):
    """Refuse names that aren't this machine's own (DNS rebinding) and forms from other sites; put the headers on every answer."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        host = request.headers.get("host", "")
        name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
        if name.lower() not in LOOPBACK_NAMES:
            response: Response = PlainTextResponse("This page answers to the names of this machine only.\n", status_code=421)
        elif request.headers.get("sec-fetch-site", "none") == "cross-site" and request.method != "GET":
            response = PlainTextResponse("A form from another site is not accepted.\n", status_code=403)
        else:
            response = await call_next(request)
        response.headers.update(HEADERS)
        return response


def _local(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(AMSTERDAM).strftime("%d-%m-%Y %H:%M:%S")


def _hour(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(AMSTERDAM).strftime("%d-%m-%Y %H:%M")


class Pages:
    """The routes, over one gateway and one organisation's number per code."""

    def __init__(self, gateway: Gateway, organisations: dict[str, int], token: str) -> None:
        self._gateway = gateway
        self._organisations = organisations
        self._token = token
        # A cookie is sent to every port of this machine: it holds a number of our own, not the token, and dies with the process.
        self._sessions: dict[str, datetime] = {}
        loader = FileSystemLoader(HERE / "templates")
        self._templates = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
        self._templates.filters.update(local=_local, hour=_hour)

    def application(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route("/", self.sync),
            Route("/style.css", self.style),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/{org}", self.sync),
        ]
        return Starlette(routes=routes, middleware=[Middleware(_Door)])

    async def style(self, _request: Request) -> Response:
        """Give the pages their looks."""
        return Response((HERE / "templates" / "style.css").read_bytes(), media_type="text/css")

    async def sync(self, request: Request) -> Response:
        """Show the sync page of an organisation, or the sign-in form."""
        if not self._known(request):
            return self._page(request, "sign_in.html", status=401, wrong=False)
        code = request.path_params.get("org") or next(iter(self._organisations), "")
        if code not in self._organisations:
            return self._page(request, "unknown.html", status=404, codes=list(self._organisations))
        state = await run_in_threadpool(sync_state, self._gateway, self._organisations[code])
        return self._page(request, "sync.html", state=state, code=code, codes=list(self._organisations))

    async def sign_in(self, request: Request) -> Response:
        """Check the token and remember that in a cookie that scripts and other sites can't use."""
        if int(request.headers.get("content-length", FORM_BYTES + 1)) > FORM_BYTES:
            return PlainTextResponse("Too long.\n", status_code=413)
        form = await request.form()
        if not self._is_token(str(form.get("token", ""))):
            return self._page(request, "sign_in.html", status=401, wrong=True)
        response = RedirectResponse(f"/?lang={self._language(request)}", status_code=303)
        response.set_cookie(_cookie(request), self._new_session(), httponly=True, samesite="strict")
        return response

    async def sign_out(self, request: Request) -> Response:
        """Forget the session."""
        self._sessions.pop(request.cookies.get(_cookie(request), ""), None)
        return RedirectResponse(f"/?lang={self._language(request)}", status_code=303)

    def _new_session(self) -> str:
        now = self._gateway.clock()
        self._sessions = {session: until for session, until in self._sessions.items() if until > now}
        while len(self._sessions) >= SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        session = secrets.token_urlsafe(32)
        self._sessions[session] = now + SESSION
        return session

    def _known(self, request: Request) -> bool:
        until = self._sessions.get(request.cookies.get(_cookie(request), ""))
        if until is not None and until > self._gateway.clock():
            return True
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._is_token(bearer)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.strip().encode(), self._token.encode())

    def _language(self, request: Request) -> str:
        return language(request.headers.get("accept-language", ""), request.query_params.get("lang"))

    def _page(self, request: Request, name: str, *, status: int = 200, **facts: object) -> HTMLResponse:
        lang = self._language(request)
        html = self._templates.get_template(name).render(t=WORDS[lang], say=lambda code: say(lang, code), lang=lang, **facts)
        return HTMLResponse(html, status_code=status)


def _cookie(request: Request) -> str:
    """Return the name of our cookie: cookies of one machine's ports share a jar."""
    return f"zorgsluis-{request.url.port or 80}"
