"""One told story for all tests of this folder that only read it."""

from __future__ import annotations

from datetime import date

import pytest

from samples.vendor.story import generate
from samples.vendor.world import World

TODAY = date(2026, 11, 21)


@pytest.fixture(scope="session")
def world() -> World:
    """Twenty-four clients; read only."""
    return generate(count=24, days=14, seed=7, today=TODAY)
