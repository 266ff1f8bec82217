"""Citizen service numbers that nobody has: 999xxxxxx, the range kept for tests, each passing the 11-proef."""

from __future__ import annotations

from collections.abc import Iterator

_PREFIXES = 100_000
_STRIDE = 61_803  # shares no factor with 100,000, so that the walk visits each prefix once


def bsns(seed: int) -> Iterator[str]:
    """Yield different numbers, in an order that the seed decides. There are over 90,000."""
    for step in range(_PREFIXES):
        number = f"999{(seed * 7919 + step * _STRIDE) % _PREFIXES:05d}"
        check = sum(int(digit) * weight for digit, weight in zip(number, range(9, 1, -1), strict=True)) % 11
        if check < 10:
            yield f"{number}{check}"
