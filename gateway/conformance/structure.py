"""Whether the segments of a message stand where its structure has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.conformance.definitions import UNBOUNDED, Place
from gateway.conformance.finding import Finding

END: Final = "the end"


class Walk:
    """One walk along the segments of a message (``names``; ``labels`` as they are shown), place by place.

    A segment that can stand nowhere from here on is told and passed by; a group is entered also without the segment that opens it, so that
    one missing OBR costs one finding and not one for each OBX.
    """

    def __init__(self, structure: str, names: Sequence[str], labels: Sequence[str]) -> None:
        self.structure = structure
        self.names = names
        self.labels = labels
        self.at = 0
        self.findings: list[Finding] = []

    def walk(self, places: tuple[Place, ...]) -> Iterator[Finding]:
        """Yield what is missing, doubled or out of its place."""
        self._fill(self.structure, places, frozenset())
        while self.at < len(self.names):
            self._pass_by()
        yield from self.findings

    def _fill(self, group: str, places: tuple[Place, ...], follow: frozenset[str]) -> None:
        later = [follow]
        for place in reversed(places[1:]):
            later.append(later[-1] | place.holds)
        for place, after in zip(places, reversed(later), strict=True):
            count = self._take(place, after)
            if count < place.least:
                self._missing(group, place)
            if UNBOUNDED < place.most < count:
                text = f"{count} of {place.name} in {group}, which takes {place.most}"
                self._say("cardinality", self._label(self.at - 1), text)

    def _take(self, place: Place, after: frozenset[str]) -> int:
        """Take all segments of one place and return how many times it was filled."""
        count = 0
        while self._next_of(place.holds | after) in place.holds:
            name = self.names[self.at]
            full = place.most != UNBOUNDED and count >= place.most
            if name in after and (full or name not in place.starts):
                break
            count += 1
            if not place.parts:
                self.at += 1
                continue
            began = self.at
            self._fill(place.name, place.parts, after | (place.starts if place.most != 1 else frozenset()))
            if self.at == began:
                self._pass_by()
        return count

    def _next_of(self, expected: frozenset[str]) -> str | None:
        while self.at < len(self.names) and self.names[self.at] not in expected:
            self._pass_by()
        return self.names[self.at] if self.at < len(self.names) else None

    def _pass_by(self) -> None:
        self._say("structure", self._label(self.at), f"{self.names[self.at]} is not expected here in {self.structure}")
        self.at += 1

    def _missing(self, group: str, place: Place) -> None:
        text = f"{place.name} is missing from {group} before {self._label(self.at)}"
        self._say("required-missing", place.name, text)

    def _label(self, index: int) -> str:
        return self.labels[index] if index < len(self.labels) else END

    def _say(self, code: str, location: str, text: str) -> None:
        self.findings.append(Finding(severity="error", location=location, code=code, text=text))
