"""Time comes in as a parameter: a clock is a function that answers an aware UTC datetime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


def fixed_clock(at: datetime) -> Clock:
    """Return a clock that stands still, for tests and for the demonstration's first slot."""
    return lambda: at


def shifted_clock(start: datetime) -> Clock:
    """Return a clock that begins at ``start`` and runs on: a demonstration and a test have their slot when they need it."""
    begun = system_clock()
    return lambda: start + (system_clock() - begun)
