"""A family's circle over the real gateway: from a letter's code to what is gone after a right was lowered, in two browsers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from api.demonstration.setup import introduce
from tests.conftest import reachable_folder
from tests.e2e.browsing import follow, words
from tests.e2e.circle_world import look_at, new_page, type_code, window
from tests.e2e.test_sync_page import address
from tests.kills.stage import BEFORE_SLOT, Stage, await_condition, prepared, staged
from tests.portal_visits import code_in, mailed_to, received, sign_in, sign_in_again

pytestmark = pytest.mark.browser
ACCOUNTS = [
    {"account": "acc-1", "name": "Beatrix Beheer", "members": [], "email": "beatrix@voorbeeld.example"},
    {"account": "acc-2", "name": "Gijs Gast", "members": [], "email": "gijs@voorbeeld.example"},
]
MEASUREMENT = " kg"


@dataclass(frozen=True, kw_only=True)
class Running:
    """The whole way from the ECD to the portal, and the relation that a letter is written to."""

    stage: Stage
    link: dict[str, Any]

    def held(self, member: str) -> dict[str, str]:
        """What the portal's own store holds for a member now: key and class, the directory and the circle apart."""
        kinds: dict[str, str] = {}
        for write in self.stage.writes():
            if write.member == member:
                kinds.pop(f"{write.type}/{write.id}", None)
                if write.op == "put":
                    kinds[f"{write.type}/{write.id}"] = write.type
        return kinds


@pytest.fixture(scope="module")
def running(worker_id: str) -> Iterator[Running]:
    folder = reachable_folder(f"circle-{worker_id}")
    with ExitStack() as stack:
        organisation = stack.enter_context(prepared(folder, clients=3, days=10))
        stage = stack.enter_context(staged(organisation, folder.with_name(f"{folder.name}-stage")))
        process = stack.enter_context(stage.serving(BEFORE_SLOT))
        stage.until_done(process)
        introduce(stage.files, address(stage))
        links = [json.loads(line) for line in stage.files.links.read_text().splitlines()]
        stage.portal.admin("accounts", ACCOUNTS)
        yield Running(stage=stage, link=next(one for one in links if one["level"] == "private-medical"))


@pytest.fixture
def pages(browser: Browser, running: Running) -> Iterator[tuple[Page, Page]]:
    """The administrator's browser, and a guest's telephone."""
    base = running.stage.portal.base_url
    with window(browser, base) as administrator, window(browser, base, width=375) as guest:
        yield administrator, guest


def shows(page: Page, place: str, text: str) -> Callable[[], bool]:
    return lambda: text in words(page, place)


def confirmed(page: Page, account: str, name: str) -> None:
    """Sign out and in again, and open the dossier with a code."""
    follow(page, "button", "Afmelden")
    sign_in_again(page, name)
    page.goto("/bevestigen")
    follow(page, "button", "Sms-code")
    page.get_by_label("Code", exact=True).fill(code_in(received(page, account, "sms")))
    follow(page, "button", "Bevestig")


@pytest.mark.row("C2")
@pytest.mark.row("C3")
@pytest.mark.row("M3")
def test_from_a_letters_code_to_what_is_gone_after_a_right_was_lowered(running: Running, pages: tuple[Page, Page]) -> None:
    stage, (page, guest) = running.stage, pages
    told = stage.run("link", "code", str(running.link["client"]), str(running.link["person"]), "--level", "private-medical")
    assert told.returncode == 0, told.stderr
    code = told.stdout.strip()

    # Linking: a page of one's own, with the code of the letter, once.
    sign_in(page, "Beatrix Beheer")
    base = new_page(page)
    assert "Deze code werkt niet" in type_code(page, "AAAAA-AAAAA")
    assert "actief" in type_code(page, code)
    confirmed(page, "acc-1", "Beatrix Beheer")
    await_condition(shows(page, f"{base}/metingen", MEASUREMENT))
    look_at(page, "echt-beheerder-metingen")
    assert "Thuiszorg De Linde" in words(page, f"{base}/agenda")

    # Inviting somebody to a part of the dossier: nothing before they accept.
    page.goto(f"{base}/beheer")
    page.locator("summary", has_text="Nodig iemand uit").click()
    invite = page.locator(".invite")
    invite.get_by_label("E-mailadres").fill("gijs@voorbeeld.example")
    invite.get_by_label("Vertrouwensgroep", exact=True).check()
    invite.get_by_text("Alleen een deel van het dossier").click()
    invite.get_by_label("Beperk de vertrouwensgroep tot:").check()
    invite.get_by_label("Metingen").check()
    invite.get_by_label("Afspraken").check()
    look_at(page, "echt-uitnodigen")
    follow(page, "button", "Stuur de uitnodiging")
    assert "uitgenodigd, 0 dagen" in page.locator("body").inner_text()
    before = len(stage.writes())
    sign_in(guest, "Gijs Gast")
    guest.goto(mailed_to(guest, "gijs@voorbeeld.example"))
    assert len(stage.writes()) == before
    follow(guest, "button", "Neem de uitnodiging aan")
    await_condition(shows(guest, f"{base}/agenda", "Tijden zijn indicatief"))

    # The guest reads the part that was given, and with a second proof only.
    follow(guest, "button", "Afmelden")
    sign_in_again(guest, "Gijs Gast")
    assert "Bevestig wie u bent" in words(guest, f"{base}/metingen")
    confirmed(guest, "acc-2", "Gijs Gast")
    await_condition(shows(guest, f"{base}/metingen", MEASUREMENT))
    look_at(guest, "echt-gast-metingen-telefoon")
    assert "Er staat nog niets op de tijdlijn." in words(guest, f"{base}/tijdlijn")
    assert "Er is nu geen geldig zorgplan." in words(guest, f"{base}/zorgplan")
    member = next(iter({write.member for write in stage.writes()} - set(stage.members.values())))
    measured = sum(kind == "Observation" for kind in running.held(member).values())
    assert measured > 0

    # Lowering: what would change is told exactly, nothing is saved, then it is, and what was there is gone.
    page.goto(f"{base}/beheer")
    page.locator("li", has_text="Gijs Gast").locator("summary", has_text="Wijzig").click()
    page.locator("li", has_text="Gijs Gast").get_by_label("Basis").check()
    follow(page, "button", "Wat verandert er?")
    told_rows = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in page.locator(".effect tbody tr").all()
    }
    assert told_rows["Metingen"] == ["0", str(measured), "0", "0"]
    assert "kan niet ongelezen worden gemaakt" in page.locator("body").inner_text()
    look_at(page, "echt-wat-verandert")
    assert MEASUREMENT in words(guest, f"{base}/metingen")
    follow(page, "button", "Opslaan")
    await_condition(lambda: MEASUREMENT not in words(guest, f"{base}/metingen"))
    await_condition(lambda: "Observation" not in running.held(member).values())
    await_condition(shows(guest, f"{base}/metingen", "Dit deel is voor de vertrouwensgroep"))
    look_at(guest, "echt-gast-verlaagd-telefoon")

    # Taking off: everything goes.
    page.goto(f"{base}/beheer")
    page.locator("li", has_text="Gijs Gast").locator("summary", has_text="Wijzig").click()
    follow(page, "button", "Verwijder van deze pagina")
    look_at(page, "echt-verwijderen")
    follow(page, "button", "Verwijder")
    assert "U heeft nog geen zorgpagina." in words(guest, "/clienten")
    await_condition(lambda: running.held(member) == {})
    assert stage.run("verify").returncode == 0
