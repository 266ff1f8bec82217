"""What is sent and answered: Bundles go out by joining bytes and come in by cutting them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import httpx2
import msgspec

from connectors.portals.member_fhir.answers import GONE, UNREADABLE, Outcome, codes, etag
from gateway.connector import DeliveryItem, Receipt, RemoteState
from gateway.errors import AmbiguousError, PermanentError, Rejected, TransientError

VERSION_LINK: Final = re.compile(r"/_history/([^/?#]+)$")


class Response(msgspec.Struct):
    """``Bundle.entry.response``."""

    status: str
    etag: str | None = None
    outcome: Outcome | None = None


class Link(msgspec.Struct):
    """``Bundle.link``."""

    relation: str = ""
    url: str = ""


class Entry(msgspec.Struct, rename="camel"):
    """``Bundle.entry``; the resource stays bytes."""

    full_url: str = ""
    # Raw can't be one of several types: no resource is empty bytes.
    resource: msgspec.Raw = msgspec.Raw(b"")
    response: Response | None = None
    link: list[Link] = []


class Bundle(msgspec.Struct, rename="camel"):
    """``Bundle``."""

    type: str
    entry: list[Entry] = []
    link: list[Link] = []


def transaction(batch: Sequence[DeliveryItem]) -> bytes:
    """Join a transaction Bundle; bodies stand in it as the bytes they are."""
    return b'{"resourceType":"Bundle","type":"transaction","entry":[' + b",".join(map(_entry, batch)) + b"]}"


def _entry(item: DeliveryItem) -> bytes:
    url = f"{item.type}/{item.id}"
    if item.body is None:
        return msgspec.json.encode({"request": {"method": "DELETE", "url": url}})
    request = {"method": "PUT", "url": url} | ({"ifMatch": item.etag} if item.etag else {})
    return b'{"resource":' + item.body + b',"request":' + msgspec.json.encode(request) + b"}"


def unshared(member: str) -> bytes:
    """Return what ``Type/id/$unshare`` is asked with: from whom the resource is taken away."""
    parameter = {"name": "member", "valueUuid": f"urn:uuid:{member}"}
    return msgspec.json.encode({"resourceType": "Parameters", "parameter": [parameter]})


def receipts(batch: Sequence[DeliveryItem], answer: httpx2.Response) -> list[Receipt]:
    """Match the entries of the answer to ours: a transaction is answered in its own order (FHIR R4, http.html#trules)."""
    try:
        entries = read_bundle(answer).entry
    except PermanentError:
        raise AmbiguousError("the portal's answer to a transaction isn't a Bundle", status=answer.status_code) from None
    if len(entries) != len(batch):
        raise AmbiguousError("the portal's answer to a transaction has other entries than ours", status=answer.status_code)
    return [_receipt(item, entry.response) for item, entry in zip(batch, entries, strict=True)]


def _receipt(item: DeliveryItem, response: Response | None) -> Receipt:
    digits = response.status[:3] if response is not None else ""
    status = int(digits) if digits.isdecimal() else None
    # Deleting what was never there is done, whatever a portal calls it.
    ok = status is not None and (200 <= status < 300 or (item.body is None and status in GONE))
    if ok or status is None or response is None:
        return Receipt(type=item.type, id=item.id, ok=ok, status=status, etag=etag(response.etag) if response else None)
    error = Rejected.code if 400 <= status < 500 else TransientError.code
    return Receipt(type=item.type, id=item.id, ok=False, status=status, error=error, detail=codes(status, response.outcome))


def read_bundle(answer: httpx2.Response) -> Bundle:
    """Read the envelope of an answer.

    Raises:
        PermanentError: it isn't a Bundle.
    """
    try:
        return msgspec.json.decode(answer.content, type=Bundle)
    except UNREADABLE:
        raise PermanentError("the portal's answer isn't a Bundle", status=answer.status_code) from None


def state(entry: Entry) -> RemoteState:
    """Return one hit of a search; its version stands in ``link``, or else in the body's own ``meta``."""
    kind, id_ = ["", *entry.full_url.rsplit("/", 2)][-2:]
    own = next((link.url for link in entry.link if link.relation == "self"), "")
    version = VERSION_LINK.search(own)
    return RemoteState(type=kind, id=id_, body=_body(entry), etag=etag(f'W/"{version[1]}"') if version else None)


def version_of(entry: Entry, key: tuple[str, str]) -> RemoteState:
    """Return one version of a history; a deletion has no body."""
    return RemoteState(type=key[0], id=key[1], body=_body(entry), etag=etag(entry.response.etag) if entry.response else None)


def _body(entry: Entry) -> bytes | None:
    return bytes(entry.resource) or None
