"""The parts of a care page that are read, and the addresses of all pages. None holds a name: a page is a UUID."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from samples.portal.pages import administration, board, confirming, inviting, linking, signing, telephone
from samples.portal.pages.board import notices_on
from samples.portal.pages.carepage import CarePage, for_page, people_of
from samples.portal.pages.signedin import portal_of
from samples.portal.pages.templates import page
from samples.portal.reading.agenda import appointments, first_first, week
from samples.portal.reading.careplan import plans
from samples.portal.reading.circle import Person, client_data, contacts
from samples.portal.reading.dutchtime import monday_of
from samples.portal.reading.measurements import renumbered, series
from samples.portal.reading.messages import latest_first, letters
from samples.portal.reading.rights import Level
from samples.portal.reading.timeline import Filter, by_day, events, newest_first, reports

STATIC: Final = Path(__file__).parent.parent / "static"
ON_A_PAGE: Final = 20
SHORTLY: Final = 3


@for_page("", Level.BASIC)
def overview(request: Request, care: CarePage) -> Response:
    """Show the latest of each panel; of the prikbord the latest note alone."""
    coming = [one for one in care.all_of(appointments) if (one.end or one.start).at >= care.now and not one.cancelled]
    return page(
        "overzicht.html",
        care.values("")
        | {
            "reports": newest_first(care.all_of(reports))[:SHORTLY],
            "series": care.all_of(series)[: SHORTLY + 1],
            "plans": care.all_of(lambda contents: plans(contents, care.today)[:1]),
            "coming": first_first(coming)[: SHORTLY + 1],
            "circles": circles(request, care),
            "notices": notices_on(request, care)[:1],
            "letters": latest_first(one for one in care.all_of(letters) if not one.notice)[:1],
        },
    )


@for_page("tijdlijn", Level.PRIVATE_MEDICAL, dossier=True)
def timeline(request: Request, care: CarePage) -> Response:
    """Show what was written in a period and holds the words searched for."""
    wanted = Filter(
        first=day_of(request, "van"), last=day_of(request, "tot"), search=request.query_params.get("zoek", "").strip()
    )
    everything = newest_first(care.all_of(events))
    found = [report for report in everything if wanted.admits(report)]
    pages = max(1, -(-len(found) // ON_A_PAGE))
    number = min(max(number_of(request, "pagina"), 1), pages)
    shown = found[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    return page(
        "tijdlijn.html",
        care.values("tijdlijn")
        | {
            "wanted": wanted,
            "days": by_day(shown),
            "found": len(found),
            "total": len(everything),
            "newer": page_address(wanted, number - 1) if number > 1 else "",
            "older": page_address(wanted, number + 1) if number < pages else "",
            "number": number,
            "pages": pages,
            "periods": periods(care.today),
        },
    )


@for_page("metingen", Level.PRIVATE_MEDICAL, dossier=True)
def measurements(_request: Request, care: CarePage) -> Response:
    """Show every series with its chart and its table."""
    return page("metingen.html", care.values("metingen") | {"series": renumbered(care.all_of(series))})


@for_page("zorgplan", Level.PRIVATE_MEDICAL, dossier=True)
def care_plan(_request: Request, care: CarePage) -> Response:
    """Show the plan in force."""
    return page("zorgplan.html", care.values("zorgplan") | {"plans": care.all_of(lambda one: plans(one, care.today))})


@for_page("agenda", Level.BASIC)
def agenda(request: Request, care: CarePage) -> Response:
    """Show a week."""
    found = first_first(care.all_of(appointments))
    monday = monday_of(day_of(request, "week") or care.today)
    last = max((one.start.day for one in found), default=care.today)
    first = min((one.start.day for one in found), default=care.today)
    return page(
        "agenda.html",
        care.values("agenda")
        | {
            "days": week(found, monday),
            "number": monday.isocalendar().week,
            "year": monday.isocalendar().year,
            "earlier": monday - timedelta(days=7) if monday > monday_of(min(first, care.today)) else None,
            "later": monday + timedelta(days=7) if monday < monday_of(max(last, care.today)) else None,
            "this_week": monday_of(care.today),
            "monday": monday,
        },
    )


@for_page("vertrouwensgroep", Level.BASIC)
def trust_group(request: Request, care: CarePage) -> Response:
    """Show who is in the circle, with which rights, at each organisation."""
    return page("vertrouwensgroep.html", care.values("vertrouwensgroep") | {"circles": circles(request, care)})


def circles(request: Request, care: CarePage) -> list[tuple[str, list[Person]]]:
    """Return the people of each organisation under its name."""
    return [(view.lane.organisation, people_of(portal_of(request), care, view)) for view in care.views]


@for_page("gegevens", Level.BASIC)
def own_data(_request: Request, care: CarePage) -> Response:
    """Show the client's data and the contact persons."""
    known = [(one.lane.organisation, client_data(one.contents), contacts(one.contents, one.reader)) for one in care.views]
    return page("gegevens.html", care.values("gegevens") | {"known": known})


def day_of(request: Request, name: str) -> date | None:
    """Return a date from the address, or ``None`` when it isn't one."""
    try:
        return date.fromisoformat(request.query_params.get(name, ""))
    except ValueError:
        return None


def number_of(request: Request, name: str) -> int:
    """Return a number from the address, or 1."""
    given = request.query_params.get(name, "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 6 else 1


def page_address(wanted: Filter, number: int) -> str:
    """Return the address of another page of the same search."""
    given: dict[str, Any] = {"van": wanted.first, "tot": wanted.last, "zoek": wanted.search, "pagina": number}
    return "?" + urlencode({name: value for name, value in given.items() if value})


def periods(today: date) -> list[tuple[str, str]]:
    """Return the periods that are one click away."""
    return [(f"{days} dagen", f"?van={today - timedelta(days=days - 1)}") for days in (7, 30, 90)]


ROUTES: Final = [
    *signing.ROUTES,
    *confirming.ROUTES,
    *linking.ROUTES,
    *inviting.ROUTES,
    *administration.ROUTES,
    *board.ROUTES,
    *telephone.ROUTES,
    Route("/zorg/{page:id}/", overview),
    Route("/zorg/{page:id}/tijdlijn", timeline),
    Route("/zorg/{page:id}/metingen", measurements),
    Route("/zorg/{page:id}/zorgplan", care_plan),
    Route("/zorg/{page:id}/agenda", agenda),
    Route("/zorg/{page:id}/vertrouwensgroep", trust_group),
    Route("/zorg/{page:id}/gegevens", own_data),
    Mount("/static", StaticFiles(directory=STATIC)),
]
