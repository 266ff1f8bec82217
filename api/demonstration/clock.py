"""The demonstration's time: it runs, and it can be moved on to the next slot. Its folder says so, for every command that opens it.

What a demonstration writes carries its own time. A command with the machine's time would see that as long past or as still to come: so the
offset stands in a file of the folder, for as long as the folder is there. No other installation has this file.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from gateway.clock import Clock, shifted_clock, system_clock
from gateway.errors import Misconfigured

NAME: Final = "demonstration-clock.json"


class MovableClock:
    """A clock that starts where it is told and can jump forward. Called, it answers the time in UTC.

    With ``folder`` that folder keeps how far it is from the machine's time, from now on and after every jump.
    """

    def __init__(self, start: datetime, folder: Path | None = None) -> None:
        self._clock = shifted_clock(start)
        self._folder = folder
        self._keep()

    def __call__(self) -> datetime:
        return self._clock()

    def move_to(self, instant: datetime) -> None:
        """Go on from this instant; going back is refused, time doesn't."""
        if instant < self():
            raise ValueError(f"the clock is already past {instant.isoformat()}")
        self._clock = shifted_clock(instant)
        self._keep()

    def _keep(self) -> None:
        if self._folder is None:
            return
        path = self._folder / NAME
        written = path.with_suffix(".new")
        written.write_text(json.dumps({"offset_s": (self() - system_clock()).total_seconds()}), encoding="utf-8")
        # A command that opens the folder meanwhile finds one offset or the other, never half of one.
        written.chmod(0o600)
        written.replace(path)


def has_own_clock(state: Path) -> bool:
    """Tell whether this state folder is a demonstration's."""
    return (state / NAME).exists()


def clock_of(state: Path) -> Clock:
    """Return the clock that everything in this state folder goes by: the machine's, unless the folder is a demonstration's.

    Raises:
        Misconfigured: the demonstration's file can't be read; to go on by another clock would spoil what is there.
    """
    if not has_own_clock(state):
        return system_clock
    try:
        offset = timedelta(seconds=json.loads((state / NAME).read_text(encoding="utf-8"))["offset_s"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Misconfigured(f"{state / NAME} can't be read as a demonstration's clock; run zorgsluis demo anew") from None
    return lambda: system_clock() + offset
