"""What the main job brings to a family's pages: from the ECD, through the gateway, into a browser, as each kind of member."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from samples.comparison import Write
from tests.conftest import reachable_folder
from tests.kills.stage import BEFORE_SLOT, Stage, prepared, staged
from tests.portal_visits import received

pytestmark = pytest.mark.browser
WEEK = "2026-11-16"
PAGES = ("", "tijdlijn", "metingen", "zorgplan", f"agenda?week={WEEK}", "vertrouwensgroep", "gegevens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A stage after its first slot, its links, and a browser."""

    stage: Stage
    links: list[dict[str, Any]]
    browser: Browser

    def member(self, level: str) -> dict[str, Any]:
        """A link of that level whose client also has a member of the trust group."""
        trusted = {one["client"] for one in self.links if one["level"] == "private-medical"}
        return next(one for one in self.links if one["level"] == level and one["client"] in trusted)

    def page(self, account: str) -> Page:
        context = self.browser.new_context(base_url=self.stage.portal.base_url, locale="nl-NL")
        page = context.new_page()
        page.request.post("/aanmelden", form={"account": account})
        page.request.post(received(page, account, "email")["link"])
        return page

    def read(self, link: dict[str, Any]) -> dict[str, str]:
        """The text of every page that a member can open of one client."""
        page = self.page(link["account"])
        member = self.stage.members[f"{link['client']}/{link['person']}"]
        texts = {}
        for name in PAGES:
            page.goto(f"{self.stage.portal.base_url}/zorg/{member}/{name}")
            texts[name.partition("?")[0]] = page.locator("body").inner_text()
        page.context.close()
        return texts

    def bodies(self, link: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        """What the portal's own store holds of a kind for a member."""
        member = self.stage.members[f"{link['client']}/{link['person']}"]
        writes: list[Write] = self.stage.writes()
        return [json.loads(one.body) for one in writes if one.member == member and one.type == kind and one.op == "put"]


@pytest.fixture(scope="module")
def family(browser: Browser, worker_id: str) -> Iterator[Family]:
    folder = reachable_folder(f"family-{worker_id}")
    with prepared(folder) as organisation, staged(organisation, folder.with_name(f"{folder.name}-stage")) as stage:
        with stage.serving(BEFORE_SLOT) as process:
            stage.until_done(process)
        links = [json.loads(line) for line in stage.files.links.read_text().splitlines()]
        accounts: dict[str, dict[str, Any]] = {}
        for one in links:
            account = accounts.setdefault(one["account"], {"account": one["account"], "name": one["name"], "members": []})
            account["members"].append(stage.members[f"{one['client']}/{one['person']}"])
        stage.portal.admin("accounts", list(accounts.values()))
        yield Family(stage=stage, links=links, browser=browser)


def report_texts(family: Family) -> list[str]:
    """The texts of reports that a trust group received: long enough not to occur by chance."""
    texts = [body.get("valueString", "") for body in family.bodies(family.member("private-medical"), "Observation")]
    return [text.splitlines()[0][:60] for text in texts if len(text) > 40]


def test_a_member_of_the_trust_group_reads_the_dossier(family: Family) -> None:
    texts = family.read(family.member("private-medical"))

    assert any(text in texts["tijdlijn"] for text in report_texts(family))
    assert re.search(r"\d,\d kg", texts["metingen"])
    assert re.search(r"Lichamelijk welbevinden|Mentaal welbevinden|Participatie|Woon- en leefomstandigheden", texts["zorgplan"])
    assert re.search(r"\d\d:\d\d – \d\d:\d\d", texts["agenda"])
    assert "Tijden zijn indicatief" in texts["agenda"]
    assert all("bijgewerkt tot" in text and "volgende om" in text for name, text in texts.items() if name)


def test_a_basic_member_sees_no_dossier_and_appointments_only_reduced(family: Family) -> None:
    basic, trusted = family.member("basic"), family.member("private-medical")
    texts = family.read(basic)

    everything = "\n".join(texts.values())
    assert not any(text in everything for text in report_texts(family))
    assert not re.search(r"\d,\d kg|mmHg|mmol", everything)
    assert re.search(r"\d\d:\d\d – \d\d:\d\d", texts["agenda"])
    descriptions = {body["description"] for body in family.bodies(trusted, "Appointment") if "description" in body}
    disciplines = {body["serviceType"][0]["text"] for body in family.bodies(trusted, "Appointment") if "serviceType" in body}
    assert descriptions
    assert not any(text in texts["agenda"] for text in descriptions - disciplines)


def test_nothing_hidden_or_confidential_is_in_any_familys_store(family: Family) -> None:
    assert not [one for one in family.stage.writes() if b"KANARIE-" in one.body]


def test_a_right_that_was_lowered_empties_the_pages_at_once(family: Family) -> None:
    link = family.member("private-medical")
    assert any(text in family.read(link)["tijdlijn"] for text in report_texts(family))
    seen = report_texts(family)

    done = family.stage.run("grant", "set", str(link["client"]), str(link["person"]), "none")

    assert done.returncode == 0, done.stderr
    everything = "\n".join(family.read(link).values())
    assert not any(text in everything for text in seen)
    assert not re.search(r"\d\d:\d\d – \d\d:\d\d", everything)
