"""Cutting records out of answers: the record's own bytes, and the few fields that reading itself needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.connector import Op, Record, Rejection


class _Allocation(msgspec.Struct, rename="camel"):
    end_date: str | None = None


class _Audited(msgspec.Struct, rename="camel"):
    id: int
    updated_at: str | None = None


class _Client(_Audited, rename="camel"):
    care_allocations: list[_Allocation] | None = None


class _Report(_Audited, rename="camel", kw_only=True):
    confidential: bool
    hidden: bool
    caren_id: int | str | None = None


class _Occurrence(msgspec.Struct, rename="camel", kw_only=True):
    id: str
    starts_at: str
    updated_at: str | None = None


class _Deletion(msgspec.Struct, rename="camel", kw_only=True):
    id: int
    deleted_at: str


class _Key(msgspec.Struct):
    id: int | str


BEGINS_WITH_ID: Final = re.compile(rb'\{\s*"id"\s*:\s*"?([0-9A-Za-z@:.-]{1,64})"?\s*,')

DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "clients": msgspec.json.Decoder(_Client),
    "relations": msgspec.json.Decoder(_Audited),
    "employees": msgspec.json.Decoder(_Audited),
    "reports": msgspec.json.Decoder(_Report),
    "care_plans": msgspec.json.Decoder(_Audited),
    "agenda": msgspec.json.Decoder(_Occurrence),
}
_deletion: Final = msgspec.json.Decoder(_Deletion)
_key: Final = msgspec.json.Decoder(_Key)


def cut(stream: str, zone: ZoneInfo, data: bytes) -> Record | Rejection:
    """Return a record with its bytes as they came, or what can't be read as one."""
    try:
        found = DECODERS[stream].decode(data)
        changed = None if found.updated_at is None else moment(found.updated_at, zone)
        return Record(
            stream=stream,
            key=str(found.id),
            op=Op.UPSERT,
            data=data,
            version=found.updated_at,
            source_time=changed,
            **OWN.get(stream, _nothing)(found, zone),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError):
        return Rejection(stream=stream, key=key_of(data), data=data, reason="structure")


def cut_deletion(stream: str, zone: ZoneInfo, data: bytes) -> Record | Rejection:
    """Return the end of a record."""
    try:
        found = _deletion.decode(data)
        gone = moment(found.deleted_at, zone)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError):
        return Rejection(stream=stream, key="", data=data, reason="structure")
    return Record(
        stream=stream,
        key=str(found.id),
        op=Op.DELETE,
        data=None,
        version=found.deleted_at,
        source_time=gone,
    )


def key_of(data: bytes) -> str:
    """Return the key of something that may not be a record; empty when it has none.

    What isn't JSON may still begin with its id: with it, one broken record doesn't stand in the way of judging the others.
    """
    try:
        return str(_key.decode(data).id)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = BEGINS_WITH_ID.match(data)
        return found[1].decode() if found else ""


def moment(text: str, zone: ZoneInfo) -> datetime:
    """Read a time of the source in UTC; one without an offset is wall time in the source's zone.

    Raises:
        ValueError: on no calendar.
    """
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo is not None else read.replace(tzinfo=zone)).astimezone(UTC)


def wall_time(at: datetime, zone: ZoneInfo) -> str:
    """Print an instant as Ons wants ``since``: wall time without a zone, to the millisecond, never later than the instant."""
    return at.astimezone(zone).replace(tzinfo=None).isoformat(timespec="milliseconds")


def _of_client(found: _Client, zone: ZoneInfo) -> dict[str, Any]:
    """A client whose every allocation has ended is out of care from the last end on."""
    del zone
    ends = [allocation.end_date for allocation in found.care_allocations or []]
    ended = [end for end in ends if end is not None]
    if not ends or len(ended) < len(ends):
        return {}
    return {"date": datetime.fromisoformat(max(ended)).date().isoformat()}


def _of_report(found: _Report, zone: ZoneInfo) -> dict[str, Any]:
    del zone
    marks = {"confidential": found.confidential, "hidden": found.hidden}
    labels = frozenset(name for name, marked in marks.items() if marked)
    return {"labels": labels, "origin": "caren" if found.caren_id is not None else None}


def _of_occurrence(found: _Occurrence, zone: ZoneInfo) -> dict[str, Any]:
    return {"date": moment(found.starts_at, zone).astimezone(zone).date().isoformat()}


def _nothing(found: Any, zone: ZoneInfo) -> dict[str, Any]:
    del found, zone
    return {}


OWN: Final[dict[str, Callable[[Any, ZoneInfo], dict[str, Any]]]] = {
    "clients": _of_client,
    "reports": _of_report,
    "agenda": _of_occurrence,
}
