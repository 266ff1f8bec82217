"""Inviting somebody to a page, and what the invited does with the link: nothing is visible before they accept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from samples.portal.accounts import Account, Lane
from samples.portal.errors import GatewaySilent, NotAllowed, NotThere, TooOften, Unclear
from samples.portal.invitations import Mailed
from samples.portal.pages.administration import changing
from samples.portal.pages.carepage import CarePage
from samples.portal.pages.linking import SILENT, wait_words
from samples.portal.pages.signedin import Form, any_session_of, portal_of, posted
from samples.portal.pages.signing import EMAIL
from samples.portal.pages.templates import page
from samples.portal.pages.wishing import wish_of
from samples.portal.portal import Portal
from samples.portal.providers import Gateway
from samples.portal.sessions import Session

NO_ADDRESS: Final = "Vul een e-mailadres in."
GONE: Final = "Deze uitnodiging geldt niet meer: zij is al gebruikt, ingetrokken of verlopen. Vraag de beheerder om een nieuwe."
NOT_ALLOWED: Final = "Dit account leest al mee op deze pagina, of wie u uitnodigde mag dit recht niet meer geven."
# Of whom the page is isn't said: whoever gets this mail by mistake is to learn nothing.
WORDS: Final = "{name} nodigt u uit om mee te lezen op een zorgpagina. Tot u de uitnodiging aanneemt, kunt u niets zien."


@changing
def invite(request: Request, care: CarePage, gateway: Gateway, lane: Lane, form: Form) -> Response:
    """``POST …/uitnodigen``: mail somebody a link."""
    wish, email = wish_of(form), form.get("email", "")
    if not EMAIL.fullmatch(email):
        raise Unclear(NO_ADDRESS)
    invited = gateway.invite(care.page.page, lane.member, wish)
    number = str(invited.invitation)
    mailed = Mailed(number=number, page=care.page.page, provider=lane.provider, organisation=lane.organisation, email=email)
    portal = portal_of(request)
    portal.invitations.keep(invited.token, mailed)
    portal.messages.send("email", email, WORDS.format(name=care.account.name), link=f"/uitnodiging/{invited.token}")
    return RedirectResponse(f"/zorg/{care.page.page}/beheer", 303)


@changing
def withdraw(_request: Request, care: CarePage, gateway: Gateway, lane: Lane, form: Form) -> Response:
    """``POST …/uitnodigen/intrekken``: take an invitation back."""
    gateway.withdraw(care.page.page, lane.member, form.get("uitnodiging", ""))
    return RedirectResponse(f"/zorg/{care.page.page}/beheer", 303)


def invitation(request: Request) -> Response:
    """``/uitnodiging/{token}``: the page that the e-mail leads to; the same whatever the link is worth."""
    return answer_page(request, any_session_of(request))


def answer_page(request: Request, session: Session | None, wrong: str = "", status: int = 200) -> Response:
    """Return the page with both answers, or with why there is nothing to answer."""
    values = {"account": session.account if session else None, "token": request.path_params["token"], "wrong": wrong}
    return page("uitnodiging.html", values, status)


Answer = Callable[[Portal, Account, Gateway, Mailed, str], str]


def answering(handler: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Make the receiver of an answer to an invitation; the handler returns where it leads."""

    @posted()
    @wraps(handler)
    def checked(request: Request, session: Session, _form: Form) -> Response:
        portal, token = portal_of(request), request.path_params["token"]
        mailed = portal.invitations.of(token)
        if mailed is None:
            return answer_page(request, session, GONE, 404)
        try:
            where = handler(portal, session.account, portal.providers.gateway(mailed.provider), mailed, token)
        except NotThere:
            return answer_page(request, session, GONE, 404)
        except NotAllowed:
            return answer_page(request, session, NOT_ALLOWED, 409)
        except TooOften as late:
            return answer_page(request, session, wait_words(late.wait), 429)
        except GatewaySilent:
            return answer_page(request, session, SILENT, 503)
        portal.invitations.forget(token)
        return RedirectResponse(where, 303)

    return checked


@answering
def accept(portal: Portal, account: Account, gateway: Gateway, mailed: Mailed, token: str) -> str:
    """``POST /uitnodiging/{token}/aannemen``: join the page."""
    joined = gateway.accept(token, account.account)
    lane = Lane(member=joined.member, provider=mailed.provider, organisation=mailed.organisation)
    portal.accounts.join(account.account, mailed.page, lane)
    return f"/zorg/{mailed.page}/"


@answering
def decline(_portal: Portal, account: Account, gateway: Gateway, _mailed: Mailed, token: str) -> str:
    """``POST /uitnodiging/{token}/weigeren``: don't."""
    gateway.decline(token, account.account)
    return "/clienten?kies"


ROUTES: Final = [
    Route("/zorg/{page:id}/uitnodigen", invite, methods=["POST"]),
    Route("/zorg/{page:id}/uitnodigen/intrekken", withdraw, methods=["POST"]),
    Route("/uitnodiging/{token:str}", invitation),
    Route("/uitnodiging/{token:str}/aannemen", accept, methods=["POST"]),
    Route("/uitnodiging/{token:str}/weigeren", decline, methods=["POST"]),
]
