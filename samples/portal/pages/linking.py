"""Making a care page, and linking it to a care organisation with the code from its letter."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from samples.portal.accounts import Lane, Page
from samples.portal.errors import GatewaySilent, NotAllowed, NotThere, OtherClient, TooOften
from samples.portal.pages.signedin import Form, portal_of, posted, session_of
from samples.portal.pages.templates import page
from samples.portal.portal import Portal
from samples.portal.sessions import Session

LONGEST_TITLE: Final = 60
# One sentence for a wrong, a used and an expired code: more would tell somebody who guesses how near they are.
NO_SUCH_CODE: Final = "Deze code werkt niet. Kijk of u hem goed hebt overgenomen, of vraag de zorgaanbieder om een nieuwe brief."
LINKED_ALREADY: Final = "Uw account is bij deze zorgaanbieder al aan deze cliënt gekoppeld, op een andere zorgpagina."
OTHER_CLIENT: Final = (
    "Deze code is niet gebruikt. Het is niet zeker dat hij over dezelfde cliënt gaat als deze zorgpagina bij een andere zorgaanbieder. "
    "Maak voor deze brief een nieuwe zorgpagina; de code blijft geldig."
)
SILENT: Final = "De zorgaanbieder is nu niet bereikbaar. Probeer het later opnieuw."


def wait_words(wait: timedelta) -> str:
    """Return how long to wait, in whole minutes."""
    minutes = max(1, math.ceil(wait.total_seconds() / 60))
    return f"Te veel pogingen. Probeer het over {minutes} {'minuut' if minutes == 1 else 'minuten'} opnieuw."


@posted()
def make_page(request: Request, session: Session, form: Form) -> Response:
    """``POST /zorgpagina``: make a page; it shows nothing before it is linked."""
    title = form.get("titel", "")[:LONGEST_TITLE]
    if not title:
        return RedirectResponse("/clienten?kies", 303)
    made = portal_of(request).accounts.make_page(session.account.account, title)
    return RedirectResponse(f"/zorg/{made}/koppelen", 303)


def own_page(request: Request, session: Session) -> Page | None:
    """Return the page of a request, when it is the account's own."""
    found = session.account.page(request.path_params["page"])
    return found if found is not None and found.own else None


def code_page(portal: Portal, session: Session, of: Page, wrong: str = "", status: int = 200) -> Response:
    """Return the form for a code, with what went wrong."""
    open_to = [one for one in portal.providers.all() if of.lane_of(one.code) is None]
    return page("koppelen.html", {"account": session.account, "page": of, "providers": open_to, "wrong": wrong}, status)


def code_form(request: Request) -> Response:
    """``/zorg/{page}/koppelen``: type the code."""
    session = session_of(request)
    if session is None:
        return RedirectResponse("/", 303)
    found = own_page(request, session)
    if found is None:
        return page("onbekend.html", {"account": session.account}, 404)
    return code_page(portal_of(request), session, found)


@posted()
def link(request: Request, session: Session, form: Form) -> Response:
    """``POST /zorg/{page}/koppelen``: use the code."""
    portal, found = portal_of(request), own_page(request, session)
    if found is None:
        return page("onbekend.html", {"account": session.account}, 404)
    code = re.sub(r"[\s-]", "", form.get("code", "")).upper()
    try:
        _redeem(portal, session, form.get("aanbieder", ""), code, found)
    except NotThere:
        return code_page(portal, session, found, NO_SUCH_CODE, 404)
    except OtherClient:
        return code_page(portal, session, found, OTHER_CLIENT, 409)
    except NotAllowed:
        return code_page(portal, session, found, LINKED_ALREADY, 409)
    except TooOften as late:
        return code_page(portal, session, found, wait_words(late.wait), 429)
    except GatewaySilent:
        return code_page(portal, session, found, SILENT, 503)
    return RedirectResponse(f"/zorg/{found.page}/beheer", 303)


def _redeem(portal: Portal, session: Session, provider: str, code: str, of: Page) -> None:
    gateway = portal.providers.gateway(provider)
    if not code:
        raise NotThere
    linked = gateway.redeem(code, session.account.account, of.page)
    lane = Lane(member=linked.member, provider=provider, organisation=gateway.provider.name)
    portal.accounts.join(session.account.account, of.page, lane)


ROUTES: Final = [
    Route("/zorgpagina", make_page, methods=["POST"]),
    Route("/zorg/{page:id}/koppelen", code_form),
    Route("/zorg/{page:id}/koppelen", link, methods=["POST"]),
]
