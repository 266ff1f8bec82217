"""The sync page as an operator sees it, in a browser, beside a gateway whose neighbours misbehaved."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import reachable_folder
from tests.e2e.browsing import follow
from tests.kills.stage import BEFORE_SLOT, Stage, await_condition, prepared, staged

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SCREENSHOTS = os.environ.get("SYNC_PAGE_SCREENSHOTS")

pytestmark = pytest.mark.browser


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A gateway that serves, after a slot in which one record was impossible and every goal refused."""

    stage: Stage
    base: str
    token: str


@pytest.fixture(scope="module")
def running(worker_id: str) -> Iterator[Running]:
    folder = reachable_folder(f"sync-page-{worker_id}")
    with prepared(folder, clients=4) as organisation, staged(organisation, folder.with_name(f"{folder.name}-copy")) as stage:
        stage.ecd.admin("plant", {"what": "impossible_date"})
        stage.fault(kind="422-entry", match="Goal/", times=None)
        with stage.serving(BEFORE_SLOT) as process:
            stage.until_done(process)
            yield Running(stage=stage, base=address(stage), token=(stage.files.folder / "operator-token").read_text())


def address(stage: Stage) -> str:
    """Read where the page listens from the log of ``serve``."""
    found: list[str] = []

    def listening() -> bool:
        lines = [line for log in stage.files.folder.glob("serve-*.log") for line in log.read_text().splitlines()]
        found.extend(event["address"] for event in map(json.loads, lines) if event["event"] == "serve.listening")
        return bool(found)

    await_condition(listening)
    return found[-1].rstrip("/")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, running: Running) -> Iterator[Page]:
    """A fresh browser profile; an error on the console, a refused style for one, fails the test."""
    context = browser.new_context(base_url=running.base, locale="nl-NL", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert [error for error in errors if "401" not in error] == []


def sign_in(page: Page, token: str) -> None:
    page.goto("/")
    page.get_by_label("Operatortoken").fill(token)
    follow(page, "button", "Aanmelden")


def shoot(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)


def assert_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []


def words(page: Page) -> str:
    return re.sub(r"\s+", " ", page.locator("body").inner_text())


def test_without_the_token_there_is_only_a_form(page: Page, running: Running) -> None:
    answer = page.goto("/")

    assert answer is not None
    assert answer.status == 401
    assert "Grootboek" not in page.content()
    assert_accessible(page)
    shoot(page, "aanmelden")


def test_a_wrong_token_is_told_so(page: Page) -> None:
    sign_in(page, "geraden")

    assert "Dit token klopt niet." in words(page)
    assert "Grootboek" not in page.content()
    assert_accessible(page)
    shoot(page, "verkeerd-token")


def test_the_token_opens_the_page_and_stays_out_of_addresses_cookies_and_pages(page: Page, running: Running) -> None:
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    sign_in(page, running.token)

    assert "Grootboek 1" in words(page)
    assert [one for one in addresses if running.token in one] == []
    assert running.token not in page.content()
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert cookie["value"] != running.token


def test_signing_out_ends_the_session_also_for_who_kept_the_cookie(page: Page, running: Running) -> None:
    sign_in(page, running.token)
    [cookie] = page.context.cookies()
    follow(page, "button", "Afmelden")

    kept = httpx2.get(f"{running.base}/", headers={"Cookie": f"{cookie['name']}={cookie['value']}"})
    assert kept.status_code == 401


def test_the_page_says_what_was_read_who_has_what_and_when_the_next_slot_is(page: Page, running: Running) -> None:
    sign_in(page, running.token)
    said = words(page)

    assert "Laatste vaste tijd 21-11-2026 07:00 gelopen" in said
    assert "Volgende vaste tijd 21-11-2026 11:00" in said
    assert "Grootboeken kloppen beide" in said
    assert "op een eigen klok" in said
    assert re.search(r"bron ons in gebruik laatst gelezen 21-11-2026 07:0\d:\d\d klaar", said)
    assert re.search(r"portaal familie in gebruik laatst afgeleverd 21-11-2026 07:0\d:\d\d", said)
    for stream in ("agenda", "care_plans", "clients", "employees", "relations", "reports"):
        assert page.get_by_role("rowheader", name=stream, exact=True).count() == 1
    assert "NEE" not in said


def test_what_is_quarantined_and_what_is_parked_are_named_with_their_reason(page: Page, running: Running) -> None:
    sign_in(page, running.token)

    quarantine = page.get_by_role("region", name="In quarantaine").inner_text()
    assert re.search(r"ons-delinde/\w+#\S+", quarantine)
    parked = page.get_by_role("region", name="Geparkeerd bij een portaal").inner_text()
    assert "geweigerd" in parked
    assert "wacht op wat geweigerd is" in parked
    assert re.search(r"Goal/[0-9a-f-]{36}", parked)
    assert "Vraagt aandacht" in words(page)


@pytest.mark.parametrize("width", [1280, 700])
def test_the_page_is_accessible_and_fits_its_window(page: Page, running: Running, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, running.token)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)
    shoot(page, f"sync-{width}")


def test_the_page_speaks_english_too(page: Page, running: Running) -> None:
    sign_in(page, running.token)
    follow(page, "link", "English")

    said = words(page)
    assert "Ledgers both balance" in said
    assert "Needs attention" in said
    assert page.locator("html").get_attribute("lang") == "en"
    assert not re.search(r"\b(Grootboek|Volgende|geparkeerd|gelopen)\b", said)
    shoot(page, "sync-english")


def test_the_page_shows_no_name_and_no_text(page: Page, running: Running) -> None:
    """What identifies anybody is asked of the portal's own store, which holds it all."""
    sign_in(page, running.token)
    said = page.content()

    bodies = [json.loads(write.body) for write in running.stage.writes() if write.op != "delete"]
    families = {name["family"] for body in bodies for name in body.get("name", []) if isinstance(name, dict) and "family" in name}
    texts = {body["valueString"] for body in bodies if "valueString" in body}
    assert len(families) > 3
    assert texts
    assert [name for name in families if re.search(rf"\b{re.escape(name)}\b", said)] == []
    assert [text for text in texts if text in said] == []


def test_a_program_may_use_the_token_as_bearer(running: Running) -> None:
    assert httpx2.get(f"{running.base}/", headers={"Authorization": f"Bearer {running.token}"}).status_code == 200
    assert httpx2.get(f"{running.base}/", headers={"Authorization": "Bearer x"}).status_code == 401
    assert httpx2.get(f"{running.base}/?token={running.token}").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", ""])
def test_a_name_that_is_not_this_machines_own_is_refused(running: Running, host: str) -> None:
    headers = {"Authorization": f"Bearer {running.token}", "Host": host}

    assert httpx2.get(f"{running.base}/", headers=headers).status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8100"])
def test_the_names_of_this_machine_are_answered(running: Running, host: str) -> None:
    headers = {"Authorization": f"Bearer {running.token}", "Host": host}

    assert httpx2.get(f"{running.base}/", headers=headers).status_code == 200


def test_a_form_from_another_site_is_refused(running: Running) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}

    assert httpx2.post(f"{running.base}/sign-in", data={"token": running.token}, headers=headers).status_code == 403


def test_an_organisation_that_is_not_there_is_told_so(page: Page, running: Running) -> None:
    sign_in(page, running.token)
    answer = httpx2.get(f"{running.base}/nergens", headers={"Authorization": f"Bearer {running.token}", "Accept-Language": "nl"})

    assert answer.status_code == 404
    assert "niet bekend" in answer.text
