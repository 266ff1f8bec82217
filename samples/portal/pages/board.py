"""Messages of the care organisation, newest first, and the prikbord of the people on the page."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from samples.portal.notices import LONGEST, Notice
from samples.portal.pages.carepage import CarePage, care_page, for_page
from samples.portal.pages.signedin import Form, portal_of, posted
from samples.portal.pages.templates import page
from samples.portal.reading.dutchtime import Moment, moment
from samples.portal.reading.messages import latest_first, letters
from samples.portal.reading.rights import Level
from samples.portal.sessions import Session


def notices_on(request: Request, care: CarePage) -> list[tuple[Moment | None, str, str]]:
    """Return the prikbord as (moment, name, words), newest first: what the people on the page wrote and what the organisation did."""
    own: list[Notice] = portal_of(request).notices.of(care.page.page)
    told = [(moment(one.at), one.name, one.words) for one in own]
    told += [(one.moment, one.author.name or one.organisation, one.words) for one in care.all_of(letters) if one.notice]
    return sorted(told, key=lambda one: one[0].at if one[0] else care.now, reverse=True)


@for_page("berichten", Level.BASIC)
def messages(request: Request, care: CarePage) -> Response:
    """Show all messages and the whole prikbord."""
    found = latest_first(one for one in care.all_of(letters) if not one.notice)
    values = {"letters": found, "notices": notices_on(request, care), "longest": LONGEST}
    return page("berichten.html", care.values("berichten") | values)


@posted()
def pin(request: Request, session: Session, form: Form) -> Response:
    """``POST …/berichten``: put a note on the prikbord."""
    portal, of = portal_of(request), request.path_params["page"]
    found = session.account.page(of)
    if found is None or care_page(portal, session.account, found).level < Level.BASIC:
        return page("onbekend.html", {"account": session.account}, 404)
    if form.get("bericht"):
        portal.notices.pin(of, session.account.account, form["bericht"])
    return RedirectResponse(f"/zorg/{of}/berichten", 303)


ROUTES: Final = [
    Route("/zorg/{page:id}/berichten", messages),
    Route("/zorg/{page:id}/berichten", pin, methods=["POST"]),
]
