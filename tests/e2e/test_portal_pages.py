"""What family members see on the sample portal's pages, in a browser."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests import portal_bundles as made
from tests.e2e.browsing import follow
from tests.portal_visits import sign_in
from tests.sample_portal import RunningPortal, running_portal

VENDOR = Path(__file__).parents[2] / "samples/portal/static/vendor"
SCREENSHOTS = os.environ.get("PORTAL_SCREENSHOTS")
TODAY = datetime.now(made.AMSTERDAM).date()
DOSSIER_PAGES = ("tijdlijn", "metingen", "zorgplan")
PAGES = ("", *DOSSIER_PAGES, "agenda", "berichten", "vertrouwensgroep", "gegevens")
ACCOUNTS = [
    {"account": "anna", "name": "Anna Bos", "members": [made.ANNA, made.ANNA_FOR_JAN]},
    {"account": "piet", "name": "Piet Hendriks", "members": [made.PIET]},
    {"account": "niek", "name": "Niek Bos", "members": [made.NIEK]},
    {"account": "nieuw", "name": "Nieuwe Naam", "members": ["00000000-0000-4000-8000-0000000000ff"]},
]

pytestmark = pytest.mark.browser


def deliver(portal: RunningPortal, member: str, resources: list[made.Resource]) -> None:
    client = portal.member(member)
    for start in range(0, len(resources), 100):
        answer = client.put(*resources[start : start + 100])
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as running:
        deliver(running, made.ANNA, [*made.for_the_trust_group(TODAY), *made.for_nobody(TODAY)])
        deliver(running, made.PIET, [*made.for_a_basic_member(TODAY), *made.delivered_by_mistake(TODAY), *made.for_nobody(TODAY)])
        deliver(running, made.NIEK, [*made.people(), made.care_team()])
        deliver(running, made.ANNA_FOR_JAN, of_another_client())
        assert running.http.post(f"{running.base}/_sample/accounts", json=ACCOUNTS).status_code == 200
        slots = {"last": made.at(TODAY, 0, 0), "next": made.at(TODAY + timedelta(days=1), 7)}
        assert running.http.post(f"{running.base}/sync-status", json=slots, headers=running.bearer()).status_code == 204
        yield running


def of_another_client() -> list[made.Resource]:
    patient = made.people()[0] | {"name": [{"use": "official", "text": "Jan Pieters"}]}
    me = made.related("anna", "Anna", "Bos", "FRND", "23", "+31612345678")
    team = made.care_team({"anna": "basic"})
    team["participant"][0]["member"]["identifier"]["value"] = made.ANNA_FOR_JAN
    return [patient, me, team, *made.appointments(TODAY, whole=False)]


@pytest.fixture
def page(browser: Browser, portal: RunningPortal) -> Iterator[Page]:
    """A fresh browser profile; an error on the console, a refused script for one, fails the test."""
    context = browser.new_context(
        base_url=portal.base, locale="nl-NL", timezone_id="America/New_York", viewport={"width": 1180, "height": 900}
    )
    opened = context.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert [error for error in errors if "404" not in error] == []


def visit(page: Page, member: str, place: str) -> str:
    page.goto(f"/zorg/{member}/{place}")
    return page.locator("body").inner_text()


def shoot(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)


def assert_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []


# A member of the trust group


def test_a_trust_group_member_reads_all_panels(page: Page) -> None:
    sign_in(page, "Anna Bos")
    shoot(page, "clienten")
    follow(page, "link", "Willemien van der Zande-Bos")
    assert page.get_by_role("navigation", name="Onderdelen").get_by_role("link").count() == len(PAGES)

    for place in PAGES:
        words = visit(page, made.ANNA, place)
        assert "Willemien van der Zande-Bos" in words
        assert made.CANARY not in page.content()
        assert "bijgewerkt tot vandaag 00:00 / volgende om 07:00 (morgen)" in re.sub(r"\s+", " ", words)
        if place == "metingen":
            page.wait_for_selector("[data-drawn=yes]")
        assert_accessible(page)
        shoot(page, f"anna-{place or 'overzicht'}")


@pytest.mark.row("C14")
def test_reports_name_their_author_organisation_and_time(page: Page) -> None:
    sign_in(page, "Anna Bos")
    words = visit(page, made.ANNA, "tijdlijn")

    newest = page.locator("article").first
    assert newest.locator("header time").inner_text() == "18:06"
    assert "Marijke de Groot" in newest.inner_text()
    assert "Thuiszorg De Linde" in newest.inner_text()
    assert "Wondzorg" in words
    assert "Genezing verloopt volgens verwachting." in words


@pytest.mark.row("C14")
def test_a_date_without_time_stays_without_time(page: Page) -> None:
    sign_in(page, "Anna Bos")
    visit(page, made.ANNA, "tijdlijn?zoek=nachtdienst")

    assert page.locator("article").count() == 1
    assert page.locator("article time").count() == 0


@pytest.mark.row("M11")
def test_the_time_line_is_searched_within_a_period_and_without_accents(page: Page) -> None:
    sign_in(page, "Anna Bos")
    visit(page, made.ANNA, "tijdlijn")
    page.get_by_label("Zoek in de tekst").fill("CAFE concert")
    page.get_by_label("Van", exact=True).fill((TODAY - timedelta(days=5)).isoformat())
    follow(page, "button", "Toon")

    assert page.get_by_role("status").inner_text() == "2 van 43 gevonden"
    assert page.locator("mark").first.inner_text() == "café"
    shoot(page, "anna-zoeken")


def test_older_reports_are_on_the_next_page(page: Page) -> None:
    sign_in(page, "Anna Bos")
    visit(page, made.ANNA, "tijdlijn")
    assert page.locator("article").count() == 20
    follow(page, "link", "Ouder")
    follow(page, "link", "Ouder")

    assert "Bladzijde 3 van 3" in page.locator("body").inner_text()
    assert page.locator("article").count() == 3


@pytest.mark.row("C15")
def test_digits_survive_and_what_is_no_number_is_not_drawn(page: Page) -> None:
    sign_in(page, "Anna Bos")
    words = visit(page, made.ANNA, "metingen")
    drawn = page.evaluate("[...document.scripts].filter(s => s.type === 'application/json').map(s => JSON.parse(s.text))")

    assert "Genoteerd als: HI" in words
    assert "142 / 84 mmHg" in words
    glucose = next(chart for chart in drawn if chart["label"] == "Bloedsuiker")
    assert len(glucose["times"]) == len(glucose["lines"][0]["numbers"]) == 6
    assert [line["name"] for line in drawn[1]["lines"]] == ["Bovendruk", "Onderdruk"]


@pytest.mark.row("C15")
def test_a_chart_has_a_dutch_time_axis_wherever_the_browser_is(page: Page) -> None:
    """The browser of these tests is in New York; half past seven in Groenlo is still half past seven."""
    sign_in(page, "Anna Bos")
    visit(page, made.ANNA, "metingen")
    page.wait_for_selector("[data-drawn=yes]")
    chart = page.locator("[data-drawn]").last
    chart.scroll_into_view_if_needed()
    chart.locator(".u-over").hover(position={"x": 3, "y": 40})

    assert chart.locator(".u-legend .u-value").first.inner_text().endswith(", 07:40")
    assert chart.locator(".u-legend .u-value").nth(1).inner_text() == "6,9"


@pytest.mark.row("C16")
def test_goals_stand_under_their_domain_in_order(page: Page) -> None:
    sign_in(page, "Anna Bos")
    words = visit(page, made.ANNA, "zorgplan")

    headings = [one.inner_text().split("\n")[-1] for one in page.locator(".domain h2").all()]
    assert [re.sub(r"^\d\s*", "", heading) for heading in headings] == [
        "Woon- en leefomstandigheden",
        "Lichamelijk welbevinden",
        "Mentaal welbevinden",
    ]
    assert words.index("De wond aan het onderbeen") < words.index("Verband om de dag wisselen")


def test_contact_details_are_the_readers_own(page: Page) -> None:
    sign_in(page, "Anna Bos")
    words = visit(page, made.ANNA, "gegevens")

    assert "+31612345678" in words
    assert "+31687654321" not in words
    assert "17 april 1938" in words


@pytest.mark.row("C4")
@pytest.mark.row("M4")
def test_clients_are_seen_one_at_a_time(page: Page) -> None:
    sign_in(page, "Anna Bos")

    assert "Jan Pieters" not in visit(page, made.ANNA, "agenda")
    follow(page, "link", "Wissel van cliënt")
    follow(page, "link", "Jan Pieters")
    assert "Willemien" not in page.locator("body").inner_text()
    assert page.get_by_role("link", name="Tijdlijn").count() == 0


# A basic member


def test_a_basic_member_sees_no_dossier_and_appointments_only_reduced(page: Page) -> None:
    sign_in(page, "Piet Hendriks")
    assert page.get_by_role("navigation", name="Onderdelen").get_by_role("link").count() == 5

    for place in PAGES:
        visit(page, made.PIET, place)
        assert made.CANARY not in page.content()
        assert_accessible(page)
        shoot(page, f"piet-{place or 'overzicht'}")


def test_a_basic_member_is_told_that_times_are_indicative(page: Page) -> None:
    sign_in(page, "Piet Hendriks")
    words = visit(page, made.PIET, "agenda")

    assert "Tijden zijn indicatief" in words
    assert "Wijkverpleging" in words
    assert "08:00 – 08:30" in words
    assert "vervallen" in words
    assert "Sem Yilmaz" not in words


def test_the_dossier_pages_explain_themselves_to_a_basic_member(page: Page) -> None:
    sign_in(page, "Piet Hendriks")

    for place in DOSSIER_PAGES:
        assert "Dit deel is voor de vertrouwensgroep" in visit(page, made.PIET, place)


def test_a_basic_member_learns_the_clients_name_and_no_more(page: Page) -> None:
    sign_in(page, "Piet Hendriks")
    words = visit(page, made.PIET, "gegevens")

    assert "Willemien" in words
    assert "Molenweg" not in words
    assert "1938" not in words


def test_everybody_in_the_circle_sees_who_has_which_rights(page: Page) -> None:
    sign_in(page, "Piet Hendriks")
    visit(page, made.PIET, "vertrouwensgroep")

    rows = [row.inner_text() for row in page.locator(".circle tbody tr").all()]
    assert [re.sub(r"\s+", " ", row) for row in rows] == [
        "Anna Bos dochter, eerste contactpersoon Vertrouwensgroep",
        "Piet Hendriks dat bent u buur, contactpersoon Basis",
        "Niek Bos neef, contactpersoon Niets",
    ]


# No right, no account, no session


@pytest.mark.parametrize(
    ("name", "heading"), [("Niek Bos", "Hier is voor u niets te zien"), ("Nieuwe Naam", "Hier is nog niets te zien")]
)
def test_without_a_right_there_is_an_explanation_and_no_client(page: Page, name: str, heading: str) -> None:
    sign_in(page, name)

    assert heading in page.locator("body").inner_text()
    assert "Willemien" not in page.content()
    assert_accessible(page)
    shoot(page, "geen-toegang")


def test_a_lowered_right_holds_at_the_next_request(page: Page, portal: RunningPortal) -> None:
    sign_in(page, "Piet Hendriks")
    try:
        deliver(portal, made.PIET, [made.care_team(made.RIGHTS | {"piet": "none"})])
        assert "Willemien" not in visit(page, made.PIET, "agenda")
    finally:
        deliver(portal, made.PIET, [made.care_team()])


@pytest.mark.row("C4")
def test_another_accounts_page_does_not_exist(page: Page) -> None:
    sign_in(page, "Piet Hendriks")
    answer = page.goto(f"/zorg/{made.ANNA}/")

    assert answer is not None
    assert answer.status == 404
    assert "Willemien" not in page.content()


def test_signing_out_ends_the_session(page: Page) -> None:
    sign_in(page, "Piet Hendriks")
    assert {(cookie["httpOnly"], cookie["sameSite"]) for cookie in page.context.cookies()} == {(True, "Strict")}
    follow(page, "button", "Afmelden")

    assert "Welkom" in visit(page, made.PIET, "agenda")


def test_the_entrance_says_that_it_is_a_demonstration(page: Page) -> None:
    page.goto("/")

    assert "Dit is een demonstratie" in page.locator("body").inner_text()
    assert_accessible(page)
    shoot(page, "aanmelden")


def test_pages_fit_a_telephone(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 720})
    sign_in(page, "Anna Bos")

    for place in PAGES:
        visit(page, made.ANNA, place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        shoot(page, f"telefoon-{place or 'overzicht'}")


def test_pages_work_without_javascript(browser: Browser, portal: RunningPortal) -> None:
    context = browser.new_context(base_url=portal.base, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, "Anna Bos")

    assert "72,5 kg" in visit(page, made.ANNA, "metingen")
    context.close()


# Around the pages


def test_every_answer_carries_the_security_headers(portal: RunningPortal) -> None:
    for path in ("/", f"/zorg/{made.ANNA}/", "/nergens", "/static/charts.js"):
        headers = portal.http.get(f"{portal.base}{path}").headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert portal.http.get(f"{portal.base}/").headers["cache-control"] == "no-store"


def test_a_form_sent_from_another_site_is_refused(portal: RunningPortal) -> None:
    answer = portal.http.post(f"{portal.base}/aanmelden", data={"account": "anna"}, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403


def test_the_vendored_files_are_what_their_page_says() -> None:
    rows = re.findall(r"\| `(\S+)` \| `([0-9a-f]{64})` \|", (VENDOR / "README.md").read_text(encoding="utf-8"))

    assert len(rows) == 3
    assert {name: hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() for name, _ in rows} == dict(rows)
