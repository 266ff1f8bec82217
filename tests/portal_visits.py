"""Visits to the sample portal: signing in on a new device, and what its telephone and mailbox received."""

from __future__ import annotations

import re
from typing import Any

import httpx2
from playwright.sync_api import Page

from tests.e2e.browsing import follow

JSON = {"Accept": "application/json"}
WINDOW = "/_sample/messages"
INVITATION, LINK = "/uitnodiging/", "/link/"


def sign_in(page: Page, name: str) -> None:
    """Sign in as somebody on the entrance, and follow the link of a first sign-in as their mailbox shows it."""
    page.goto("/")
    follow(page, "button", name)
    account = page.locator(f"a[href^='{WINDOW}']").get_attribute("href") or ""
    assert page.request.post(received(page, account.partition("=")[2], "email")["link"]).ok
    page.goto("/clienten")


def sign_in_again(page: Page, name: str) -> None:
    """Sign in on a device that is known."""
    page.goto("/")
    follow(page, "button", name)


def received(page: Page, account: str, channel: str) -> dict[str, Any]:
    """The newest message of an account by a channel: ``sms``, ``voice`` or ``email``."""
    found = page.request.get(f"{WINDOW}?account={account}", headers=JSON).json()
    message: dict[str, Any] = next(one for one in found if one["channel"] == channel)
    return message


def mailed_to(page: Page, address: str, leading: str = INVITATION) -> str:
    """The newest link of a kind that was mailed to an address."""
    found = page.request.get(WINDOW, headers=JSON).json()
    return str(next(one["link"] for one in found if one["recipient"] == address and one["link"].startswith(leading)))


def code_in(message: dict[str, Any]) -> str:
    """The six digits of a message, spoken ones one by one."""
    written = re.search(r"\d{6}|\d(, \d){5}", message["words"])
    assert written is not None
    return re.sub(r"\D", "", written[0])


def signed_in(http: httpx2.Client, account: str) -> None:
    """The same without a browser."""
    http.post("/aanmelden", data={"account": account})
    found = http.get(f"{WINDOW}?account={account}", headers=JSON).json()
    assert http.post(found[0]["link"]).status_code == 303
