"""Who may send on a listener: its sources, among which MSH-3 and MSH-4 choose. They never open a way in that the listener hasn't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.errors import Misconfigured
from gateway.runtime import Gateway

SOURCES: Final = "select id, code, zone, settings from source where code = any(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSource:
    """A source that pushes.

    ``senders`` are its ``MSH-3|MSH-4`` (of each the whole field or its first component); none: whoever comes in by its listener.
    ``daily``: its control ids start anew each day.
    """

    id: int
    code: str
    zone: ZoneInfo
    senders: frozenset[str] = frozenset()
    daily: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The sources of one listener, or the one source that a token is bound to. What nobody can be found for is kept under the first."""

    org: int
    sources: tuple[PushSource, ...]
    _known: dict[tuple[str, str], PushSource | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def first(self) -> PushSource:
        """The source under which refused messages of unknown senders are kept."""
        return self.sources[0]

    def source_of(self, application: str, facility: str) -> PushSource | None:
        """Return the source that MSH-3 and MSH-4 choose, ``None`` when they name none of these."""
        key = application, facility
        if key not in self._known:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = self._choose(application, facility)
        return self._known[key]

    def _choose(self, application: str, facility: str) -> PushSource | None:
        names = {f"{application}|{facility}", f"{_first(application)}|{_first(facility)}"}
        named = next((source for source in self.sources if source.senders & names), None)
        return named or next((source for source in self.sources if not source.senders), None)

    def only(self, code: str) -> Desk:
        """Return the desk of one of its sources."""
        return Desk(org=self.org, sources=tuple(source for source in self.sources if source.code == code))


# Names of senders whose source is remembered; a stranger who makes up names fills no memory.
MOST_REMEMBERED: Final = 1000


def desk(gateway: Gateway, org: int, codes: Sequence[str]) -> Desk:
    """Return the desk of a listener with these sources, in their order.

    Raises:
        Misconfigured: one isn't there, or its settings can't be read.
    """
    with gateway.database.transaction(org) as db:
        rows = {row.code: row for row in db.execute(SOURCES, (list(codes),))}
    if missing := [code for code in codes if code not in rows]:
        raise Misconfigured(f"a listener names {', '.join(missing)}, which is no source")
    return Desk(org=org, sources=tuple(_source(rows[code]) for code in codes))


def _source(row: Any) -> PushSource:
    senders = row.settings.get("senders", [])
    if not isinstance(senders, list) or not all(isinstance(one, str) and one.count("|") == 1 for one in senders):
        raise Misconfigured(f"source {row.code}: settings.senders is a list of texts 'MSH-3|MSH-4', such as VESTA|DELINDE")
    return PushSource(
        id=row.id,
        code=row.code,
        zone=ZoneInfo(row.zone),
        senders=frozenset(senders),
        daily=bool(row.settings.get("daily_control_ids", False)),
    )


def _first(value: str) -> str:
    return value.partition("^")[0]
