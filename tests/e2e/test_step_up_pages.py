"""The second proof before the dossier, the first sign-in on a device, changing a number; messages, prikbord and the client's own look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page

from tests import portal_bundles as made
from tests.e2e.browsing import follow, words
from tests.e2e.circle_world import PEOPLE, TODAY, Circle, look_at, window
from tests.portal_visits import code_in, mailed_to, received, sign_in, sign_in_again

pytestmark = pytest.mark.browser
DOSSIER = ("tijdlijn", "metingen", "zorgplan")
REPORT = "Steunkousen"
CATEGORY = "http://terminology.hl7.org/CodeSystem/communication-category"


@pytest.fixture
def page(browser: Browser, circle: Circle) -> Iterator[Page]:
    with window(browser, circle.portal.base, width=375) as opened:
        yield opened


@pytest.fixture
def other(browser: Browser, circle: Circle) -> Iterator[Page]:
    with window(browser, circle.portal.base) as opened:
        yield opened


def shut(page: Page, circle: Circle, who: str = "anna", *, more: list[made.Resource] | None = None) -> str:
    """Give somebody a page of a trust group and sign them in on a device that they used before; return the page's address."""
    members = circle.bring({who: "private-medical"}, more=more)
    given = {"account": who, "name": PEOPLE[who], "members": [members[who]]}
    circle.portal.http.post(f"{circle.portal.base}/_sample/accounts", json=[given])
    sign_in(page, PEOPLE[who])
    follow(page, "button", "Afmelden")
    sign_in_again(page, PEOPLE[who])
    return f"{circle.portal.base}/zorg/{members[who]}"


def message(identity: str, sent: str, text: str, audience: str = "circle", **more: object) -> made.Resource:
    return {
        "resourceType": "Communication",
        "id": identity,
        "meta": made.labels(audience, "N" if audience == "circle" else "R"),
        "status": "completed",
        "subject": made.PATIENT,
        "sent": sent,
        "sender": made.NURSE,
        "payload": [{"contentString": text}],
    } | more


# The dossier opens with a second proof


@pytest.mark.row("C18")
def test_dossier_and_plan_need_a_code_calendar_and_messages_dont(page: Page, circle: Circle) -> None:
    base = shut(page, circle, more=[message("b", made.at(TODAY, 9), "Vrijdag komt de kapper.")])

    assert "Tijden zijn indicatief" in words(page, f"{base}/agenda")
    assert "de kapper" in words(page, f"{base}/berichten")
    said = words(page, f"{base}/")
    assert "nog dicht" in said
    assert REPORT not in said
    assert "72,5 kg" not in said
    look_at(page, "dossier-dicht-telefoon")
    for place in DOSSIER:
        assert "Bevestig wie u bent" in words(page, f"{base}/{place}")
        assert REPORT not in page.content()
    look_at(page, "bevestigen-telefoon")


@pytest.mark.row("C18")
def test_a_code_by_text_message_opens_the_dossier_until_signing_out(page: Page, circle: Circle) -> None:
    base = shut(page, circle)
    page.goto(f"{base}/tijdlijn")
    follow(page, "button", "Sms-code")
    sms = received(page, "anna", "sms")
    assert len(code_in(sms)) == 6
    look_at(page, "code-telefoon")
    page.get_by_label("Code", exact=True).fill(code_in(sms))
    follow(page, "button", "Bevestig")

    assert page.url == f"{base}/tijdlijn"
    assert REPORT in page.locator("body").inner_text()
    assert "72,5 kg" in words(page, f"{base}/metingen")

    follow(page, "button", "Afmelden")
    sign_in_again(page, PEOPLE["anna"])
    assert "Bevestig wie u bent" in words(page, f"{base}/zorgplan")


@pytest.mark.row("C18")
def test_a_wrong_code_opens_nothing(page: Page, circle: Circle) -> None:
    base = shut(page, circle)
    page.goto(f"{base}/tijdlijn")
    follow(page, "button", "Sms-code")
    right = code_in(received(page, "anna", "sms"))
    page.get_by_label("Code", exact=True).fill(f"{(int(right) + 1) % 1_000_000:06}")
    follow(page, "button", "Bevestig")

    assert "Deze code klopt niet" in page.locator("body").inner_text()
    look_at(page, "code-fout-telefoon")
    assert REPORT not in words(page, f"{base}/tijdlijn")


