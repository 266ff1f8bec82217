"""The parsed resources of one compartment, and safe ways to look into them.

Numbers become ``Decimal``: ``72.50`` keeps its last digit up to the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

Resource = Mapping[str, Any]
DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


class Contents:
    """Resources by type and id, of one organisation; ``organisation`` is its name, empty when nobody said."""

    def __init__(self, resources: Iterable[Resource], organisation: str = "") -> None:
        self.organisation = organisation
        self._by_reference = {f"{item.get('resourceType')}/{item.get('id')}": item for item in resources}

    def of(self, kind: str) -> Iterator[Resource]:
        """Yield the resources of a type."""
        return (item for item in self._by_reference.values() if item.get("resourceType") == kind)

    def resolve(self, reference: object) -> Resource | None:
        """Return what ``{"reference": "Type/id"}`` points at, when it is in this compartment."""
        return self._by_reference.get(text(reference, "reference"))

    def __iter__(self) -> Iterator[Resource]:
        """Yield all of them."""
        return iter(self._by_reference.values())


def parse(bodies: Iterable[bytes], organisation: str = "") -> Contents:
    """Return the contents of a compartment from the stored bytes."""
    return Contents((DECODER.decode(body) for body in bodies), organisation)


def dig(value: object, *path: str) -> Any:
    """Return what lies at a path, or ``None``; a list on the way stands for its first item."""
    for name in path:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def listed(value: object, *path: str) -> list[Any]:
    """Return the list at a path; empty when there is none."""
    found = dig(value, *path)
    return found if isinstance(found, list) else []


def text(value: object, *path: str) -> str:
    """Return the string at a path, without blanks around it; empty when there is none."""
    found = dig(value, *path)
    return found.strip() if isinstance(found, str) else ""


def codings(concept: object) -> list[tuple[str, str]]:
    """Return the (system, code) pairs of a CodeableConcept."""
    return [(text(coding, "system"), text(coding, "code")) for coding in listed(concept, "coding")]


def concept_text(concept: object) -> str:
    """Return how a CodeableConcept names itself: its text, else its first display."""
    displays = (text(coding, "display") for coding in listed(concept, "coding"))
    return text(concept, "text") or next((display for display in displays if display), "")
