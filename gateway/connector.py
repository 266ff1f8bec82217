"""The connector contract: what everything that speaks to a neighbour promises (docs/connectors.md).

Connectors import nothing of the core but this module, ``gateway.errors`` and ``gateway.canonical``. The engine gives each call a
``Context``; a connector holds no state of its own between calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, Protocol, runtime_checkable

import httpx2

CONTRACT_VERSION = 1


class DeleteMode(StrEnum):
    """How a source tells that a record is gone."""

    NONE = "none"
    TOMBSTONE = "tombstone"
    EVENT = "event"
    RECONCILE = "reconcile"


class Op(StrEnum):
    """What happened to the record."""

    UPSERT = "upsert"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """One stream of records of a source.

    ``overlap_seconds`` is re-read behind the cursor (at least an hour for zone-less cursors: the repeated hour in October).
    ``window_days`` makes it a window stream (from, to, relative to today). ``partition_by`` names the stream whose records give one
    slice each. ``reconcile_every`` n: every n-th run reads the full key list and compares.
    """

    name: str
    kind: str
    primary_key: tuple[str, ...]
    json_schema: Mapping[str, Any]
    cursor_field: str | None = None
    cursor_is_sorted: bool = False
    overlap_seconds: int = 7200
    window_days: tuple[int, int] | None = None
    partition_by: str | None = None
    deletes: DeleteMode = DeleteMode.NONE
    reconcile_every: int | None = None
    sensitive_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The unit of reading, retry and checkpoint. ``upper`` is fixed when the run starts."""

    stream: str
    partition: str = ""
    lower: str | None = None
    upper: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a page. ``data`` is the record's own bytes, cut from the response; ``None`` for a delete.

    ``date`` is the record's own day (``YYYY-MM-DD``) on window streams: absence counts as deletion only for days just read. In a stream
    that others are partitioned by it is the last day on which the record gives slices; ``None``: no end in sight.
    ``source_time`` is when the source last changed it; on a feed, the newest one becomes the bookmark.
    """

    stream: str
    key: str
    op: Op
    data: bytes | None
    version: str | None = None
    source_time: datetime | None = None
    origin: str | None = None
    date: str | None = None
    labels: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A record of a page that can't be read as a record: its bytes are kept, with the reason. ``key`` is empty when it has none."""

    stream: str
    key: str
    data: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one read gives; ``next`` is opaque, ``None`` when the slice is done.

    ``records`` may be read off the wire as it is consumed: a feed of any size takes the memory of one batch. It raises like ``read``.
    """

    records: Iterable[Record | Rejection]
    next: str | None = None
    requests: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The bookmark of a stream, owned by the engine: an ISO instant, ``None`` before the first complete reading.

    What was seen at the boundary needs no list of its own: every record is compared with its newest journalled version.
    """

    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the neighbour allows, per credential, over all workers: requests at once, and how many may begin in a second.

    ``daily_seconds`` of request time is told to the operator, and not counted.
    """

    max_concurrency: int = 4
    per_second: float | None = None
    daily_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Whether the neighbour answers; ``expires`` is the end of our certificate or token."""

    ok: bool
    detail: str
    latency_ms: float
    expires: datetime | None = None


class Context(Protocol):
    """Given by the engine; fakes are in ``gateway.testing``."""

    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def zone(self) -> str: ...
    def http(self) -> httpx2.Client: ...
    def permit(self) -> AbstractContextManager[None]: ...
    def secret(self, name: str) -> str: ...
    def now(self) -> datetime: ...
    def cancelled(self) -> bool: ...
    def log(self, event: str, **fields: Any) -> None: ...
    def partitions(self, stream: str) -> Sequence[str]: ...


