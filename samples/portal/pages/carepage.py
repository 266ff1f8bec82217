"""The care page of one member: who looks, what they may see, and until when it is up to date.

Everything that a page shows comes from here, already cut down to the reader's rights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from samples.portal.accounts import Account
from samples.portal.pages.templates import page
from samples.portal.portal import Portal
from samples.portal.reading.circle import client_name
from samples.portal.reading.dutchtime import AMSTERDAM, Moment, moment
from samples.portal.reading.resources import Contents, parse
from samples.portal.reading.rights import Level, Reader, reader_of, visible

COOKIE: Final = "zorgpagina"
# (place, heading, icon, level that it needs)
PANELS: Final = (
    ("", "Overzicht", "home", Level.BASIC),
    ("tijdlijn", "Tijdlijn", "report", Level.PRIVATE_MEDICAL),
    ("metingen", "Metingen", "chart", Level.PRIVATE_MEDICAL),
    ("zorgplan", "Zorgplan", "plan", Level.PRIVATE_MEDICAL),
    ("agenda", "Agenda", "calendar", Level.BASIC),
    ("vertrouwensgroep", "Vertrouwensgroep", "people", Level.BASIC),
    ("gegevens", "Mijn gegevens", "person", Level.BASIC),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarePage:
    """One member's view of one client, at one moment."""

    account: Account
    member: str
    reader: Reader
    contents: Contents
    now: datetime
    updated: Moment | None
    following: Moment | None

    @property
    def today(self) -> date:
        """Return the date in Amsterdam."""
        return self.now.date()

    @property
    def may_read_dossier(self) -> bool:
        """Return whether the reader is in the trust group."""
        return self.reader.level >= Level.PRIVATE_MEDICAL

    def values(self, place: str) -> dict[str, Any]:
        """Return what every template needs."""
        return {
            "care": self,
            "place": place,
            "panels": [panel for panel in PANELS if self.reader.level >= panel[3]],
            "client": client_name(self.contents) or "uw naaste",
            "base": f"/zorg/{self.member}",
        }


PageHandler = Callable[[Request, CarePage], Response]


def portal_of(request: Request) -> Portal:
    """Return the portal that a request came to."""
    portal: Portal = request.app.state.portal
    return portal


def signed_in(request: Request) -> Account | None:
    """Return who looks, or ``None``."""
    secret = request.cookies.get(COOKIE, "")
    return portal_of(request).accounts.signed_in(secret) if secret else None


def care_page(portal: Portal, account: Account, member: str) -> CarePage:
    """Return a member's view as it is now: rights are read at each request, so a lowered right holds at once."""
    now = portal.clock().astimezone(AMSTERDAM)
    everything = parse(version.body for version in portal.compartments.contents(member) if version.body is not None)
    reader = reader_of(everything, member, now.date())
    slots = portal.sync.of(member)
    return CarePage(
        account=account,
        member=member,
        reader=reader,
        contents=visible(everything, reader),
        now=now,
        updated=moment(slots.last or portal.compartments.last_write(member) or ""),
        following=moment(slots.following or ""),
    )


def for_member(place: str, needs: Level) -> Callable[[PageHandler], Callable[[Request], Response]]:
    """Make a page of one member: the account must hold the member, and the member the level."""

    def decorate(handler: PageHandler) -> Callable[[Request], Response]:
        @wraps(handler)
        def checked(request: Request) -> Response:
            account = signed_in(request)
            member = request.path_params["member"]
            if account is None:
                return RedirectResponse("/", 303)
            if member not in account.members:
                return page("onbekend.html", {"account": account}, 404)
            care = care_page(portal_of(request), account, member)
            if care.reader.level is Level.NONE:
                return page("geen-toegang.html", {"account": account})
            if care.reader.level < needs:
                return page("vertrouwensgroep-nodig.html", care.values(place))
            return handler(request, care)

        return checked

    return decorate
