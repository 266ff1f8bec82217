"""Named places where the process can be told to kill itself, to prove that nothing is lost there.

``ZORGSLUIS_CRASH=after-claim:3`` kills this very process with SIGKILL the third time it comes by. Unset, a point costs a dict look-up.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from typing import Final, Literal, get_args

CrashPoint = Literal[
    "after-read",
    "after-journal-commit",
    "before-intake-commit",
    "after-intake-commit",
    "after-claim",
    "after-map",
    "after-ledger-commit",
    "before-write",
    "after-write",
    "after-response",
    "between-etag-and-advance",
    "in-grant-commit",
    "at-lease-takeover",
]
CRASH_POINTS: Final[tuple[str, ...]] = get_args(CrashPoint)


def _armed() -> dict[str, Iterator[bool]]:
    setting = os.environ.get("ZORGSLUIS_CRASH", "")
    if not setting:
        return {}
    name, _, nth = setting.partition(":")
    if name not in CRASH_POINTS:
        raise ValueError(f"ZORGSLUIS_CRASH: no crash point {name!r}; there are: {', '.join(CRASH_POINTS)}")
    wanted = int(nth or 1)
    return {name: (visit == wanted for visit in itertools.count(1))}


_points = _armed()


def crash_point(name: CrashPoint) -> None:
    """Kill this process here if it was told to."""
    armed = _points.get(name)
    if armed is not None and next(armed):
        os.kill(os.getpid(), signal.SIGKILL)
