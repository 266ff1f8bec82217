"""A source as a reading needs it: its row, its connector, its context."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from gateway.connector import PullConnector, StreamSpec
from gateway.context import NeighbourContext, context_for
from gateway.errors import Misconfigured, NotFound
from gateway.guard import guarded, load
from gateway.runtime import Gateway

SOURCE: Final = "select id, code, connector, system, zone, settings from source where id = %s"
# One list of what vanished more than this share of a stream is held for a person to look at.
MAX_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source that can be read."""

    id: int
    code: str
    system: str
    settings: dict[str, Any]
    connector: PullConnector
    context: NeighbourContext

    def streams(self) -> list[StreamSpec]:
        """Return what it has."""
        with guarded():
            return list(self.connector.streams(self.context))

    def stream(self, name: str) -> StreamSpec:
        """Return a stream by its name.

        Raises:
            Misconfigured: this version of the connector has no such stream.
        """
        for stream in self.streams():
            if stream.name == name:
                return stream
        raise Misconfigured(f"{self.code}: the connector has no stream {name!r}")

    @property
    def max_vanished_share(self) -> float:
        """Return how much of a stream may vanish at once without a person having looked."""
        return float(self.settings.get("max_vanished_share", MAX_SHARE))


def source_of(gateway: Gateway, org: int, source_id: int) -> Source:
    """Return a source.

    Raises:
        NotFound: there is none of that number.
        Misconfigured: its connector isn't installed, or can't be loaded.
    """
    with gateway.database.transaction(org) as db:
        row = db.execute(SOURCE, (source_id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no source {source_id}")
    pull = _installed(row.connector)
    with guarded():
        context = context_for(gateway, org, row, limits=pull.limits)
    return Source(id=row.id, code=row.code, system=row.system, settings=row.settings, connector=pull, context=context)


@cache
def _installed(name: str) -> PullConnector:
    """Look a connector up once: the installed distributions take 6 ms to go through, and every slice asks."""
    found: PullConnector = load(name)
    return found