@pytest.mark.row("C18")
@pytest.mark.parametrize("width", [375, 1280])
def test_a_code_that_was_wrong_five_times_says_that_it_is_dead(page: Page, circle: Circle, width: int) -> None:
    base = shut(page, circle)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{base}/tijdlijn")
    follow(page, "button", "Sms-code")
    right = code_in(received(page, "anna", "sms"))
    for _ in range(5):
        assert "werkt niet meer:" not in page.locator("body").inner_text()
        page.get_by_label("Code", exact=True).fill(f"{(int(right) + 1) % 1_000_000:06}")
        follow(page, "button", "Bevestig")

    assert "Deze code werkt niet meer" in page.locator("body").inner_text()
    assert page.get_by_label("Code", exact=True).count() == 0
    look_at(page, f"code-dood-{width}")
    follow(page, "link", "Vraag een nieuwe code aan")
    assert "Bevestig wie u bent" in page.locator("body").inner_text()


@pytest.mark.row("C18")
@pytest.mark.parametrize("width", [375, 1280])
def test_who_gives_rights_has_given_the_second_proof(page: Page, circle: Circle, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    members = circle.bring({"anna": "private-medical"})
    base = circle.linked(page, "anna", members["anna"])
    follow(page, "button", "Afmelden")
    sign_in_again(page, PEOPLE["anna"])
    asked = len(circle.linde.asked)

    assert "Bevestig eerst wie u bent" in words(page, f"{base}/beheer")
    assert page.get_by_text("Nodig iemand uit").count() == 0
    look_at(page, f"beheer-dicht-{width}")
    form: dict[str, str | float | bool] = {
        "aanbieder": "linde",
        "persoon": members["anna"],
        "niveau": "private-medical",
        "email": "ik-zelf@voorbeeld.example",
        "uitnodiging": "1",
    }
    for place in ("beheer", "beheer/nagaan", "beheer/verwijderen", "beheer/weg", "uitnodigen", "uitnodigen/intrekken"):
        answer = page.request.post(f"{base}/{place}", form=form)
        assert answer.status == 403, place
        assert "Bevestig eerst wie u bent" in answer.text()
    assert len(circle.linde.asked) == asked, "without the proof no organisation is asked anything"

    page.goto(f"{base}/beheer")
    follow(page, "link", "Bevestig wie u bent")
    look_at(page, f"bevestigen-beheer-{width}")
    follow(page, "button", "Sms-code")
    page.get_by_label("Code", exact=True).fill(code_in(received(page, "anna", "sms")))
    follow(page, "button", "Bevestig")
    assert page.url == f"{base}/beheer"
    assert page.get_by_text("Nodig iemand uit").count() == 1


@pytest.mark.row("C19")
def test_a_code_can_be_spoken_on_the_home_telephone(page: Page, circle: Circle) -> None:
    base = shut(page, circle)
    page.goto(f"{base}/zorgplan")
    follow(page, "button", "Gesproken code op de huistelefoon")
    spoken = received(page, "anna", "voice")
    assert spoken["recipient"].startswith("010-")
    page.get_by_label("Code", exact=True).fill(code_in(spoken))
    follow(page, "button", "Bevestig")

    assert "geldig van" in page.locator("body").inner_text()


@pytest.mark.row("M1")
@pytest.mark.row("M2")
def test_a_link_by_email_opens_the_dossier_on_the_device_that_asked_and_once(page: Page, other: Page, circle: Circle) -> None:
    base = shut(page, circle)
    page.goto(f"{base}/metingen")
    follow(page, "button", "E-mail met een link, voor dit apparaat")
    look_at(page, "gemaild-telefoon")
    link = received(page, "anna", "email")["link"]

    sign_in(other, PEOPLE["anna"])
    other.goto(link)
    follow(other, "button", "Ja, bevestig")
    assert "Deze link werkt niet" in other.locator("body").inner_text()

    page.goto(link)
    follow(page, "button", "Ja, bevestig")
    assert page.url == f"{base}/metingen"
    assert "72,5 kg" in page.locator("body").inner_text()
    page.goto(link)
    follow(page, "button", "Ja, bevestig")
    assert "Deze link werkt niet" in page.locator("body").inner_text()


@pytest.mark.row("M1")
def test_on_a_new_device_nothing_is_shown_before_the_link_in_the_email(page: Page, other: Page, circle: Circle) -> None:
    base = shut(page, circle)
    other.goto("/")
    follow(other, "button", PEOPLE["anna"])

    assert "Kijk in uw e-mail" in other.locator("body").inner_text()
    for place in ("", "/agenda", "/berichten", "/tijdlijn"):
        assert "Kijk in uw e-mail" in words(other, f"{base}{place}")
        assert "Willemien" not in other.content()
    look_at(other, "eerste-keer")


@pytest.mark.row("C19")
def test_a_number_changes_after_a_link_by_email_and_a_code_to_the_new_number(page: Page, circle: Circle) -> None:
    shut(page, circle)
    page.goto("/mijn-account")
    page.get_by_label("Nieuw nummer").fill("12")
    follow(page, "button", "Wijzig")
    assert "Er is niets gewijzigd" in page.locator("body").inner_text()
    page.get_by_label("Nieuw nummer").fill("06-87654399")
    follow(page, "button", "Wijzig")
    look_at(page, "mijn-account-telefoon")
    page.goto(received(page, "anna", "email")["link"])
    follow(page, "button", "Ja, bevestig")
    sms = received(page, "anna", "sms")
    assert sms["recipient"] == "06-87654399"
    assert "06…99" not in words(page, "/mijn-account")
    page.goto("/bevestigen/code")
    page.get_by_label("Code", exact=True).fill(code_in(sms))
    follow(page, "button", "Bevestig")

    assert "Het nummer is gewijzigd" in page.locator("body").inner_text()
    assert "06…99" in page.locator("body").inner_text()


def test_the_samples_telephone_shows_what_was_sent(page: Page, circle: Circle) -> None:
    base = shut(page, circle)
    page.goto(f"{base}/tijdlijn")
    follow(page, "button", "Sms-code")
    page.goto("/_sample/messages")

    assert "Uw code voor de zorgpagina is" in page.locator("body").inner_text()
    look_at(page, "telefoon-van-de-proef")


# Messages, prikbord, time line


@pytest.mark.row("M10")
def test_the_newest_message_comes_first(page: Page, circle: Circle) -> None:
    sent = [(f"m{n}", made.at(TODAY - timedelta(days=n % 5), 8 + n), f"Bericht {n}") for n in range(9)]
    base = shut(page, circle, more=[message(*one) for one in sent])
    page.goto(f"{base}/berichten")

    order = [text.removeprefix("Bericht ") for text in page.locator(".letter .text").all_inner_texts()]
    assert order == [text.removeprefix("Bericht ") for _, _, text in sorted(sent, key=lambda one: one[1], reverse=True)]
    look_at(page, "berichten-telefoon")


@pytest.mark.row("C18")
def test_a_message_to_the_trust_group_is_read_with_a_code_and_says_for_whom_it_is(page: Page, circle: Circle) -> None:
    private = message("p", made.at(TODAY, 9), "De uitslag is binnen.", "provider-and-trust-group")
    base = shut(page, circle, more=[private])
    assert "De uitslag is binnen." not in words(page, f"{base}/berichten")
    page.goto(f"{base}/tijdlijn")
    follow(page, "button", "Sms-code")
    page.get_by_label("Code", exact=True).fill(code_in(received(page, "anna", "sms")))
    follow(page, "button", "Bevestig")

    said = words(page, f"{base}/berichten")
    assert "De uitslag is binnen." in said
    assert "Voor de zorgaanbieder en de vertrouwensgroep" in said


@pytest.mark.row("M14")
def test_a_notice_reaches_everybody_on_the_page_and_not_the_organisation(page: Page, other: Page, circle: Circle) -> None:
    members = circle.bring({"anna": "private-medical", "piet": "basic"})
    base = circle.linked(page, "anna", members["anna"])
    circle.invited(page, base, "piet@voorbeeld.example", "Basis", members["piet"])
    sign_in(other, PEOPLE["piet"])
    other.goto(mailed_to(other, "piet@voorbeeld.example"))
    follow(other, "button", "Neem de uitnodiging aan")
    asked = len(circle.linde.asked)
    for text in ("Zondag taart.", "Taart wordt maandag."):
        page.goto(f"{base}/berichten")
        page.get_by_label("Korte mededeling").fill(text)
        follow(page, "button", "Hang op")
    look_at(page, "prikbord-telefoon")

    start = words(other, f"{base}/")
    assert "Taart wordt maandag." in start
    assert "Zondag taart." not in start, "the start page shows the latest alone"
    look_at(other, "overzicht-basis")
    assert "Zondag taart." in words(other, f"{base}/berichten")
    assert len(circle.linde.asked) == asked
    assert not [line for line in circle.portal.dump() if "Taart wordt maandag." in (line["body"] or "")]


@pytest.mark.row("M14")
def test_a_notice_of_the_organisation_stands_on_the_prikbord_and_is_no_message(page: Page, circle: Circle) -> None:
    category = [{"coding": [{"system": CATEGORY, "code": "notification"}]}]
    base = shut(page, circle, more=[message("n", made.at(TODAY, 9), "Maandag griepprik.", category=category)])

    assert page.goto(f"{base}/") is not None
    assert "Maandag griepprik." in page.locator(".pinned").inner_text()
    page.goto(f"{base}/berichten")
    assert "Maandag griepprik." in page.locator(".note").inner_text()
    assert page.locator(".letter").count() == 0


@pytest.mark.row("M11")
def test_the_time_line_holds_reports_questionnaires_and_plans_of_a_period(page: Page, circle: Circle) -> None:
    answers = [
        {"text": "Hoe slaapt mevrouw?", "answer": [{"valueString": "Onrustig"}]},
        {"text": "Is zij gevallen?", "answer": [{"valueBoolean": False}]},
    ]
    filled_in = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "meta": made.DOSSIER,
        "status": "completed",
        "authored": made.at(TODAY - timedelta(days=3), 14),
        "item": answers,
    }
    base = shut(page, circle, more=[filled_in])
    page.goto(f"{base}/tijdlijn")
    follow(page, "button", "Sms-code")
    page.get_by_label("Code", exact=True).fill(code_in(received(page, "anna", "sms")))
    follow(page, "button", "Bevestig")

    page.goto(f"{base}/tijdlijn?zoek=onrustig")
    look_at(page, "vragenlijst-telefoon")
    assert "nee" in page.locator("article").inner_text()
    days = [words(page, f"{base}/tijdlijn?pagina={number}") for number in (1, 2, 3)]
    whole = "\n".join(days)
    assert whole.index(REPORT) < whole.index("Vragenlijst") < whole.index("Zorgleefplan vastgesteld.")
    first, last = TODAY - timedelta(days=70), TODAY - timedelta(days=50)
    assert "Zorgleefplan vastgesteld." in words(page, f"{base}/tijdlijn?van={first}&tot={last}")
    assert "1 van 44 gevonden" in page.locator("body").inner_text()


# The client


def test_a_client_reads_their_own_page(page: Page, circle: Circle) -> None:
    members = circle.bring({"willemien": "private-medical", "piet": "basic"})
    given = {"account": "willemien", "name": PEOPLE["willemien"], "members": [members["willemien"]]}
    circle.portal.http.post(f"{circle.portal.base}/_sample/accounts", json=[given])
    sign_in(page, PEOPLE["willemien"])
    base = f"{circle.portal.base}/zorg/{members['willemien']}"

    assert REPORT in words(page, f"{base}/tijdlijn")
    assert "geldig van" in words(page, f"{base}/zorgplan")
    said = words(page, f"{base}/vertrouwensgroep")
    assert "cliënt" in said
    assert "dat bent u" in said
    assert "Molenweg" in words(page, f"{base}/gegevens")
    for place in ("", "gegevens"):
        page.goto(f"{base}/{place}")
        look_at(page, f"client-telefoon-{place or 'overzicht'}")
