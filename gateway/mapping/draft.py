"""A resource on its way: what its rows have filled in so far, and what they say beside its body."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gateway.mapping.lineage import Step
from gateway.model import Issue

if TYPE_CHECKING:
    from gateway.mapping.engine import MapPlan

# An element that a label means, with its path.
Slot = tuple[dict[str, Any], str]


class Said(Struct, eq=False):
    """What rows say beside the body of a resource. Of most they say nothing."""

    issues: list[Issue] = []
    labels: set[str] = set()
    facts: dict[str, Any] = {}
    secrets: dict[str, str] = {}


class Draft(Struct, eq=False):
    """A resource while its rows are filled in. ``slots`` holds the elements that a label means, with their path; ``trail`` the steps
    where they are noted; ``at`` is the moment that it counts from."""

    plan: MapPlan
    id: str
    body: dict[str, Any]
    class_: str
    references: set[str]
    slots: dict[tuple[str, str], Slot]
    trail: list[Step] | None = None
    said: Said | None = None
    at: datetime | None = None

    def saying(self) -> Said:
        """Return what is said beside the body, to add to it."""
        if self.said is None:
            self.said = Said()
        return self.said
