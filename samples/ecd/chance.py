"""Chance that can be repeated: a generator of its own for every client and purpose, so that parts change apart."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def dice(seed: int, *purpose: object) -> Random:
    """Return the generator for this seed and purpose; the same in every process."""
    return Random(":".join(str(part) for part in (seed, *purpose)))


def new_uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def one(rng: Random, items: Sequence[T]) -> T:
    """Pick one; quicker than ``choice`` and good enough here."""
    return items[int(rng.random() * len(items))]


def often(rng: Random, mean: float) -> int:
    """Return a count around the mean: its whole part, and one more as often as its fraction says, give or take a fifth."""
    value = mean * rng.uniform(0.8, 1.2)
    return int(value) + (rng.random() < value % 1)
