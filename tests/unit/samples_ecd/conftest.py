"""One generated organisation for all tests of this folder that only read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from samples.ecd.generate import generate
from samples.ecd.records import World

TODAY = date(2026, 11, 21)


@pytest.fixture(scope="session")
def world() -> World:
    """Sixty clients; read only."""
    return generate(clients=60, days=60, seed=7, today=TODAY)


@pytest.fixture
def fresh() -> Callable[[], World]:
    """A maker of small organisations of one's own, to change."""

    def make() -> World:
        return generate(clients=24, days=30, seed=11, today=TODAY)

    return make
