"""Reading a transaction Bundle: entry bodies are cut from the request, never parsed and written again.

Only the envelope is read. A body's own bytes are what the portal stores, so ``72.50`` keeps its last digit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from samples.portal.fhir.refused import Refused, entry_refused

MAX_ENTRIES: Final = 100
TARGET: Final = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.-]{1,64})")
ETAG: Final = re.compile(r'W/"([1-9][0-9]*)"')
CONDITIONS: Final = ("if_none_exist", "if_none_match", "if_modified_since")
NOTHING: Final = msgspec.Raw(b"")


class EntryRequest(msgspec.Struct, rename="camel"):
    """``Bundle.entry.request``."""

    method: str
    url: str
    if_match: str | None = None
    if_none_exist: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None


class Entry(msgspec.Struct):
    """``Bundle.entry``; the resource stays bytes."""

    request: EntryRequest | None = None
    resource: msgspec.Raw = NOTHING


class Bundle(msgspec.Struct, rename="camel"):
    """``Bundle``."""

    resource_type: str
    type: str
    entry: list[Entry] = []


class Head(msgspec.Struct, rename="camel"):
    """What the portal reads of a resource before it stores it."""

    resource_type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One entry to apply: ``body`` is ``None`` for a delete; ``expected`` the version that ``ifMatch`` names."""

    index: int
    type: str
    id: str
    expected: int | None
    body: bytes | None

    @property
    def target(self) -> str:
        """Return ``Type/id``."""
        return f"{self.type}/{self.id}"


BUNDLE: Final = msgspec.json.Decoder(Bundle)
HEAD: Final = msgspec.json.Decoder(Head)


def read_transaction(body: bytes) -> list[Write]:
    """Return the writes that a transaction asks for, in its order.

    Raises:
        Refused: not a transaction of at most 100 entries, or an entry that the contract doesn't know.
    """
    bundle = decoded(body)
    if bundle.resource_type != "Bundle" or bundle.type != "transaction":
        raise Refused(400, "invalid", "Send a Bundle of type transaction.", expression="Bundle.type")
    if len(bundle.entry) > MAX_ENTRIES:
        raise Refused(413, "too-long", f"At most {MAX_ENTRIES} entries.", expression="Bundle.entry")
    writes = [read_entry(index, entry) for index, entry in enumerate(bundle.entry)]
    refuse_doubles(writes)
    return writes


def decoded(body: bytes) -> Bundle:
    """Return the envelope.

    Raises:
        Refused: not JSON, or not the shape of a Bundle.
    """
    try:
        body.decode()  # what is skipped isn't read as text, and every byte will be served as text
        return BUNDLE.decode(body)
    except msgspec.ValidationError as error:
        place = re.search(r"entry\[(\d+)\]", str(error))
        expression = f"Bundle.{place[0]}" if place else "Bundle"
        raise Refused(400, "structure", "Not the shape of a Bundle.", expression=expression) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "structure", "Not JSON.") from error


def read_entry(index: int, entry: Entry) -> Write:
    """Return the write of one entry."""
    request = entry.request
    if request is None:
        raise entry_refused(index, 400, "required", "A transaction entry has a request.", ".request")
    if any(getattr(request, name) is not None for name in CONDITIONS):
        raise entry_refused(index, 400, "not-supported", "Of the conditions only ifMatch is supported.", ".request")
    target = TARGET.fullmatch(request.url)
    if target is None:
        raise entry_refused(index, 400, "not-supported", "A url is Type/id, without conditions.", ".request.url")
    kind, identity = target[1], target[2]
    return Write(
        index=index,
        type=kind,
        id=identity,
        expected=expected_version(index, request.if_match),
        body=body_of(index, entry, request.method, kind, identity),
    )


def expected_version(index: int, if_match: str | None) -> int | None:
    """Return the version number in an etag."""
    if if_match is None:
        return None
    etag = ETAG.fullmatch(if_match)
    if etag is None:
        raise entry_refused(index, 400, "value", 'An etag looks like W/"1".', ".request.ifMatch")
    return int(etag[1])


def body_of(index: int, entry: Entry, method: str, kind: str, identity: str) -> bytes | None:
    """Return the bytes to store, or ``None`` for a delete."""
    if method == "DELETE":
        return None
    if method != "PUT":
        raise entry_refused(index, 400, "not-supported", "A method is PUT or DELETE.", ".request.method")
    body = bytes(entry.resource)
    try:
        head = HEAD.decode(body)
    except msgspec.DecodeError as error:
        raise entry_refused(index, 400, "structure", "A resource has a resourceType and an id.", ".resource") from error
    if (head.resource_type, head.id) != (kind, identity):
        raise entry_refused(index, 400, "invariant", "The resource is another one than the url names.", ".resource")
    return body


def refuse_doubles(writes: list[Write]) -> None:
    """Refuse a transaction that names one resource twice (FHIR R4, http.html#trules)."""
    seen: set[str] = set()
    for write in writes:
        if write.target in seen:
            raise entry_refused(write.index, 400, "duplicate", "A resource stands in a transaction once.")
        seen.add(write.target)
