"""The connector: which slices there are, and how each is read. It holds no state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from cryptography import x509

from connectors.ecd.ons.answers import answer, body
from connectors.ecd.ons.lines import lines
from connectors.ecd.ons.records import cut, cut_deletion, key_of, wall_time
from connectors.ecd.ons.streams import STREAMS
from gateway.connector import (
    CONTRACT_VERSION,
    CheckResult,
    Context,
    Cursor,
    DeleteMode,
    Limits,
    Page,
    Record,
    Rejection,
    Slice,
    StreamSpec,
)
from gateway.errors import Conflict, Misconfigured, PermanentError, TransientError

NDJSON: Final = "application/x-ndjson"
# The page of a feed after the changes.
DELETES: Final = "deletes"

SECRET_FILE: Final = {"type": "string", "format": "password"}
CONFIG_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["base_url", "secrets"],
    "additionalProperties": False,
    "properties": {
        "base_url": {"type": "string", "format": "uri", "pattern": "^https?://"},
        "ca_file": {"type": "string", "description": "the authority of the server's certificate, where it is no public one"},
        "reconcile_every": {"type": "integer", "minimum": 1, "description": "runs from one full list of keys to the next"},
        "max_vanished_share": {"type": "number", "minimum": 0, "maximum": 1},
        "secrets": {
            "type": "object",
            "description": "files of mode 0600: the TLS certificate and its key, or what stands in for them as X-Client-Certificate",
            "additionalProperties": False,
            "properties": {"certificate": SECRET_FILE, "tls_certificate": SECRET_FILE, "tls_key": SECRET_FILE},
            "oneOf": [{"required": ["certificate"]}, {"required": ["tls_certificate", "tls_key"]}],
        },
    },
}


class _CarePlans(msgspec.Struct, rename="camel"):
    care_plans: list[msgspec.Raw]


class _Agenda(msgspec.Struct, rename="camel"):
    agenda_occurrences: list[msgspec.Raw]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ons:
    """Reads an Ons-shaped ECD. Our certificate goes by TLS, or in a header where a proxy of ours does the TLS, and with the sample."""

    contract_version: int = CONTRACT_VERSION
    name: str = "ons"
    vendor: str = "nedap"
    version: str = "1"
    config_schema: Mapping[str, Any] = field(default_factory=lambda: CONFIG_SCHEMA)
    limits: Limits = field(default_factory=lambda: Limits(max_concurrency=4, per_second=100, daily_seconds=10_000))

    def check(self, ctx: Context) -> CheckResult:
        """Ask whether our certificate is welcome.

        Raises:
            AuthError: it is not.
            Retryable: the source can't be reached.
        """
        began = time.monotonic()
        with answer(ctx, "/ping", "*/*") as response:
            response.read()
        return CheckResult(ok=True, detail="ping", latency_ms=(time.monotonic() - began) * 1000, expires=_expires(ctx))

    def streams(self, ctx: Context) -> Sequence[StreamSpec]:
        """Return the streams; how often full lists of keys are read may be set per source."""
        every = ctx.settings.get("reconcile_every")
        if every is None:
            return STREAMS
        return tuple(spec if spec.reconcile_every is None else replace(spec, reconcile_every=every) for spec in STREAMS)

    def slices(self, ctx: Context, stream: StreamSpec, cursor: Cursor) -> Iterator[Slice]:
        """Yield one slice for a stream with a feed, else one per client, with its window where it has one."""
        if stream.partition_by is None:
            yield Slice(stream=stream.name, lower=_lower(stream, cursor))
            return
        begin, end = _window(ctx, stream)
        for client in ctx.partitions(stream.partition_by):
            yield Slice(stream=stream.name, partition=client, lower=begin, upper=end)

    def read(self, ctx: Context, stream: StreamSpec, slice_: Slice, page: str | None) -> Page:
        """Read a page. A feed is one page, read off the wire as it is consumed; its deletions are the page after it.

        In this order: a record that was changed and then deleted ends as deleted.

        Raises:
            GatewayError: by the answer's status; what it was is in the class.
        """
        if stream.window_days is not None:
            path = f"/v0/agenda/clients/{slice_.partition}/agenda_occurrences"
            return _listed(ctx, stream, path, _occurrences, **{"from": slice_.lower or "", "to": slice_.upper or ""})
        if stream.partition_by is not None:
            return _listed(ctx, stream, f"/v0/administration/dossier/care_plans/by_client/{slice_.partition}", _care_plans)
        return _feed(ctx, stream, slice_, page)

    def keys(self, ctx: Context, stream: StreamSpec, slice_: Slice) -> Iterator[str]:
        """Yield the key of every record that there is now.

        Raises:
            Retryable: the list did not end normally; then nothing may be concluded from it.
        """
        del slice_
        with answer(ctx, f"/v0/xstream/{stream.name}/data", NDJSON) as response:
            for line in lines(response.iter_bytes()):
                _go_on(ctx)
                key = key_of(line)
                if not key:
                    raise TransientError("the list of keys holds something that is no record")
                yield key


def _feed(ctx: Context, stream: StreamSpec, slice_: Slice, page: str | None) -> Page:
    """Read everything, or what changed, or what was deleted."""
    xstream = f"/v0/xstream/{stream.name}"
    if slice_.lower is None:
        return Page(records=_streamed(ctx, f"{xstream}/data", stream, cut))
    since = wall_time(datetime.fromisoformat(slice_.lower), ZoneInfo(ctx.zone))
    if page == DELETES:
        return Page(records=_streamed(ctx, f"{xstream}/deletes", stream, cut_deletion, since=since))
    following = DELETES if stream.deletes is DeleteMode.TOMBSTONE else None
    return Page(records=_streamed(ctx, f"{xstream}/updates", stream, cut, since=since), next=following)


Cut = Callable[[str, ZoneInfo, bytes], Record | Rejection]


def _streamed(ctx: Context, path: str, stream: StreamSpec, cut_one: Cut, **query: str) -> Iterator[Record | Rejection]:
    zone = ZoneInfo(ctx.zone)
    with answer(ctx, path, NDJSON, **query) as response:
        for line in lines(response.iter_bytes()):
            _go_on(ctx)
            yield cut_one(stream.name, zone, line)


def _listed(ctx: Context, stream: StreamSpec, path: str, take: Callable[[bytes], list[msgspec.Raw]], **query: str) -> Page:
    """Read one answer that lists records under a plural name.

    Raises:
        TransientError: it is cut off.
        PermanentError: it is whole, and no such list.
    """
    _go_on(ctx)
    whole = body(ctx, path, **query)
    zone = ZoneInfo(ctx.zone)
    try:
        listed = [bytes(raw) for raw in take(whole)]
    except msgspec.ValidationError:
        raise PermanentError(f"{stream.name}: the answer lists no records") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TransientError(f"{stream.name}: the answer is cut off") from None
    return Page(records=[cut(stream.name, zone, one) for one in listed])


def _care_plans(whole: bytes) -> list[msgspec.Raw]:
    return msgspec.json.decode(whole, type=_CarePlans).care_plans


def _occurrences(whole: bytes) -> list[msgspec.Raw]:
    return msgspec.json.decode(whole, type=_Agenda).agenda_occurrences


def _go_on(ctx: Context) -> None:
    if ctx.cancelled():
        raise Conflict("reading was cancelled")


def _lower(stream: StreamSpec, cursor: Cursor) -> str | None:
    """Return from where to read: behind the bookmark, because the feed's clock has no zone; ``None`` reads everything."""
    if cursor.value is None:
        return None
    return (datetime.fromisoformat(cursor.value) - timedelta(seconds=stream.overlap_seconds)).isoformat()


def _window(ctx: Context, stream: StreamSpec) -> tuple[str | None, str | None]:
    """Return the days to read, the last exclusive, by the source's own calendar."""
    if stream.window_days is None:
        return None, None
    today = ctx.now().astimezone(ZoneInfo(ctx.zone)).date()
    begin, end = (today + timedelta(days=days) for days in stream.window_days)
    return begin.isoformat(), end.isoformat()


def _expires(ctx: Context) -> datetime | None:
    """Return the end of our TLS certificate; ``None`` where something else shows it."""
    if "tls_certificate" not in ctx.settings.get("secrets", {}):
        return None
    try:
        return x509.load_pem_x509_certificate(ctx.secret("tls_certificate").encode()).not_valid_after_utc
    except ValueError:
        raise Misconfigured("secrets.tls_certificate is no certificate") from None


CONNECTOR: Final = Ons()
