"""Nedap Ons: bulk and change feeds as NDJSON (``/v0/xstream``), care plans and the agenda per client.

Facts of the interface: the public Ons API specification as harvested in 2026 (docs/sample-ecd.md names what is assumed). Reports have no
feed of deletions, care plans and agenda have no feed at all; ``since`` has no zone and is read in the source's own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx2
import msgspec

from gateway.connector import (
    CONTRACT_VERSION,
    CheckResult,
    Context,
    Cursor,
    DeleteMode,
    Limits,
    Op,
    Page,
    Record,
    Rejection,
    Slice,
    StreamSpec,
)
from gateway.errors import AuthError, GatewayError, Misconfigured, PermanentError, SourceUnavailable, Throttled, TransientError

SINCE: Final = "%Y-%m-%dT%H:%M:%S.000"
LABELS: Final = ("confidential", "hidden")
AUTH: Final = frozenset({401, 403, 495})
CONFIG: Final = frozenset({406, 412})
BUSY: Final = frozenset({423, 429})
DOWN: Final = frozenset({502, 503})
# A list inside an answer: from its key to its end, so that each record keeps the bytes it came with.
DECODER: Final = msgspec.json.Decoder(dict[str, list[msgspec.Raw]])

ANY_RECORD: Final[Mapping[str, Any]] = {"type": "object", "required": ["id"]}


class _Head(msgspec.Struct, rename="camel"):
    """What the gateway itself needs to know of a record; the rest is the mapping's business."""

    id: int | str
    updated_at: str | None = None
    deleted_at: str | None = None
    confidential: bool = False
    hidden: bool = False
    caren_id: int | str | None = None
    occurrence_date: str | None = None
    starts_at: str | None = None


HEAD: Final = msgspec.json.Decoder(_Head)


def _feed(name: str, kind: str, **more: Any) -> StreamSpec:
    return StreamSpec(name=name, kind=kind, primary_key=("id",), json_schema=ANY_RECORD, cursor_field="updatedAt", **more)


