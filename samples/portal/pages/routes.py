"""The addresses of the pages. None holds a name: a member is a UUID."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from samples.portal.accounts import SESSION, Account
from samples.portal.pages.carepage import COOKIE, CarePage, care_page, for_member, portal_of, signed_in
from samples.portal.pages.templates import page
from samples.portal.portal import Portal
from samples.portal.reading.agenda import appointments, week
from samples.portal.reading.careplan import plans
from samples.portal.reading.circle import circle, client_data, client_name, contacts
from samples.portal.reading.dutchtime import monday_of
from samples.portal.reading.measurements import series
from samples.portal.reading.people import relation
from samples.portal.reading.rights import LEVEL_NAMES, Level
from samples.portal.reading.timeline import Filter, by_day, reports

STATIC: Final = Path(__file__).parent.parent / "static"
ON_A_PAGE: Final = 20
ACCOUNTS_SHOWN: Final = 24
SHORTLY: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A compartment that an account may open: ``client`` is empty when there is no right to know who it is."""

    member: str
    client: str
    relation: str
    level: Level

    @property
    def right(self) -> str:
        """Return the level's Dutch name."""
        return LEVEL_NAMES[self.level]


def choice_of(portal: Portal, account: Account, member: str) -> Choice:
    """Return how a compartment is offered."""
    care = care_page(portal, account, member)
    own = care.contents.resolve({"reference": care.reader.reference})
    return Choice(
        member=member,
        client=client_name(care.contents),
        relation=relation(own),
        level=care.reader.level,
    )


def entrance(request: Request) -> Response:
    """``/``: the demonstration sign-in; somebody who is signed in goes on."""
    if signed_in(request) is not None:
        return RedirectResponse("/clienten", 303)
    portal = portal_of(request)
    name = request.query_params.get("naam", "").strip()
    found, total = portal.accounts.find(name, ACCOUNTS_SHOWN)
    offered = [(account, [choice_of(portal, account, member) for member in account.members]) for account in found]
    return page("aanmelden.html", {"offered": offered, "total": total, "name": name})


async def sign_in(request: Request) -> Response:
    """``POST /aanmelden``: begin a session. A real portal asks for proof here, and for a code before the dossier."""
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    accounts = portal_of(request).accounts
    if await run_in_threadpool(accounts.one, form.get("account", "")) is None:
        return RedirectResponse("/", 303)
    secret = await run_in_threadpool(accounts.sign_in, form["account"])
    answer = RedirectResponse("/clienten", 303)
    lasts = int(SESSION.total_seconds())
    answer.set_cookie(COOKIE, secret, lasts, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return answer


def sign_out(request: Request) -> Response:
    """``POST /afmelden``: end the session."""
    portal_of(request).accounts.sign_out(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def clients(request: Request) -> Response:
    """``/clienten``: choose the client; with one there is nothing to choose."""
    account = signed_in(request)
    if account is None:
        return RedirectResponse("/", 303)
    if len(account.members) == 1:
        return RedirectResponse(f"/zorg/{account.members[0]}/", 303)
    offered = [choice_of(portal_of(request), account, member) for member in account.members]
    return page("clienten.html", {"account": account, "offered": offered})


@for_member("", Level.BASIC)
def overview(_request: Request, care: CarePage) -> Response:
    """Show the latest of each panel."""
    coming = [one for one in appointments(care.contents) if (one.end or one.start).at >= care.now and not one.cancelled]
    return page(
        "overzicht.html",
        care.values("")
        | {
            "reports": reports(care.contents)[:SHORTLY],
            "series": series(care.contents)[: SHORTLY + 1],
            "plans": plans(care.contents, care.today)[:1],
            "coming": coming[: SHORTLY + 1],
            "circle": circle(care.contents, care.reader, care.today),
        },
    )


@for_member("tijdlijn", Level.PRIVATE_MEDICAL)
def timeline(request: Request, care: CarePage) -> Response:
    """Show the reports of a period that hold the words searched for."""
    wanted = Filter(
        first=day_of(request, "van"), last=day_of(request, "tot"), search=request.query_params.get("zoek", "").strip()
    )
    everything = reports(care.contents)
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


@for_member("metingen", Level.PRIVATE_MEDICAL)
def measurements(_request: Request, care: CarePage) -> Response:
    """Show every series with its chart and its table."""
    return page("metingen.html", care.values("metingen") | {"series": series(care.contents)})


@for_member("zorgplan", Level.PRIVATE_MEDICAL)
def care_plan(_request: Request, care: CarePage) -> Response:
    """Show the plan in force."""
    return page("zorgplan.html", care.values("zorgplan") | {"plans": plans(care.contents, care.today)})


@for_member("agenda", Level.BASIC)
def agenda(request: Request, care: CarePage) -> Response:
    """Show a week."""
    found = appointments(care.contents)
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


@for_member("vertrouwensgroep", Level.BASIC)
def trust_group(_request: Request, care: CarePage) -> Response:
    """Show who is in the circle, with which rights."""
    people = circle(care.contents, care.reader, care.today)
    return page("vertrouwensgroep.html", care.values("vertrouwensgroep") | {"people": people})


@for_member("gegevens", Level.BASIC)
def own_data(_request: Request, care: CarePage) -> Response:
    """Show the client's data and the contact persons."""
    values = {"rows": client_data(care.contents), "contacts": contacts(care.contents, care.reader)}
    return page("gegevens.html", care.values("gegevens") | values)


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
    Route("/", entrance),
    Route("/aanmelden", sign_in, methods=["POST"]),
    Route("/afmelden", sign_out, methods=["POST"]),
    Route("/clienten", clients),
    Route("/zorg/{member:id}/", overview),
    Route("/zorg/{member:id}/tijdlijn", timeline),
    Route("/zorg/{member:id}/metingen", measurements),
    Route("/zorg/{member:id}/zorgplan", care_plan),
    Route("/zorg/{member:id}/agenda", agenda),
    Route("/zorg/{member:id}/vertrouwensgroep", trust_group),
    Route("/zorg/{member:id}/gegevens", own_data),
    Mount("/static", StaticFiles(directory=STATIC)),
]
