"""What a test of an ECD connector needs: the connector on its far side, and a reading of it as the engine does one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from gateway.connector import Cursor, PullConnector, Record, Rejection, Slice, StreamSpec
from gateway.errors import AuthError, GatewayError, SourceUnavailable, Throttled, TransientError
from gateway.testing.fakes import FakeContext

Fault = Literal["down", "unauthorised", "throttled", "maintenance", "truncated", "reset"]
FAULTS: dict[Fault, type[GatewayError]] = {
    "down": TransientError,
    "unauthorised": AuthError,
    "throttled": Throttled,
    "maintenance": SourceUnavailable,
    "truncated": TransientError,
    "reset": TransientError,
}
Key = tuple[str, str]

# More pages than any slice of a far side for tests has.
MANY = 1000
LONG = 100_000


class FarSide(Protocol):
    """The ECD as a test sees it: it misbehaves when told to, and things happen there."""

    def behave(self) -> None: ...
    def fail(self, fault: Fault, stream: str) -> None:
        """Fail every request for a stream this way until told to behave."""
        ...

    def set_clock(self, at: datetime) -> None: ...
    def now(self) -> datetime: ...
    def keys(self, stream: str) -> set[str]: ...
    def add(self) -> Key:
        """Make a new record in a stream with a feed."""
        ...

    def change(self) -> Key:
        """Change a record in a stream with a feed."""
        ...

    def delete(self, stream: str) -> str | None:
        """Delete a record and return its key; ``None`` where nothing can be deleted."""
        ...

    def marks(self) -> Mapping[Key, frozenset[str]]:
        """Return the records that the source itself marks, with the labels that they must carry."""
        ...

    def origins(self) -> Mapping[Key, str]:
        """Return the records that came to the source from a portal, with that portal's name."""
        ...

    def words(self) -> Sequence[str]:
        """Return words out of records (names, BSNs, texts) that must never be in a log or an error."""
        ...

    def most_at_once(self) -> int: ...
    def hold(self) -> None:
        """Answer nothing until told to behave, so that requests gather."""
        ...

    def gathered(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class EcdBench:
    """A connector on its far side.

    ``stranger`` is a context with credentials that the source doesn't know; ``nowhere`` has no source. ``broken`` answers every request for
    ``feed`` with records of which one is malformed; ``broken_keys`` are the good ones. ``long`` answers them with ``LONG`` records.
    """

    connector: PullConnector
    context: FakeContext
    stranger: FakeContext
    nowhere: FakeContext
    far_side: FarSide
    feed: str
    broken: FakeContext
    broken_keys: frozenset[str]
    long: FakeContext


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one run gave, and the bookmarks after it."""

    records: Mapping[Key, Record]
    cursors: Mapping[str, Cursor]

    def versions(self) -> dict[Key, bytes | None]:
        """Return the bytes by key; ``None`` is a deletion."""
        return {key: record.data for key, record in self.records.items()}


def spec(bench: EcdBench, name: str) -> StreamSpec:
    """Return a stream by its name."""
    return next(stream for stream in bench.connector.streams(bench.context) if stream.name == name)


def records_of(bench: EcdBench, context: FakeContext, stream: StreamSpec, part: Slice) -> Iterator[Record | Rejection]:
    """Yield everything of a slice, page after page."""
    page: str | None = None
    for _ in range(MANY):
        found = bench.connector.read(context, stream, part, page)
        yield from found.records
        if found.next is None:
            return
        page = found.next
    raise AssertionError(f"{stream.name}: more than {MANY} pages")


def read(bench: EcdBench, cursors: Mapping[str, Cursor] | None = None, at: datetime | None = None) -> Reading:
    """Do what the engine does in a run: feeds from their bookmarks, then what is cut by them."""
    began = at or bench.far_side.now() + timedelta(seconds=1)
    context, before = bench.context.at(began), dict(cursors or {})
    streams = bench.connector.streams(context)
    found: dict[Key, Record] = {}
    for stream in sorted(streams, key=lambda one: one.partition_by is not None):
        if stream.partition_by is not None:
            context = context.with_parents(**{stream.partition_by: sorted(bench.far_side.keys(stream.partition_by))})
        here = [
            record
            for part in bench.connector.slices(context, stream, before.get(stream.name, Cursor()))
            for record in records_of(bench, context, stream, part)
            if isinstance(record, Record)
        ]
        found |= {(stream.name, record.key): record for record in here}
        times = [record.source_time for record in here if record.source_time is not None]
        if stream.cursor_field is not None and times:
            before[stream.name] = Cursor(value=min(max(times), began).isoformat())
    return Reading(records=found, cursors=before)


def first_read(bench: EcdBench, context: FakeContext, name: str) -> list[Record | Rejection]:
    """Read the first slice of a stream without a partition."""
    stream = spec(bench, name)
    part = next(iter(bench.connector.slices(context, stream, Cursor())))
    return list(records_of(bench, context, stream, part))
