"""The care page of one account: who looks, what they may see of each organisation, and until when it is up to date.

Everything that a page shows comes from here, already cut down to the reader's rights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Any, Final, TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from samples.portal.accounts import Account, Lane, Page
from samples.portal.pages.signedin import portal_of, session_of
from samples.portal.pages.templates import page
from samples.portal.portal import Portal
from samples.portal.reading.circle import Person, circle, client_name
from samples.portal.reading.dutchtime import AMSTERDAM, Moment, moment
from samples.portal.reading.resources import Contents, parse
from samples.portal.reading.rights import Level, Reader, member_id, participants, reader_of, visible

# (place, heading, icon, level that it needs, whether it takes a second proof)
PANELS: Final = (
    ("", "Overzicht", "home", Level.BASIC, False),
    ("tijdlijn", "Tijdlijn", "report", Level.PRIVATE_MEDICAL, True),
    ("metingen", "Metingen", "chart", Level.PRIVATE_MEDICAL, True),
    ("zorgplan", "Zorgplan", "plan", Level.PRIVATE_MEDICAL, True),
    ("agenda", "Agenda", "calendar", Level.BASIC, False),
    ("berichten", "Berichten", "message", Level.BASIC, False),
    ("vertrouwensgroep", "Vertrouwensgroep", "people", Level.BASIC, False),
    ("gegevens", "Mijn gegevens", "person", Level.BASIC, False),
)
ADMINISTRATION: Final = ("beheer", "Beheer", "key", Level.NONE, True)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one organisation shows to one reader."""

    lane: Lane
    reader: Reader
    contents: Contents


@dataclass(frozen=True, slots=True, kw_only=True)
class CarePage:
    """One account's view of one client, at one moment; ``updated`` is that of the organisation furthest behind.

    ``waiting``: no organisation ever sent anything to it, so that the portal doesn't know the reader's rights.
    """

    account: Account
    page: Page
    views: tuple[View, ...]
    now: datetime
    updated: Moment | None
    following: Moment | None
    confirmed: bool
    waiting: bool

    @property
    def today(self) -> date:
        """Return the date in Amsterdam."""
        return self.now.date()

    @property
    def level(self) -> Level:
        """Return the highest level that an organisation gives."""
        return max((view.reader.level for view in self.views), default=Level.NONE)

    @property
    def in_trust_group(self) -> bool:
        """Return whether the reader is in the trust group."""
        return self.level >= Level.PRIVATE_MEDICAL

    @property
    def may_read_dossier(self) -> bool:
        """Return whether the dossier is open: in the trust group, and with a second proof."""
        return self.in_trust_group and self.confirmed

    @property
    def client(self) -> str:
        """Return the client's name; empty when there is no right to know it."""
        return next(filter(None, (client_name(view.contents) for view in self.views)), "")

    def all_of(self, read: Callable[[Contents], Iterable[Item]]) -> list[Item]:
        """Return what is read from every organisation's contents."""
        return [item for view in self.views for item in read(view.contents)]

    def values(self, place: str) -> dict[str, Any]:
        """Return what every template needs."""
        panels = [panel for panel in PANELS if self.level >= panel[3]]
        return {
            "care": self,
            "place": place,
            "panels": [*panels, ADMINISTRATION] if self.page.own else panels,
            "client": self.client or self.page.title or "uw naaste",
            "base": f"/zorg/{self.page.page}",
        }


PageHandler = Callable[[Request, CarePage], Response]


def care_page(portal: Portal, account: Account, of: Page, *, confirmed: bool = False) -> CarePage:
    """Return an account's view as it is now: rights are read at each request, so a lowered right holds at once."""
    now = portal.clock().astimezone(AMSTERDAM)
    slots = [portal.sync.of(lane.member) for lane in of.lanes]
    updated = [one.last or portal.compartments.last_write(lane.member) or "" for one, lane in zip(slots, of.lanes, strict=True)]
    return CarePage(
        account=account,
        page=of,
        views=tuple(_view(portal, lane, now.date(), confirmed=confirmed) for lane in of.lanes),
        now=now,
        updated=moment(min(updated, default="")),
        following=moment(next((one.following for one in slots if one.following), "")),
        confirmed=confirmed,
        waiting=not any(portal.compartments.last_write(lane.member) for lane in of.lanes),
    )


def _view(portal: Portal, lane: Lane, today: date, *, confirmed: bool) -> View:
    bodies = (version.body for version in portal.compartments.contents(lane.member) if version.body is not None)
    everything = parse(bodies, lane.organisation)
    reader = reader_of(everything, lane.member, today, confirmed=confirmed)
    return View(lane=lane, reader=reader, contents=visible(everything, reader))


def for_page(place: str, needs: Level, *, dossier: bool = False) -> Callable[[PageHandler], Callable[[Request], Response]]:
    """Make a part of a care page: the account must hold the page and the level, and prove twice who they are for the dossier."""

    def decorate(handler: PageHandler) -> Callable[[Request], Response]:
        @wraps(handler)
        def checked(request: Request) -> Response:
            session = session_of(request)
            if session is None:
                return RedirectResponse("/", 303)
            account = session.account
            found = account.page(request.path_params["page"])
            if found is None:
                return page("onbekend.html", {"account": account}, 404)
            care = care_page(portal_of(request), account, found, confirmed=session.confirmed)
            if care.level < needs:
                return _too_low(care, place)
            if dossier and not session.confirmed:
                return RedirectResponse(f"/bevestigen?naar={quote(request.url.path)}", 303)
            return handler(request, care)

        return checked

    return decorate


def _too_low(care: CarePage, place: str) -> Response:
    """Say why there is nothing to see, without a word about the client to who has no right at all."""
    if care.level is not Level.NONE:
        return page("vertrouwensgroep-nodig.html", care.values(place))
    if care.page.own:
        return RedirectResponse(f"/zorg/{care.page.page}/beheer", 303)
    return page("geen-toegang.html", {"account": care.account, "waiting": care.waiting})


def people_of(portal: Portal, care: CarePage, view: View) -> list[Person]:
    """Return the circle of one organisation; whom it doesn't name is called what they call themselves."""
    names = portal.accounts.names(member_id(one) for one in participants(view.contents))
    return circle(view.contents, view.reader, care.today, names)
