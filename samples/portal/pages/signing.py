"""Signing in: who you are, and on a device that is new to the portal a link in an e-mail first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from samples.portal.accounts import Account, Page
from samples.portal.pages.carepage import care_page
from samples.portal.pages.sending import CHANNELS, mail_link, send_code
from samples.portal.pages.signedin import (
    COOKIE,
    DEVICE_COOKIE,
    Form,
    any_session_of,
    form_of,
    portal_of,
    posted,
    session_of,
    set_device,
    set_session,
)
from samples.portal.pages.templates import page
from samples.portal.portal import Portal
from samples.portal.reading.people import relation
from samples.portal.reading.rights import LEVEL_NAMES, Level
from samples.portal.sessions import Session

ACCOUNTS_SHOWN: Final = 24
EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,}")
MOBILE: Final = re.compile(r"(06|\+316)-?( ?\d){8}")
LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A care page that an account may open: ``client`` is empty when there is no right to know who it is."""

    page: Page
    client: str
    relation: str
    level: Level

    @property
    def right(self) -> str:
        """Return the level's Dutch name."""
        return LEVEL_NAMES[self.level]


def choice_of(portal: Portal, account: Account, of: Page) -> Choice:
    """Return how a page is offered."""
    care = care_page(portal, account, of)
    own = (view.contents.resolve({"reference": view.reader.reference}) for view in care.views)
    return Choice(page=of, client=care.client, relation=next(filter(None, map(relation, own)), ""), level=care.level)


def entrance(request: Request) -> Response:
    """``/``: the demonstration's sign-in; somebody who is signed in goes on."""
    session = any_session_of(request)
    if session is not None:
        return RedirectResponse("/clienten" if session.begun else "/eerste-keer", 303)
    portal = portal_of(request)
    name = request.query_params.get("naam", "").strip()
    found, total = portal.accounts.find(name, ACCOUNTS_SHOWN)
    offered = [(account, [choice_of(portal, account, one) for one in account.pages]) for account in found]
    return page("aanmelden.html", {"offered": offered, "total": total, "name": name})


async def sign_in(request: Request) -> Response:
    """``POST /aanmelden``: begin a session. A real portal asks for a password or DigiD here."""
    form = await form_of(request)
    return await run_in_threadpool(_sign_in, request, form.get("account", ""))


def _sign_in(request: Request, account: str) -> Response:
    portal = portal_of(request)
    if portal.accounts.one(account) is None:
        return RedirectResponse("/", 303)
    secret = portal.sessions.sign_in(account, request.cookies.get(DEVICE_COOKIE, ""))
    session = portal.sessions.of(secret)
    if session is not None and not session.begun:
        mail_link(portal, session, "device")
    answer = RedirectResponse("/", 303)
    set_session(answer, request, secret)
    return answer


def register_form(_request: Request) -> Response:
    """``/nieuw-account``: make an account for oneself."""
    return page("nieuw-account.html", {"given": {}, "wrong": ""})


async def register(request: Request) -> Response:
    """``POST /nieuw-account``: make it, and go on as when signing in for the first time."""
    form = await form_of(request)
    wrong = _wrong(form)
    if wrong:
        return page("nieuw-account.html", {"given": form, "wrong": wrong}, 400)
    accounts = portal_of(request).accounts
    account = await run_in_threadpool(accounts.register, form["naam"], form["email"], form["mobiel"])
    return await run_in_threadpool(_sign_in, request, account)


def _wrong(form: Form) -> str:
    """Return what is wrong with what somebody says of themselves; empty when nothing is."""
    if not 0 < len(form.get("naam", "")) <= LONGEST_NAME:
        return "Vul uw naam in."
    if not EMAIL.fullmatch(form.get("email", "")):
        return "Dit is geen e-mailadres."
    return "" if MOBILE.fullmatch(form.get("mobiel", "")) else "Dit is geen mobiel nummer; het begint met 06."


def first_time(request: Request) -> Response:
    """``/eerste-keer``: wait for the link in the e-mail."""
    session = any_session_of(request)
    if session is None or session.begun:
        return RedirectResponse("/", 303)
    return page("eerste-keer.html", {"account": session.account})


@posted(begun=False)
def send_again(request: Request, session: Session, _form: Form) -> Response:
    """``POST /eerste-keer``: send the link again; the earlier one stops working."""
    mail_link(portal_of(request), session, "device")
    return RedirectResponse("/eerste-keer", 303)


def sign_out(request: Request) -> Response:
    """``POST /afmelden``: end the session."""
    portal_of(request).sessions.sign_out(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def clients(request: Request) -> Response:
    """``/clienten``: choose the client; with one there is nothing to choose."""
    session = session_of(request)
    if session is None:
        return RedirectResponse("/", 303)
    account = session.account
    if len(account.pages) == 1 and "kies" not in request.query_params:
        return RedirectResponse(f"/zorg/{account.pages[0].page}/", 303)
    offered = [choice_of(portal_of(request), account, one) for one in account.pages]
    return page("clienten.html", {"account": account, "offered": offered})


def link_page(request: Request) -> Response:
    """``/link/{token}``: the page that an e-mail leads to. Only its button uses the link: what reads mail for people opens links too."""
    return page("link.html", {"token": request.path_params["token"], "failed": False})


@posted(begun=False)
def follow_link(request: Request, session: Session, _form: Form) -> Response:
    """``POST /link/{token}``: use the link, in the browser that asked for it."""
    portal, token = portal_of(request), request.path_params["token"]
    done = portal.confirmations.follow(session, token)
    if done is None:
        return page("link.html", {"token": token, "failed": True}, 400)
    if done.purpose == "number":
        return _to_new_number(portal, session, done.detail)
    portal.sessions.confirm(session)
    answer = RedirectResponse(done.detail.get("onward", "/clienten"), 303)
    set_device(answer, request, portal.sessions.know_device(session, request.cookies.get(DEVICE_COOKIE, "")))
    return answer


def _to_new_number(portal: Portal, session: Session, detail: Form) -> Response:
    send_code(portal, session, "new-number", CHANNELS[detail["kind"]], detail["number"], **detail)
    return RedirectResponse("/bevestigen/code", 303)


ROUTES: Final = [
    Route("/", entrance),
    Route("/aanmelden", sign_in, methods=["POST"]),
    Route("/afmelden", sign_out, methods=["POST"]),
    Route("/nieuw-account", register_form),
    Route("/nieuw-account", register, methods=["POST"]),
    Route("/eerste-keer", first_time),
    Route("/eerste-keer", send_again, methods=["POST"]),
    Route("/clienten", clients),
    Route("/link/{token:str}", link_page),
    Route("/link/{token:str}", follow_link, methods=["POST"]),
]
