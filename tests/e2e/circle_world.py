"""A sample portal with the stand-ins of two organisations' gateways, for tests of its own pages."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests import portal_bundles as made
from tests.e2e.browsing import follow
from tests.gateway_double import GatewayDouble, serving
from tests.portal_visits import sign_in
from tests.sample_portal import RunningPortal, running_portal

SCREENSHOTS = os.environ.get("PORTAL_SCREENSHOTS")
TODAY = datetime.now(made.AMSTERDAM).date()
PEOPLE = {"anna": "Anna Bos", "piet": "Piet Hendriks", "niek": "Niek Bos", "willemien": "Willemien van der Zande"}
ACCOUNTS = [{"account": who, "name": name, "members": [], "email": f"{who}@voorbeeld.example"} for who, name in PEOPLE.items()]
CODE, TYPED = "7K3M9PQ2XZ", "7k3m9-pq2xz"


@dataclass(frozen=True, kw_only=True)
class Circle:
    """The portal, and the organisations that its pages can be linked to."""

    portal: RunningPortal
    linde: GatewayDouble
    vesta: GatewayDouble

    def bring(
        self, levels: dict[str, str], *, members: dict[str, str] | None = None, more: list[made.Resource] | None = None
    ) -> dict[str, str]:
        """Deliver as a gateway does: each member's compartment as the level allows. Return who has which member."""
        known = members or {who: str(uuid4()) for who in levels}
        for who, level in levels.items():
            whole = made.for_the_trust_group(TODAY) if level == "private-medical" else made.for_a_basic_member(TODAY)
            plain = [one for one in whole if one["resourceType"] != "CareTeam"]
            self.put(known[who], [*plain, *(more or []), team(levels, known)])
        return known

    def put(self, member: str, resources: list[made.Resource]) -> None:
        """Write into a compartment."""
        client = self.portal.member(member)
        for start in range(0, len(resources), 100):
            answer = client.put(*resources[start : start + 100])
            assert answer.status_code == 200, answer.text

    def linked(self, page: Page, who: str, member: str) -> str:
        """Sign in, make a page, link it with a letter's code; return the page's address."""
        sign_in(page, PEOPLE[who])
        base = new_page(page)
        self.linde.letters[CODE] = member
        type_code(page, TYPED)
        return base

    def invited(self, page: Page, base: str, email: str, level: str, member: str) -> None:
        """Invite somebody from the administrator's page; when they accept, this is their compartment."""
        self.linde.joining.append(member)
        page.goto(f"{base}/beheer")
        page.get_by_text("Nodig iemand uit").first.click()
        page.get_by_label("E-mailadres").fill(email)
        page.locator(".invite").get_by_label(level).check()
        follow(page, "button", "Stuur de uitnodiging")


def team(levels: dict[str, str], members: dict[str, str]) -> made.Resource:
    """The trust group with these levels; the client is in it as themselves, who isn't known to the organisation by their member alone."""
    references = {"anna": "RelatedPerson/anna", "piet": "RelatedPerson/piet", "willemien": "Patient/c1"}
    participants: list[dict[str, Any]] = []
    for who, level in levels.items():
        member: dict[str, Any] = {"identifier": {"system": f"{made.BASE}/NamingSystem/member", "value": members[who]}}
        if who in references:
            member["reference"] = references[who]
        role = {"coding": [{"system": f"{made.BASE}/CodeSystem/right", "code": level}]}
        participants.append({"role": [role], "member": member})
    return made.care_team() | {"participant": participants}


def new_page(page: Page) -> str:
    """Make a care page and return its address."""
    page.goto("/clienten?kies")
    page.get_by_label("Hoe noemt u deze pagina?").fill("De zorg van moeder")
    follow(page, "button", "Maak")
    return page.url.removesuffix("/koppelen")


def type_code(page: Page, code: str) -> str:
    """Type a code from a letter and return what the page says then."""
    page.get_by_label("Code uit de brief").fill(code)
    follow(page, "button", "Koppel")
    return page.locator("body").inner_text()


@contextmanager
def circle_on(portal: RunningPortal, providers: Path) -> Iterator[Circle]:
    """Let the portal know two organisations, each with a gateway that starts empty."""
    linde, vesta = GatewayDouble(code="linde", name="Thuiszorg De Linde"), GatewayDouble(code="vesta", name="Dagcentrum Vesta")
    with serving(linde), serving(vesta):
        providers.write_text(json.dumps([linde.provider(), vesta.provider()]), encoding="utf-8")
        portal.http.put(f"{portal.base}/_sample/accounts", json=ACCOUNTS)
        yield Circle(portal=portal, linde=linde, vesta=vesta)


@contextmanager
def portal_of_circles(folder: Path) -> Iterator[tuple[RunningPortal, Path]]:
    """Start a portal; return it with the file that names its organisations."""
    providers = folder / "providers.json"
    with running_portal(folder, "--providers", str(providers)) as running:
        yield running, providers


@contextmanager
def window(browser: Browser, base: str, width: int = 1180) -> Iterator[Page]:
    """Open a browser that nobody used before; an error on its console, a refused script for one, fails the test."""
    context = browser.new_context(base_url=base, locale="nl-NL", viewport={"width": width, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert [error for error in errors if "status of 4" not in error and "status of 503" not in error] == []


def look_at(page: Page, name: str) -> None:
    """Fail on a serious fault of accessibility or a page wider than its window; take its picture when pictures are wanted."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)
