"""Search parameters: ``_lastUpdated`` and ``_count``, and nothing that would be silently left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from samples.portal.clock import instant, parsed
from samples.portal.compartments import Period
from samples.portal.fhir.refused import Refused

KNOWN: Final = frozenset({"_lastUpdated", "_count", "_after"})
DEFAULT_COUNT: Final = 100
LARGEST_COUNT: Final = 1000
STEP: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search: its period, the size of a page, and where the page begins."""

    parameters: tuple[tuple[str, str], ...]
    period: Period
    count: int
    after: int

    def following(self, after: int) -> str:
        """Return the query of the page behind this one."""
        kept = [pair for pair in self.parameters if pair[0] != "_after"]
        return urlencode([*kept, ("_after", str(after))])


def read_query(parameters: list[tuple[str, str]]) -> Query:
    """Return the search that the parameters ask for.

    Raises:
        Refused: an unknown parameter, or a value that isn't one.
    """
    for name, _ in parameters:
        if name not in KNOWN:
            raise Refused(400, "not-supported", "Search by _lastUpdated and _count only.")
    return Query(
        parameters=tuple(parameters),
        period=_period([value for name, value in parameters if name == "_lastUpdated"]),
        count=min(_number(parameters, "_count", DEFAULT_COUNT), LARGEST_COUNT),
        after=_number(parameters, "_after", 0),
    )


def _number(parameters: list[tuple[str, str]], name: str, default: int) -> int:
    values = [value for key, value in parameters if key == name]
    if not values:
        return default
    if not values[-1].isascii() or not values[-1].isdecimal():
        raise Refused(400, "value", f"{name} is a whole number.")
    return int(values[-1])


def _period(values: list[str]) -> Period:
    first, last = Period().first, Period().last
    for value in values:
        prefix, moment = _bound(value)
        if prefix in ("ge", "gt"):
            first = max(first, instant(moment + STEP if prefix == "gt" else moment))
        else:
            last = min(last, instant(moment - STEP if prefix == "lt" else moment))
    return Period(first=first, last=last)


def _bound(value: str) -> tuple[str, datetime]:
    prefix, text = value[:2], value[2:].replace(" ", "+")  # an unescaped + of an offset arrives as a space
    if prefix not in ("ge", "gt", "le", "lt"):
        raise Refused(400, "not-supported", "_lastUpdated has one of the prefixes ge, gt, le, lt.")
    try:
        return prefix, parsed(text)
    except ValueError as error:
        raise Refused(400, "value", "_lastUpdated is a date with time and offset.") from error
