"""The administrator's page: who may see what of each organisation, and what a change would do before it is saved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from samples.portal.accounts import Lane
from samples.portal.errors import GatewayError, GatewaySilent, NotAllowed, NotThere, TooOften, Unclear
from samples.portal.pages.carepage import CarePage, View, care_page, for_page, people_of
from samples.portal.pages.linking import wait_words
from samples.portal.pages.signedin import Form, portal_of, posted
from samples.portal.pages.templates import page
from samples.portal.pages.wishing import LEVELS, class_name, class_rank, offered, right_in_words, wish_in_words, wish_of
from samples.portal.portal import Portal
from samples.portal.providers import Effect, Gateway, Invitation, Right, Wish
from samples.portal.reading.circle import UNNAMED
from samples.portal.reading.rights import Level
from samples.portal.sessions import Session

READS_ALONG: Final = "u leest mee"
NOT_PROVED: Final = "Er is niets veranderd: hiervoor bevestigt u eerst wie u bent."
PENDING: Final = "proposed"
ADMINISTRATOR_GONE: Final = (
    "U bent bij deze zorgaanbieder niet de beheerder van deze zorgpagina, of deze persoon is er niet meer."
)
NOT_ALLOWED: Final = "Dit recht mag u deze persoon niet geven. De zorgaanbieder kan u vertellen waarom; er is niets veranderd."
SILENT: Final = "De zorgaanbieder is nu niet bereikbaar; er is niets veranderd. Probeer het later opnieuw."


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on the page; ``state`` is ``actief`` or ``onbekend`` (the portal knows nobody who opens this compartment)."""

    right: Right
    name: str
    words: str
    state: str
    is_reader: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody who was invited and didn't answer yet."""

    invitation: Invitation
    email: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One organisation on the administrator's page; ``state`` is ``niet gekoppeld``, ``actief``, ``onbekend`` or ``u leest mee`` (another
    administers it).

    ``classes``: the kinds of data that a right can be narrowed to, each with its Dutch name.
    """

    provider: str
    organisation: str
    state: str
    classes: Mapping[str, str] = field(default_factory=dict)
    people: tuple[Person, ...] = ()
    asked: tuple[Asked, ...] = ()


def sections(portal: Portal, care: CarePage) -> list[Section]:
    """Return every organisation that the page is linked to, and those it could be."""
    known = {view.lane.provider for view in care.views}
    others = [one for one in portal.providers.all() if one.code not in known]
    return [
        *(_section(portal, care, view) for view in care.views),
        *(Section(provider=one.code, organisation=one.name, state="niet gekoppeld") for one in others),
    ]


def _section(portal: Portal, care: CarePage, view: View) -> Section:
    lane = view.lane
    try:
        gateway = portal.providers.gateway(lane.provider)
        rights = gateway.rights(care.page.page, lane.member)
        invitations = gateway.invitations(care.page.page, lane.member)
    except NotThere:
        return Section(provider=lane.provider, organisation=lane.organisation, state=READS_ALONG)
    except GatewayError:
        return Section(provider=lane.provider, organisation=lane.organisation, state="onbekend")
    accounts = portal.accounts.names(right.member for right in rights.people)
    named = {one.member: one.name for one in people_of(portal, care, view)}
    emails = portal.invitations.addresses(care.page.page, lane.provider)
    return Section(
        provider=lane.provider,
        organisation=lane.organisation,
        state="actief",
        classes=offered(rights.classes),
        people=tuple(_person(right, named, accounts, lane) for right in rights.people),
        asked=tuple(_asked(one, emails) for one in invitations if one.state == PENDING),
    )


def _person(right: Right, named: Mapping[str, str], accounts: Mapping[str, str], lane: Lane) -> Person:
    return Person(
        right=right,
        name=named.get(right.member) or accounts.get(right.member, UNNAMED),
        words=right_in_words(right),
        state="actief" if right.member in accounts else "onbekend",
        is_reader=right.member == lane.member,
    )


def _asked(one: Invitation, emails: Mapping[str, str]) -> Asked:
    return Asked(
        invitation=one,
        email=emails.get(str(one.invitation), "onbekend adres"),
        words=wish_in_words(one.level, one.classes),
    )


def shown(request: Request, care: CarePage, wrong: str = "", status: int = 200) -> Response:
    """Return the administrator's page, with what went wrong; without a second proof no more of it than how to give one."""
    found = sections(portal_of(request), care) if care.confirmed else []
    states = {one.state for one in found}
    values = {
        "sections": found,
        "levels": LEVELS,
        "wrong": wrong,
        "reads_along": READS_ALONG in states and "actief" not in states,
    }
    return page("beheer.html", care.values("beheer") | values, status)


