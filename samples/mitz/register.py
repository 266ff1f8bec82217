"""Clients' choices, and how a closed question is answered from them: the most specific choice counts, of equals the objection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

Decision = Literal["Permit", "Deny"]


class Choice(msgspec.Struct, kw_only=True, frozen=True):
    """What a client chose; what is empty is about any: provider (URA), type of provider, category of data."""

    bsn: str
    decision: Decision
    provider: str = ""
    category: str = ""
    data: str = ""

    def about(self, asked: Asked) -> bool:
        """Tell whether this choice is about a question."""
        return self.bsn == asked.bsn and all(
            mine in ("", theirs)
            for mine, theirs in ((self.provider, asked.provider), (self.category, asked.category), (self.data, asked.data))
        )

    @property
    def weight(self) -> tuple[int, int, bool]:
        """How much it names: one provider more than a type, then a category of data; of equals the objection."""
        return (2 if self.provider else 1 if self.category else 0), bool(self.data), self.decision == "Deny"


class Asked(msgspec.Struct, kw_only=True, frozen=True):
    """What was asked: may this provider, of this type, get this category of this client's data?"""

    bsn: str
    provider: str
    category: str
    data: str


# The catalogue of this sample; the real one is longer.
DATA: Final = frozenset({"GGC001", "GGC002", "GGC003"})


def decide(choices: Iterable[Choice], asked: Asked) -> str:
    """Return the decision. Who chose nothing permits nothing; what isn't in the catalogue isn't ours to decide."""
    if asked.data not in DATA:
        return "NotApplicable"
    found = max((choice for choice in choices if choice.about(asked)), key=lambda choice: choice.weight, default=None)
    return "Deny" if found is None else found.decision