class SourceConnector(Protocol):
    """What every source says of itself, whichever way it comes."""

    @property
    def contract_version(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def vendor(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def config_schema(self) -> Mapping[str, Any]: ...


@runtime_checkable
class PullConnector(SourceConnector, Protocol):
    """A source that we read. Reads in order and says where to resume; nothing else."""

    @property
    def limits(self) -> Limits: ...
    def check(self, ctx: Context) -> CheckResult: ...
    def streams(self, ctx: Context) -> Sequence[StreamSpec]: ...
    def slices(self, ctx: Context, stream: StreamSpec, cursor: Cursor) -> Iterator[Slice]: ...
    def read(self, ctx: Context, stream: StreamSpec, slice_: Slice, page: str | None) -> Page: ...
    def keys(self, ctx: Context, stream: StreamSpec, slice_: Slice) -> Iterator[str]: ...


@runtime_checkable
class PushConnector(SourceConnector, Protocol):
    """A source that comes to us, by a listener: no run reads it. Its maps and its settings are those of any other source."""

    @property
    def comes_in_by(self) -> Sequence[str]: ...


RetractionMethod = Literal["delete", "tombstone", "unshare", "cannot"]
AUDIENCES: Final = ("circle", "trust-group", "provider-and-trust-group")


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalManifest:
    """What a portal can do: declared once, judged by the gateway before a consent is saved.

    ``acr`` is the level that its step-up reaches (2 a second factor, 3 substantial); without ``step_up`` nobody reaches more than 1.
    ``max_concurrency``, ``per_second``: where the portal allows another number of requests, at once or a second, than the connector's
    ``limits`` say.
    A connector declares what holds for its kind of portal; ``settings.manifest`` says what is different at one (``MANIFEST_SCHEMA``).
    """

    granularity: Literal["member"] = "member"
    audiences: frozenset[str] = frozenset(AUDIENCES)
    retraction: RetractionMethod = "delete"
    step_up: bool = True
    acr: int = 2
    max_entries: int = 100
    max_concurrency: int | None = None
    per_second: float | None = None


MANIFEST_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "granularity": {"enum": ["member"]},
        "audiences": {"type": "array", "items": {"enum": [*AUDIENCES]}, "minItems": 1, "uniqueItems": True},
        "retraction": {"enum": ["delete", "tombstone", "unshare", "cannot"]},
        "step_up": {"type": "boolean"},
        "acr": {"enum": [1, 2, 3]},
        "max_entries": {"type": "integer", "minimum": 1, "maximum": 1000},
        "max_concurrency": {"type": "integer", "minimum": 1, "maximum": 100},
        # A permit is kept for its share of a second: below this a lane would sit on its lease.
        "per_second": {"type": "number", "minimum": 0.5, "maximum": 1000},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryItem:
    """One write to one member's compartment: ``body`` is ``None`` for a delete; ``etag`` the last one the portal gave."""

    type: str
    id: str
    body: bytes | None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The portal's answer for one item; on refusal ``error`` is its class and ``detail`` codes only, never content."""

    type: str
    id: str
    ok: bool
    etag: str | None = None
    status: int | None = None
    error: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteState:
    """What a read-back found: ``body`` is ``None`` when it is gone (404 or 410)."""

    type: str
    id: str
    body: bytes | None
    etag: str | None = None


@runtime_checkable
class SinkConnector(Protocol):
    """A portal that we write to. ``target`` is the member."""

    contract_version: int
    name: str
    version: str
    config_schema: Mapping[str, Any]
    limits: Limits

    def manifest(self) -> PortalManifest: ...
    def check(self, ctx: Context) -> CheckResult: ...
    def deliver(self, ctx: Context, target: str, batch: Sequence[DeliveryItem]) -> Sequence[Receipt]: ...
    def read_back(self, ctx: Context, target: str, keys: Sequence[tuple[str, str]]) -> Sequence[RemoteState]: ...
    def listing(self, ctx: Context, target: str) -> Iterator[RemoteState]: ...
    def announce(self, ctx: Context, last: datetime, following: datetime, behind: Sequence[str] = ()) -> None: ...


@runtime_checkable
class Unshares(Protocol):
    """A sink whose portals may take a resource away from a member without deleting it (``retraction: unshare``)."""

    def unshare(self, ctx: Context, target: str, keys: Sequence[tuple[str, str]]) -> Sequence[Receipt]: ...
