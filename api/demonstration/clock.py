"""The demonstration's time: it runs, and it can be moved on to the next slot."""

from __future__ import annotations

from datetime import datetime

from gateway.clock import shifted_clock


class MovableClock:
    """A clock that starts where it is told and can jump forward. Called, it answers the time in UTC."""

    def __init__(self, start: datetime) -> None:
        self._clock = shifted_clock(start)

    def __call__(self) -> datetime:
        return self._clock()

    def move_to(self, instant: datetime) -> None:
        """Go on from this instant; going back is refused, time doesn't."""
        if instant < self():
            raise ValueError(f"the clock is already past {instant.isoformat()}")
        self._clock = shifted_clock(instant)
