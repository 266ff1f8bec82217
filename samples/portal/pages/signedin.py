"""Who a browser is: the session behind its cookie, and what every form does with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from samples.portal.portal import Portal
from samples.portal.sessions import LONGEST, Session

COOKIE: Final = "zorgpagina"
DEVICE_COOKIE: Final = "zorgpagina-apparaat"
A_YEAR_S: Final = 365 * 24 * 3600
FORM_BYTES: Final = 16_384

Form = Mapping[str, str]
FormHandler = Callable[[Request, Session, Form], Response]


def portal_of(request: Request) -> Portal:
    """Return the portal that a request came to."""
    portal: Portal = request.app.state.portal
    return portal


def any_session_of(request: Request) -> Session | None:
    """Return the session of a browser, also when its first sign-in still waits for the link in an e-mail."""
    secret = request.cookies.get(COOKIE, "")
    return portal_of(request).sessions.of(secret) if secret else None


def session_of(request: Request) -> Session | None:
    """Return the session of a browser that may look at pages, or ``None``."""
    session = any_session_of(request)
    return session if session is not None and session.begun else None


async def form_of(request: Request) -> Form:
    """Return what was filled in, blanks around it gone; of a name that occurs more often the last. Nothing when it is too much."""
    body = await request.body() if int(request.headers.get("content-length", "0")) <= FORM_BYTES else b""
    return {name: value.strip() for name, value in parse_qsl(body.decode("utf-8", "replace"))}


def posted(*, begun: bool = True) -> Callable[[FormHandler], Callable[[Request], Awaitable[Response]]]:
    """Make the receiver of a form that only somebody who is signed in can send; it runs on a thread."""
    find = session_of if begun else any_session_of

    def decorate(handler: FormHandler) -> Callable[[Request], Awaitable[Response]]:
        @wraps(handler)
        async def received(request: Request) -> Response:
            form = await form_of(request)
            session = await run_in_threadpool(find, request)
            return RedirectResponse("/", 303) if session is None else await run_in_threadpool(handler, request, session, form)

        return received

    return decorate


def set_session(answer: Response, request: Request, secret: str) -> None:
    """Let a browser keep its session."""
    _set(answer, request, COOKIE, secret, int(LONGEST.total_seconds()))


def set_device(answer: Response, request: Request, secret: str) -> None:
    """Let a browser be known the next time."""
    _set(answer, request, DEVICE_COOKIE, secret, A_YEAR_S)


def _set(answer: Response, request: Request, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(name, value, seconds, httponly=True, samesite="strict", secure=request.url.scheme == "https")