STREAMS: Final = (
    _feed("clients", "client", deletes=DeleteMode.TOMBSTONE),
    _feed("relations", "relation", deletes=DeleteMode.RECONCILE, reconcile_every=6),
    _feed("employees", "employee", deletes=DeleteMode.RECONCILE, reconcile_every=6),
    _feed("reports", "report", deletes=DeleteMode.RECONCILE, reconcile_every=6, sensitive_labels=LABELS),
    StreamSpec(
        name="care_plans",
        kind="care_plan",
        primary_key=("id",),
        json_schema=ANY_RECORD,
        partition_by="clients",
        deletes=DeleteMode.RECONCILE,
    ),
    StreamSpec(
        name="agenda",
        kind="agenda_occurrence",
        primary_key=("id",),
        json_schema=ANY_RECORD,
        partition_by="clients",
        window_days=(-7, 28),
        deletes=DeleteMode.RECONCILE,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ons:
    """The connector; it holds no state."""

    contract_version: int = CONTRACT_VERSION
    name: str = "ons"
    vendor: str = "Nedap"
    version: str = "1"
    limits: Limits = Limits(max_concurrency=4, per_second=100, daily_seconds=10_000)
    config_schema: Mapping[str, Any] = field(
        default_factory=lambda: {
            "type": "object",
            "required": ["base_url", "secrets"],
            "additionalProperties": False,
            "properties": {
                "base_url": {"type": "string", "format": "uri"},
                "ca_file": {"type": "string"},
                "secrets": {
                    "type": "object",
                    "additionalProperties": {"type": "string", "format": "password"},
                },
            },
        }
    )

    def check(self, ctx: Context) -> CheckResult:
        """Ask ``/ping``: 200 when the certificate works."""
        began = time.perf_counter()
        _get(ctx, "/ping", {})
        return CheckResult(ok=True, detail="the certificate works", latency_ms=(time.perf_counter() - began) * 1000)

    def streams(self, ctx: Context) -> Sequence[StreamSpec]:
        """Return the streams; clients come first, others are cut by them."""
        return STREAMS

    def slices(self, ctx: Context, stream: StreamSpec, cursor: Cursor) -> Iterator[Slice]:
        """Yield one slice per feed, or one per client in care."""
        if stream.partition_by is None:
            yield Slice(stream=stream.name, lower=_since(ctx, stream, cursor), upper=ctx.now().isoformat())
            return
        for client in ctx.partitions(stream.partition_by):
            lower, upper = _window(ctx, stream)
            yield Slice(stream=stream.name, partition=client, lower=lower, upper=upper)

    def read(self, ctx: Context, stream: StreamSpec, slice_: Slice, page: str | None) -> Page:
        """Read a slice. Feeds give their deletions on a page of their own.

        Raises:
            AuthError, Misconfigured, Throttled, TransientError, SourceUnavailable, PermanentError: by the answer's status.
        """
        if page == "deletes":
            return _deletes(ctx, stream, slice_)
        if stream.partition_by is None:
            more = stream.deletes is DeleteMode.TOMBSTONE and slice_.lower is not None
            return Page(records=_xstream(ctx, stream, slice_), next="deletes" if more else None)
        return _per_client(ctx, stream, slice_)

    def keys(self, ctx: Context, stream: StreamSpec, slice_: Slice) -> Iterator[str]:
        """Yield the keys of all records there are, to find those that vanished without a word."""
        yield from (one.key for one in _xstream(ctx, stream, Slice(stream=stream.name)))


CONNECTOR: Final = Ons()


def _since(ctx: Context, stream: StreamSpec, cursor: Cursor) -> str | None:
    """Return the bookmark as Ons reads it: local time without a zone, ``overlap`` earlier; ``None`` for everything."""
    if cursor.value is None:
        return None
    earlier = datetime.fromisoformat(cursor.value) - timedelta(seconds=stream.overlap_seconds)
    return earlier.astimezone(ZoneInfo(ctx.zone)).strftime(SINCE)


def _window(ctx: Context, stream: StreamSpec) -> tuple[str | None, str | None]:
    """Return the days of a window, the last one excluded, as Ons reads ``from`` and ``to``."""
    if stream.window_days is None:
        return None, None
    today = ctx.now().astimezone(ZoneInfo(ctx.zone)).date()
    first, last = stream.window_days
    return (today + timedelta(days=first)).isoformat(), (today + timedelta(days=last)).isoformat()


def _xstream(ctx: Context, stream: StreamSpec, slice_: Slice) -> Iterator[Record | Rejection]:
    """Yield a feed's records as they come off the wire."""
    what, query = ("data", {}) if slice_.lower is None else ("updates", {"since": slice_.lower})
    for number, line in enumerate(_lines(ctx, f"/v0/xstream/{stream.name}/{what}", query)):
        yield _sorted(ctx, stream, line, number)


def _deletes(ctx: Context, stream: StreamSpec, slice_: Slice) -> Page:
    query = {"since": slice_.lower or ""}
    records = [_tombstone(ctx, stream, line) for line in _lines(ctx, f"/v0/xstream/{stream.name}/deletes", query)]
    return Page(records=records)


def _per_client(ctx: Context, stream: StreamSpec, slice_: Slice) -> Page:
    """Read one client's list: an answer that isn't whole counts as not read."""
    if stream.name == "care_plans":
        path, query, key = f"/v0/administration/dossier/care_plans/by_client/{slice_.partition}", {}, "carePlans"
    else:
        path, key = f"/v0/agenda/clients/{slice_.partition}/agenda_occurrences", "agendaOccurrences"
        query = {"from": slice_.lower or "", "to": slice_.upper or ""}
    try:
        items = DECODER.decode(_get(ctx, path, query))[key]
    except (msgspec.DecodeError, KeyError):
        raise TransientError(f"{stream.name}: the answer was cut off or isn't the list that was asked for") from None
    return Page(records=[_sorted(ctx, stream, bytes(item), number) for number, item in enumerate(items)])


def _sorted(ctx: Context, stream: StreamSpec, line: bytes, number: int) -> Record | Rejection:
    """Make a record of a line, or keep it as one that can't be read."""
    try:
        head = HEAD.decode(line)
    except msgspec.DecodeError:
        return Rejection(stream=stream.name, key=_key_of(line, number), data=line, reason="structure")
    return _record(ctx, stream, line, head)


def _key_of(line: bytes, number: int) -> str:
    found = re.search(rb'"id"\s*:\s*"?([0-9A-Za-z@_-]{1,64})', line)
    return found[1].decode() if found else f"line-{number}"


def _record(ctx: Context, stream: StreamSpec, line: bytes, head: _Head) -> Record:
    labels = frozenset(name for name in stream.sensitive_labels if getattr(head, name))
    return Record(
        stream=stream.name,
        key=str(head.id),
        op=Op.UPSERT,
        data=line,
        version=head.updated_at,
        source_time=_moment(head.updated_at, ctx),
        origin="caren" if head.caren_id is not None else None,
        date=_day(head) if stream.window_days else None,
        labels=labels,
    )


def _tombstone(ctx: Context, stream: StreamSpec, line: bytes) -> Record:
    try:
        head = HEAD.decode(line)
    except msgspec.DecodeError:
        raise TransientError(f"{stream.name}: the feed of deletions was cut off") from None
    at = head.deleted_at
    return Record(stream=stream.name, key=str(head.id), op=Op.DELETE, data=None, version=at, source_time=_moment(at, ctx))


def _moment(text: str | None, ctx: Context) -> datetime | None:
    """Read an instant; one without an offset is the source's wall time. One that can't be read is none: mapping says so."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=ZoneInfo(ctx.zone)) if at.tzinfo is None else at


def _day(head: _Head) -> str | None:
    text = (head.occurrence_date or head.starts_at or "")[:10]
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _headers(ctx: Context) -> dict[str, str]:
    headers = {"User-Agent": "zorgsluis/1+https://zorgsluis.example"}
    if "certificate" in ctx.settings.get("secrets", {}):
        # Stands in for mutual TLS where it ends before us, and with the sample.
        headers["X-Client-Certificate"] = ctx.secret("certificate")
    return headers


def _get(ctx: Context, path: str, query: Mapping[str, str]) -> bytes:
    try:
        with ctx.permit():
            response = ctx.http().get(path, params=dict(query), headers={**_headers(ctx), "Accept": "application/json"})
    except httpx2.HTTPError as error:
        raise TransientError(f"GET {_template(path)}: {type(error).__name__}") from None
    _refuse(response, path)
    return response.content


def _lines(ctx: Context, path: str, query: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the lines of an NDJSON answer.

    Raises:
        TransientError: the answer ended inside a line or the connection broke: nothing of it counts as read.
    """
    rest = b""
    headers = {**_headers(ctx), "Accept": "application/x-ndjson"}
    try:
        with ctx.permit(), ctx.http().stream("GET", path, params=dict(query), headers=headers) as response:
            if response.status_code != httpx2.codes.OK:
                response.read()
                _refuse(response, path)
            for chunk in response.iter_bytes():
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line for line in whole if line.strip())
    except httpx2.HTTPError as error:
        raise TransientError(f"GET {_template(path)}: {type(error).__name__}") from None
    if rest.strip():
        raise TransientError(f"GET {_template(path)}: the answer ended in the middle of a line")


def _template(path: str) -> str:
    """Return a path without numbers in it: it goes to logs."""
    return re.sub(r"/[0-9]+", "/{id}", path)


def _refuse(response: httpx2.Response, path: str) -> None:
    """Raise what the status means. The four error envelopes of Ons may hold care data: they are not read."""
    status = response.status_code
    if status == httpx2.codes.OK:
        return
    raise _class_of(status)(f"GET {_template(path)}: status {status}", status=status, retry_after=_retry_after(response))


def _class_of(status: int) -> type[GatewayError]:
    if status in AUTH:
        return AuthError
    if status in CONFIG:
        return Misconfigured
    if status in BUSY:
        return Throttled
    if status in DOWN:
        return SourceUnavailable
    if status == httpx2.codes.REQUEST_TIMEOUT or status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return TransientError
    return PermanentError


def _retry_after(response: httpx2.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None
