"""What browser tests share: a browser for each module, and a portal on which circles are made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsing import running_browser
from tests.e2e.circle_world import Circle, circle_on, portal_of_circles
from tests.sample_portal import RunningPortal


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with running_browser(chromium) as running:
        yield running


@pytest.fixture(scope="module")
def portal_for_circles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningPortal, Path]]:
    with portal_of_circles(tmp_path_factory.mktemp("circles")) as found:
        yield found


@pytest.fixture
def circle(portal_for_circles: tuple[RunningPortal, Path]) -> Iterator[Circle]:
    with circle_on(*portal_for_circles) as found:
        yield found
