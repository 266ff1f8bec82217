"""Faults on demand: the far side misbehaves as often as it is told to, on the requests it is told to."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import Literal

import msgspec

Kind = Literal["down", "401", "503", "429", "reset-after-write", "422-entry", "slow"]
Place = Literal["fhir", "token", "any"]


class Fault(msgspec.Struct, kw_only=True, omit_defaults=False):
    """One planned misbehaviour.

    ``match`` is searched as a regular expression in ``{member}/Type/id`` (of each entry of a transaction) or in the
    path behind ``/fhir/``; empty matches everything. ``times`` is how often it still happens; ``null`` without end.
    """

    kind: Kind
    match: str = ""
    times: int | None = 1
    retry_after: float | None = None
    seconds: float = 1.0
    at: Place = "fhir"

    def place(self) -> Place:
        """Return where it happens: a portal that is down is down everywhere."""
        return "any" if self.kind == "down" and not self.match else self.at


class Faults:
    """The faults still to happen, first planned first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        """Add a fault.

        Raises:
            re.error: ``match`` isn't a regular expression.
        """
        re.compile(fault.match)
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        """Behave from now on."""
        with self._lock:
            self._planned.clear()

    def planned(self) -> list[Fault]:
        """Return what is still to happen."""
        with self._lock:
            return [msgspec.structs.replace(fault) for fault in self._planned]

    def take(self, place: Place, targets: Iterable[str], *, writing: bool = False) -> tuple[Fault, int] | None:
        """Return the first fault that fits, with the position of the target it fits, and count it down."""
        wanted = list(targets)
        with self._lock:
            for fault in self._planned:
                found = _fits(fault, place, wanted, writing=writing)
                if found is not None:
                    self._count_down(fault)
                    return fault, found
        return None

    def _count_down(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._planned.remove(fault)


def _fits(fault: Fault, place: Place, targets: list[str], *, writing: bool) -> int | None:
    if fault.place() not in (place, "any"):
        return None
    if fault.kind in ("reset-after-write", "422-entry") and not writing:
        return None
    return next((index for index, target in enumerate(targets) if re.search(fault.match, target)), None)
