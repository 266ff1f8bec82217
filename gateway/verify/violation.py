"""One thing that should never be, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# As many keys as one line can usefully show; more make more violations.
KEYS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken invariant: ``keys`` are ids only (``Type/id for member``, ``lane 3``), ``remedy`` is for an operator."""

    invariant: str
    what: str
    keys: tuple[str, ...]
    remedy: str


def violations(invariant: str, what: str, remedy: str, keys: Iterable[str]) -> list[Violation]:
    """Return the violations for these keys: none for none."""
    rest = list(keys)
    chunks = [tuple(rest[start : start + KEYS]) for start in range(0, len(rest), KEYS)]
    return [Violation(invariant=invariant, what=what, keys=chunk, remedy=remedy) for chunk in chunks]
