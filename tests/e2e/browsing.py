"""What every browser test does with a page, in a way that no slow machine can break."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Page


def follow(page: Page, role: Literal["link", "button"], name: str) -> None:
    """Press what leads to another page and await that page whole: a click alone returns while it is still half parsed."""
    with page.expect_navigation(wait_until="load"):
        page.get_by_role(role, name=name).click()
