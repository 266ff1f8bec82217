"""The operations application: sign in with the operator's token, then the sync page. No token in an address, ever."""

from __future__ import annotations

import hmac
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from api.ops.sync_page import sync_state
from api.ops.words import WORDS, language
from gateway.runtime import Gateway

COOKIE = "operator"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class _Headers(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response


def _local(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(AMSTERDAM).strftime("%d-%m-%Y %H:%M:%S")


class Pages:
    """The routes, over one gateway and one organisation's number per code."""

    def __init__(self, gateway: Gateway, organisations: dict[str, int], token: str) -> None:
        self._gateway = gateway
        self._organisations = organisations
        self._token = token
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
        self._templates.filters["local"] = _local

    def application(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route("/", self.sync),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/{org}", self.sync),
        ]
        return Starlette(routes=routes, middleware=[Middleware(_Headers)])

    async def sync(self, request: Request) -> Response:
        """Show the sync page of an organisation, or the sign-in form."""
        if not self._known(request):
            return self._page(request, "sign_in.html", status=401, wrong=False)
        code = request.path_params.get("org") or next(iter(self._organisations))
        if code not in self._organisations:
            return RedirectResponse("/")
        state = await run_in_threadpool(sync_state, self._gateway, self._organisations[code])
        return self._page(request, "sync.html", state=state, code=code, codes=list(self._organisations))

    async def sign_in(self, request: Request) -> Response:
        """Check the token and remember it in a cookie that scripts and other sites can't use."""
        form = await request.form()
        if not self._is_token(str(form.get("token", ""))):
            return self._page(request, "sign_in.html", status=401, wrong=True)
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        return response

    def _known(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self._is_token(bearer) or self._is_token(request.cookies.get(COOKIE, ""))

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _page(self, request: Request, name: str, *, status: int = 200, **facts: object) -> HTMLResponse:
        lang = language(request.headers.get("accept-language", ""), request.query_params.get("lang"))
        html = self._templates.get_template(name).render(t=WORDS[lang], lang=lang, **facts)
        return HTMLResponse(html, status_code=status)
