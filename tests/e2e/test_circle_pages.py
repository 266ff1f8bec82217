"""Who is on a care page: linking by letter, inviting and accepting, and what the administrator does with rights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from tests import portal_bundles as made
from tests.e2e.browsing import follow, words
from tests.e2e.circle_world import (
    CODE,
    PEOPLE,
    TODAY,
    TYPED,
    Circle,
    look_at,
    new_page,
    team,
    type_code,
    window,
)
from tests.portal_visits import LINK, mailed_to, sign_in

pytestmark = pytest.mark.browser
PATIENT = "Willemien"
LEVELS = {"anna": "private-medical", "piet": "basic"}


@pytest.fixture
def page(browser: Browser, circle: Circle) -> Iterator[Page]:
    with window(browser, circle.portal.base) as opened:
        yield opened


@pytest.fixture
def other(browser: Browser, circle: Circle) -> Iterator[Page]:
    """Another person's telephone."""
    with window(browser, circle.portal.base, width=375) as opened:
        yield opened


# Linking


@pytest.mark.row("C1")
@pytest.mark.row("C3")
def test_a_page_shows_nothing_before_it_is_linked_with_the_code_of_a_letter(page: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    sign_in(page, PEOPLE["anna"])
    base = new_page(page)
    look_at(page, "koppelen")
    assert "niet gekoppeld" in words(page, f"{base}/beheer")
    assert "niet gekoppeld" in words(page, "/clienten?kies")
    circle.linde.letters[CODE] = members["anna"]
    page.goto(f"{base}/koppelen")

    assert "actief" in type_code(page, TYPED)

    look_at(page, "beheer-gekoppeld")
    assert PATIENT in words(page, f"{base}/")
    [asked] = [body for method, path, body in circle.linde.asked if path == "links"]
    assert asked == {"code": CODE, "account": "anna", "page": base.rpartition("/")[2]}


@pytest.mark.row("C3")
def test_every_code_that_opens_nothing_gets_one_answer_and_too_many_tries_how_long_to_wait(page: Page, circle: Circle) -> None:
    sign_in(page, PEOPLE["anna"])
    new_page(page)

    said = {type_code(page, code) for code in ("AAAAA-AAAAA", "BBBBB-BBBBB")}
    assert len(said) == 1
    assert "Deze code werkt niet" in said.pop()
    look_at(page, "code-werkt-niet")
    circle.linde.wrong = 5
    assert "Probeer het over 14 minuten opnieuw." in type_code(page, "CCCCC-CCCCC")
    circle.linde.silent = True
    assert "niet bereikbaar" in type_code(page, "CCCCC-CCCCC")


@pytest.mark.row("C4")
@pytest.mark.parametrize("width", [375, 1280])
def test_a_letter_about_another_client_is_refused_in_words_and_the_code_is_kept(page: Page, circle: Circle, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    base = circle.linked(page, "anna", circle.bring({"anna": "private-medical"})["anna"])
    circle.vesta.other_client = True
    page.goto(f"{base}/koppelen")

    said = type_code(page, TYPED)

    assert "niet zeker dat hij over dezelfde cliënt gaat" in said
    assert "de code blijft geldig" in said
    look_at(page, f"koppelen-andere-client-{width}")
    assert "Dagcentrum Vesta" not in words(page, f"{base}/vertrouwensgroep")


@pytest.mark.parametrize("width", [375, 1280])
def test_who_links_a_client_that_somebody_else_administers_is_told_so(page: Page, circle: Circle, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    circle.linde.administered = True

    base = circle.linked(page, "anna", circle.bring({"anna": "private-medical"})["anna"])

    said = words(page, f"{base}/beheer")
    assert "u leest mee" in said
    assert "Een ander is bij deze zorgaanbieder de beheerder" in said
    assert page.get_by_text("Nodig iemand uit").count() == 0
    look_at(page, f"beheer-meelezer-{width}")
    assert "Wie als eerste koppelt" in words(page, f"{base}/koppelen")


def test_long_words_stay_within_their_card_on_a_telephone(page: Page, circle: Circle) -> None:
    page.set_viewport_size({"width": 375, "height": 900})
    circle.linde.name = "Zorggroep Noordoost-Veluwezoom"
    visit = made.appointments(TODAY, whole=True)[0]
    long = "Ergotherapeutische woningaanpassingsbegeleiding"
    coming = [
        visit | {"id": f"lang-{day}", "start": made.at(day, 9), "end": made.at(day, 10), "serviceType": [{"text": long}]}
        for day in (TODAY + timedelta(days=1), TODAY + timedelta(days=2))
    ]
    base = circle.linked(page, "anna", circle.bring({"anna": "private-medical"}, more=coming)["anna"])
    assert long in words(page, f"{base}/")
    look_at(page, "overzicht-lange-woorden-375")

    edges = page.evaluate("[...document.querySelectorAll('.card, .coming li *')].map(one => one.getBoundingClientRect().right)")
    assert max(edges) <= 375


def test_each_item_says_of_which_organisation_it_is_when_a_page_has_several(page: Page, circle: Circle) -> None:
    here = circle.bring({"anna": "private-medical"})
    base = circle.linked(page, "anna", here["anna"])
    there = circle.bring({"anna": "private-medical"}, more=[made.report("elders", made.at(TODAY, 12), "Vandaag geschilderd.")])
    circle.vesta.letters[CODE] = there["anna"]
    page.goto(f"{base}/koppelen")
    type_code(page, TYPED)

    for place in ("", "/tijdlijn", "/metingen", "/zorgplan", "/agenda", "/vertrouwensgroep", "/gegevens"):
        said = words(page, f"{base}{place}")
        assert "Thuiszorg De Linde" in said, place
        assert "Dagcentrum Vesta" in said, place
        if place in ("", "/tijdlijn", "/gegevens"):
            look_at(page, f"twee-organisaties-{place.strip('/') or 'overzicht'}")
    page.goto(f"{base}/tijdlijn?zoek=geschilderd")
    assert "Dagcentrum Vesta" in page.locator("article").inner_text()


# Inviting


@pytest.mark.row("C2")
@pytest.mark.row("M3")
def test_the_invited_sees_nothing_before_accepting_and_then_what_the_right_gives(page: Page, other: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.invited(page, base, "piet@voorbeeld.example", "Basis", members["piet"])
    assert "uitgenodigd, 0 dagen" in page.locator("body").inner_text()
    look_at(page, "beheer-uitgenodigd")

    link = mailed_to(other, "piet@voorbeeld.example")
    sign_in(other, PEOPLE["piet"])
    assert "U heeft nog geen zorgpagina." in other.locator("body").inner_text()
    assert words(other, base).find(PATIENT) == -1
    other.goto(link)
    assert PATIENT not in other.content()
    look_at(other, "uitnodiging-telefoon")
    follow(other, "button", "Neem de uitnodiging aan")

    assert PATIENT in other.locator("body").inner_text()
    assert other.get_by_role("link", name="Tijdlijn").count() == 0
    look_at(other, "aangenomen-telefoon")
    assert "uitgenodigd" not in words(page, f"{base}/beheer")
    assert PEOPLE["piet"] in page.locator("body").inner_text()


@pytest.mark.row("C2")
def test_after_accepting_the_page_says_that_the_organisation_has_still_to_send(page: Page, other: Page, circle: Circle) -> None:
    base = circle.linked(page, "anna", circle.bring({"anna": "private-medical"})["anna"])
    circle.invited(page, base, "piet@voorbeeld.example", "Basis", str(uuid4()))
    sign_in(other, PEOPLE["piet"])
    other.goto(mailed_to(other, "piet@voorbeeld.example"))
    follow(other, "button", "Neem de uitnodiging aan")

    said = other.locator("body").inner_text()
    assert "Hier is nog niets te zien" in said
    assert "zodra de beheerder" not in said
    look_at(other, "aangenomen-wacht-telefoon")


@pytest.mark.row("C2")
def test_an_invitation_is_answered_once(page: Page, other: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.invited(page, base, "piet@voorbeeld.example", "Basis", members["piet"])
    link = mailed_to(page, "piet@voorbeeld.example")
    sign_in(other, PEOPLE["niek"])
    other.goto(link)
    follow(other, "button", "Liever niet")

    other.goto(link)
    follow(other, "button", "Neem de uitnodiging aan")

    assert "Deze uitnodiging geldt niet meer" in other.locator("body").inner_text()
    assert PATIENT not in words(other, f"{base}/")
    assert "uitgenodigd" not in words(page, f"{base}/beheer")


@pytest.mark.row("C2")
def test_an_invitation_that_was_withdrawn_opens_nothing(page: Page, other: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.invited(page, base, "piet@voorbeeld.example", "Basis", members["piet"])
    link = mailed_to(page, "piet@voorbeeld.example")
    follow(page, "button", "Trek de uitnodiging in")
    sign_in(other, PEOPLE["piet"])
    other.goto(link)
    follow(other, "button", "Neem de uitnodiging aan")

    assert "Deze uitnodiging geldt niet meer" in other.locator("body").inner_text()


@pytest.mark.row("C1")
@pytest.mark.row("C2")
def test_who_has_no_account_makes_one_and_then_accepts(page: Page, other: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.invited(page, base, "nieuw@voorbeeld.example", "Basis", members["piet"])
    link = mailed_to(page, "nieuw@voorbeeld.example")
    other.goto(link)
    follow(other, "link", "maak een account")
    other.get_by_label("Uw naam").fill("Els Nieuw")
    other.get_by_label("E-mailadres").fill("els@voorbeeld.example")
    other.get_by_label("Mobiel nummer").fill("1234")
    follow(other, "button", "Maak account")
    assert "Dit is geen mobiel nummer" in other.locator("body").inner_text()
    look_at(other, "nieuw-account-telefoon")
    other.get_by_label("Mobiel nummer").fill("06-12345678")
    follow(other, "button", "Maak account")
    assert "Kijk in uw e-mail" in other.locator("body").inner_text()
    look_at(other, "eerste-keer-telefoon")
    other.goto(mailed_to(other, "els@voorbeeld.example", LINK))
    look_at(other, "link-telefoon")
    follow(other, "button", "Ja, bevestig")
    other.goto(link)
    follow(other, "button", "Neem de uitnodiging aan")

    assert PATIENT in other.locator("body").inner_text()


# Administering


@pytest.mark.row("C2")
@pytest.mark.row("M3")
def test_the_administrator_is_told_what_changes_before_it_is_saved(page: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.linde.people[members["piet"]] = {"member": members["piet"], "level": "basic", "administrator": False}
    circle.linde.effect = {
        "classes": {
            "report": {"delivering": 31},
            "measurement": {"delivering": 180},
            "calendar": {"retracting": 2, "narrowing": 4},
        },
        "warnings": [{"code": "read-stays-read", "nl": "Wat al gelezen is, kan niet ongelezen worden gemaakt.", "en": ""}],
    }
    page.goto(f"{base}/beheer")
    page.locator("summary", has_text="Wijzig").first.click()
    look_at(page, "beheer-wijzig")
    page.get_by_label("Vertrouwensgroep", exact=True).first.check()
    page.get_by_text("Alleen een deel van het dossier").first.click()
    page.get_by_label("Beperk de vertrouwensgroep tot:").first.check()
    page.get_by_label("Metingen").first.check()
    look_at(page, "beheer-deel")
    follow(page, "button", "Wat verandert er?")

    rows = [row.inner_text().split() for row in page.locator(".effect tbody tr").all()]
    assert rows == [["Afspraken", "0", "2", "4", "0"], ["Rapportages", "31", "0", "0", "0"], ["Metingen", "180", "0", "0", "0"]]
    assert "kan niet ongelezen worden gemaakt" in page.locator("body").inner_text()
    assert circle.linde.people[members["piet"]]["level"] == "basic", "nothing is saved yet"
    look_at(page, "wat-verandert")
    follow(page, "button", "Opslaan")

    assert circle.linde.people[members["piet"]]["level"] == "private-medical"
    assert circle.linde.people[members["piet"]]["classes"] == ["measurement"]
    assert "Vertrouwensgroep, alleen metingen" in page.locator("body").inner_text()


def test_a_part_of_the_dossier_without_any_kind_is_asked_again(page: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.linde.people[members["piet"]] = {
        "member": members["piet"],
        "level": "private-medical",
        "administrator": False,
        "classes": [],
    }
    assert "Vertrouwensgroep, maar geen soort gegevens" in words(page, f"{base}/beheer")
    page.locator("summary", has_text="Wijzig").first.click()
    follow(page, "button", "Wat verandert er?")

    assert "Kies minstens één soort gegevens" in page.locator("body").inner_text()
    look_at(page, "beheer-geen-soort")


@pytest.mark.row("C2")
def test_who_is_taken_off_a_page_sees_nothing_at_the_next_look(page: Page, other: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.invited(page, base, "piet@voorbeeld.example", "Basis", members["piet"])
    sign_in(other, PEOPLE["piet"])
    other.goto(mailed_to(other, "piet@voorbeeld.example"))
    follow(other, "button", "Neem de uitnodiging aan")
    assert PATIENT in words(other, f"{base}/agenda")

    page.goto(f"{base}/beheer")
    page.locator("summary", has_text="Wijzig").first.click()
    follow(page, "button", "Verwijder van deze pagina")
    follow(page, "button", "Verwijder")

    assert PATIENT not in words(other, f"{base}/agenda")
    assert "U heeft nog geen zorgpagina." in words(other, "/clienten")
    assert PEOPLE["piet"] not in words(page, f"{base}/beheer")


@pytest.mark.row("C2")
def test_only_the_administrator_sees_and_changes_rights(page: Page, other: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.invited(page, base, "piet@voorbeeld.example", "Basis", members["piet"])
    sign_in(other, PEOPLE["piet"])
    other.goto(mailed_to(other, "piet@voorbeeld.example"))
    follow(other, "button", "Neem de uitnodiging aan")
    asked = len(circle.linde.asked)

    assert other.get_by_role("link", name="Beheer").count() == 0
    assert "Deze pagina is er niet" in words(other, f"{base}/beheer")
    form: dict[str, str | float | bool] = {"aanbieder": "linde", "persoon": members["anna"], "niveau": "none", "code": CODE}
    for place in ("beheer", "beheer/nagaan", "beheer/weg", "uitnodigen", "uitnodigen/intrekken", "koppelen"):
        assert other.request.post(f"{base}/{place}", form=form).status == 404, place
    assert len(circle.linde.asked) == asked


def test_an_organisation_that_doesnt_answer_is_unknown_and_nothing_changes(page: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    circle.linde.silent = True

    said = words(page, f"{base}/beheer")

    assert "onbekend" in said
    assert "geeft nu geen antwoord" in said
    assert PATIENT in words(page, f"{base}/"), "what was delivered stays to be read"
    look_at(page, "beheer-onbekend")


def test_a_right_that_was_lowered_holds_at_the_next_look(page: Page, circle: Circle) -> None:
    members = circle.bring(LEVELS)
    base = circle.linked(page, "anna", members["anna"])
    assert "Steunkousen" in words(page, f"{base}/tijdlijn")

    circle.put(members["anna"], [team({"anna": "basic"}, members)])

    assert "Steunkousen" not in words(page, f"{base}/tijdlijn")
    assert "Dit deel is voor de vertrouwensgroep" in page.locator("body").inner_text()