@for_page("beheer", Level.NONE)
def administration(request: Request, care: CarePage) -> Response:
    """Show who may see what; only to the page's administrator."""
    if not care.page.own:
        return page("onbekend.html", {"account": care.account}, 404)
    return shown(request, care)


Change = Callable[[Request, CarePage, Gateway, Lane, Form], Response]


def changing(handler: Change) -> Callable[[Request], Awaitable[Response]]:
    """Make the receiver of one of the administrator's forms: of their own page, about an organisation that it is linked to.

    Who gives rights opens the dossier to others: it takes the second proof that reading it takes.
    """

    @posted()
    @wraps(handler)
    def checked(request: Request, session: Session, form: Form) -> Response:
        portal, found = portal_of(request), session.account.page(request.path_params["page"])
        lane = found.lane_of(form.get("aanbieder", "")) if found is not None and found.own else None
        if found is None or lane is None:
            return page("onbekend.html", {"account": session.account}, 404)
        care = care_page(portal, session.account, found, confirmed=session.confirmed)
        if not session.confirmed:
            return shown(request, care, NOT_PROVED, 403)
        try:
            return handler(request, care, portal.providers.gateway(lane.provider), lane, form)
        except Unclear as unclear:
            return shown(request, care, str(unclear), 400)
        except NotThere:
            return shown(request, care, ADMINISTRATOR_GONE, 404)
        except NotAllowed:
            return shown(request, care, NOT_ALLOWED, 409)
        except TooOften as late:
            return shown(request, care, wait_words(late.wait), 429)
        except GatewaySilent:
            return shown(request, care, SILENT, 503)

    return checked


@changing
def preview(request: Request, care: CarePage, gateway: Gateway, lane: Lane, form: Form) -> Response:
    """``POST …/beheer/nagaan``: what would change; nothing is saved."""
    wish = wish_of(form)
    effect = gateway.simulate(care.page.page, lane.member, form.get("persoon", ""), wish)
    return _told(request, care, lane, form, wish, effect, removing=False)


@changing
def preview_removal(request: Request, care: CarePage, gateway: Gateway, lane: Lane, form: Form) -> Response:
    """``POST …/beheer/verwijderen``: what would go with a person; nothing is saved."""
    wish = Wish(level="none")
    effect = gateway.simulate(care.page.page, lane.member, form.get("persoon", ""), wish)
    return _told(request, care, lane, form, wish, effect, removing=True)


def _told(request: Request, care: CarePage, lane: Lane, form: Form, wish: Wish, effect: Effect, *, removing: bool) -> Response:
    member = form.get("persoon", "")
    portal = portal_of(request)
    named = {one.member: one.name for view in care.views if view.lane == lane for one in people_of(portal, care, view)}
    rows = [(class_name(name), counts) for name, counts in sorted(effect.classes.items(), key=lambda one: class_rank(one[0]))]
    values = {
        "lane": lane,
        "member": member,
        "name": named.get(member) or portal.accounts.names([member]).get(member, UNNAMED),
        "wish": wish,
        "words": wish_in_words(wish.level, wish.classes),
        "rows": rows,
        "warnings": effect.warnings,
        "removing": removing,
    }
    return page("wat-verandert.html", care.values("beheer") | values)


@changing
def save(_request: Request, care: CarePage, gateway: Gateway, lane: Lane, form: Form) -> Response:
    """``POST …/beheer``: save the change; it holds at once."""
    wish = wish_of(form)
    gateway.save(care.page.page, lane.member, form.get("persoon", ""), wish)
    return RedirectResponse(f"/zorg/{care.page.page}/beheer", 303)


@changing
def remove(request: Request, care: CarePage, gateway: Gateway, lane: Lane, form: Form) -> Response:
    """``POST …/beheer/weg``: take somebody off the page."""
    member = form.get("persoon", "")
    gateway.remove(care.page.page, lane.member, member)
    portal_of(request).accounts.leave(member)
    return RedirectResponse(f"/zorg/{care.page.page}/beheer", 303)


ROUTES: Final = [
    Route("/zorg/{page:id}/beheer", administration),
    Route("/zorg/{page:id}/beheer", save, methods=["POST"]),
    Route("/zorg/{page:id}/beheer/nagaan", preview, methods=["POST"]),
    Route("/zorg/{page:id}/beheer/verwijderen", preview_removal, methods=["POST"]),
    Route("/zorg/{page:id}/beheer/weg", remove, methods=["POST"]),
]
