"""``/_sample/messages``: what was sent, as the telephone and the mailbox of a person would show it. No portal has this window."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from samples.portal.control import controlled, portal_of
from samples.portal.pages.templates import page
from samples.portal.reading.dutchtime import moment

SHOWN: Final = 30


@controlled
async def messages(request: Request) -> Response:
    """Show the newest thirty, newest first; ``?account=`` those of one account. JSON for who asks for it."""
    account = request.query_params.get("account", "")
    found = portal_of(request).messages.latest(account, SHOWN)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(msgspec.to_builtins(found))
    shown = [(one, moment(one.at)) for one in found]
    return page("telefoon.html", {"messages": shown})


ROUTES: Final = [Route("/_sample/messages", messages)]
