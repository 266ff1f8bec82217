"""The second proof of who somebody is, which opens the dossier until they sign out; and how a telephone number is changed."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from samples.portal.pages.sending import CHANNELS, mail_link, send_code
from samples.portal.pages.signedin import Form, portal_of, posted, session_of
from samples.portal.pages.templates import page
from samples.portal.sessions import Session

# Only back to a page of ours.
ONWARD: Final = re.compile(r"/zorg/[A-Za-z0-9.-]{1,64}/[a-z]*")
NUMBERS: Final = {"mobile": re.compile(r"(06|\+316)-?( ?\d){8}"), "landline": re.compile(r"(0|\+31)[1-57]\d{1,2}-?( ?\d){6,7}")}


def onward(given: str) -> str:
    """Return where somebody was going, when that is a care page."""
    return given if ONWARD.fullmatch(given) else "/clienten"


def choose(request: Request) -> Response:
    """``/bevestigen``: choose how to prove it."""
    session = session_of(request)
    if session is None:
        return RedirectResponse("/", 303)
    where = onward(request.query_params.get("naar", ""))
    return page("bevestigen.html", {"account": session.account, "onward": where, "mailed": "gemaild" in request.query_params})


@posted()
def send(request: Request, session: Session, form: Form) -> Response:
    """``POST /bevestigen``: send a code or a link."""
    portal, where, how = portal_of(request), onward(form.get("naar", "")), form.get("hoe", "")
    if how in CHANNELS:
        number = {"mobile": session.account.mobile, "landline": session.account.landline}[how]
        send_code(portal, session, "dossier", CHANNELS[how], number, onward=where)
        return RedirectResponse("/bevestigen/code", 303)
    mail_link(portal, session, "dossier", onward=where)
    return RedirectResponse(f"/bevestigen?gemaild&naar={where}", 303)


def code_form(request: Request) -> Response:
    """``/bevestigen/code``: type the code."""
    session = session_of(request)
    if session is None:
        return RedirectResponse("/", 303)
    return _code_page(request, session)


def _code_page(request: Request, session: Session, *, failed: bool = False) -> Response:
    """Return the form for a code, or that no code is taken any more and what to do then."""
    state = portal_of(request).confirmations.state(session)
    return page("code.html", {"account": session.account, "failed": failed, "state": state}, 400 if failed else 200)


@posted()
def enter_code(request: Request, session: Session, form: Form) -> Response:
    """``POST /bevestigen/code``: open the dossier, or take on the new number."""
    portal = portal_of(request)
    done = portal.confirmations.enter(session, form.get("code", "").replace(" ", ""))
    if done is None:
        return _code_page(request, session, failed=True)
    if done.purpose == "new-number":
        portal.accounts.set_number(session.account.account, done.detail["kind"], done.detail["number"])
        return RedirectResponse("/mijn-account?gewijzigd", 303)
    portal.sessions.confirm(session)
    return RedirectResponse(done.detail["onward"], 303)


def own_account(request: Request) -> Response:
    """``/mijn-account``: how one is reached."""
    session = session_of(request)
    if session is None:
        return RedirectResponse("/", 303)
    asked = request.query_params
    told = {"changed": "gewijzigd" in asked, "mailed": "gemaild" in asked, "wrong": "fout" in asked}
    return page("mijn-account.html", {"account": session.account, **told})


@posted()
def change_number(request: Request, session: Session, form: Form) -> Response:
    """``POST /mijn-account``: ask for another number; first a link by e-mail, then a code to the new number."""
    kind, number = form.get("soort", ""), form.get("nummer", "")
    if kind not in NUMBERS or not NUMBERS[kind].fullmatch(number):
        return RedirectResponse("/mijn-account?fout", 303)
    mail_link(portal_of(request), session, "number", kind=kind, number=number)
    return RedirectResponse("/mijn-account?gemaild", 303)


ROUTES: Final = [
    Route("/bevestigen", choose),
    Route("/bevestigen", send, methods=["POST"]),
    Route("/bevestigen/code", code_form),
    Route("/bevestigen/code", enter_code, methods=["POST"]),
    Route("/mijn-account", own_account),
    Route("/mijn-account", change_number, methods=["POST"]),
]
