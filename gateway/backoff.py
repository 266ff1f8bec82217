"""How long to wait before the same call is worth another try.

Full jitter: anything between nothing and the ceiling, which doubles with each failure. Workers that failed together then don't come back
together, which is what keeps a portal down that is just getting up.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

BASE_S: Final = 2.0
CAP_S: Final = 900.0

# A neighbour may ask for patience, but a mistyped header must not silence it for a month.
RETRY_AFTER_CAP_S: Final = 3600.0

Random = Callable[[], float]


def ceiling_s(attempt: int) -> float:
    """Return the longest wait in seconds after ``attempt`` failures in a row (1 is the first)."""
    # 2.0 ** 1024 overflows; the cap is reached long before.
    return min(CAP_S, BASE_S * 2.0 ** min(max(attempt, 1) - 1, 32))


def backoff(attempt: int, retry_after_s: float | None = None, rng: Random = random.random) -> timedelta:
    """Return the wait after ``attempt`` failures in a row, never shorter than what the neighbour asked for.

    The jitter comes on top of ``retry_after_s``: all who were told the same second would otherwise return in it.
    """
    asked = min(max(retry_after_s or 0.0, 0.0), RETRY_AFTER_CAP_S)
    return timedelta(seconds=asked + rng() * ceiling_s(1 if asked else attempt))
