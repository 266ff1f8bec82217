"""A source as a reading needs it: its row, its connector, its context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gateway.connector import PullConnector, StreamSpec
from gateway.context import NeighbourContext, context_for
from gateway.errors import NotFound
from gateway.runtime import Gateway, connector

SOURCE: Final = "select id, code, connector, system, zone, settings from source where id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source that can be read."""

    id: int
    code: str
    system: str
    settings: dict[str, Any]
    connector: PullConnector
    context: NeighbourContext

    def stream(self, name: str) -> StreamSpec:
        """Return a stream by its name."""
        return next(stream for stream in self.connector.streams(self.context) if stream.name == name)

    def reconcile_every(self, stream: StreamSpec) -> int | None:
        """Return how many runs lie between two readings of the full key list; the source's settings win."""
        chosen = self.settings.get("reconcile_every", stream.reconcile_every)
        return chosen if stream.reconcile_every is not None else None


def source_of(gateway: Gateway, org: int, source_id: int) -> Source:
    """Return a source.

    Raises:
        NotFound: there is none of that number.
        Misconfigured: its connector isn't installed.
    """
    with gateway.database.transaction(org) as db:
        row = db.execute(SOURCE, (source_id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no source {source_id}")
    pull: PullConnector = connector(row.connector)
    context = context_for(gateway, org, row, limits=pull.limits)
    return Source(id=row.id, code=row.code, system=row.system, settings=row.settings, connector=pull, context=context)
