"""What every browser test does with a browser and a page, in a way that no slow machine can break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def running_browser(program: str) -> Iterator[Browser]:
    """Start a browser that asks nobody outside for anything, and end it."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


def follow(page: Page, role: Literal["link", "button"], name: str) -> None:
    """Press what leads to another page and await that page whole: a click alone returns while it is still half parsed."""
    with page.expect_navigation(wait_until="load"):
        page.get_by_role(role, name=name).click()


def words(page: Page, address: str) -> str:
    """Go to a page and return what it says."""
    page.goto(address)
    return page.locator("body").inner_text()
