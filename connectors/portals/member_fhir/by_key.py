"""A portal that gives its own ids: each resource bears ours as a business key (an identifier), is looked for by it, and made once.

One write at a time, because what refers to something needs the id that the portal gave it. Nobody else looks for and makes the same key
meanwhile: a member's writes belong to one lane, which one worker holds. After making, the search has to find exactly one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx2

from connectors.portals.member_fhir.answers import UNREADABLE, etag
from connectors.portals.member_fhir.bundle import Entry, read_bundle
from gateway.canonical import RESOURCE
from gateway.connector import DeliveryItem, Receipt, RemoteState
from gateway.errors import AmbiguousError, Conflict, GatewayError, NotFound, PermanentError, Rejected
from gateway.jsonbytes import dumps, loads

FHIR: Final = "application/fhir+json"
# Of these a resource has one identifier (FHIR R4); all others that are delivered may have several.
SINGLE: Final = frozenset({"Composition", "QuestionnaireResponse"})
# Where a creation says what it made (FHIR R4, http.html#create).
PLACE: Final = re.compile(r"(?:^|/)([A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]*)?$")
GONE: Final = httpx2.codes.NOT_FOUND

Key = tuple[str, str]
Resource = dict[str, Any]


class Call(Protocol):
    """A request to the portal; raises by class."""

    def __call__(self, method: str, url: str, /, **request: Any) -> httpx2.Response: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One resource as the portal has it, under the id that the portal gave."""

    id: str
    body: Resource
    etag: str | None


@dataclass(slots=True, kw_only=True)
class ByKey:
    """One member's base (``root``), for as long as one call to the connector takes: what was found is asked once."""

    root: str
    call: Call
    theirs: dict[Key, str] = field(default_factory=dict)
    ours: dict[Key, str] = field(default_factory=dict)

    def deliver(self, batch: Sequence[DeliveryItem]) -> list[Receipt]:
        """Write one by one. What had its turn when something fails, whatever it is, has its receipt; the rest stays unanswered.

        Raises:
            AmbiguousError: the first was sent, and whether the portal has it is unknown.
            Conflict: the lane is somebody else's, who reads back what was sent.
            NotFound, Retryable, Misconfigured, PermanentError: it failed at the first, and nothing of it was done.
        """
        done: list[Receipt] = []
        for item in batch:
            try:
                done.append(self._delete(item) if item.body is None else self._put(item, loads(item.body)))
            except Rejected as error:
                done.append(
                    Receipt(type=item.type, id=item.id, ok=False, error=Rejected.code, status=error.status, detail=str(error))
                )
            except Conflict:
                raise
            except GatewayError:
                if not done:
                    raise
                break
        return done

    def read(self, key: Key) -> RemoteState:
        """Return what stands under a key: several are nothing that we know, and who has no base has nothing."""
        try:
            found = self.find(key)
        except NotFound:
            return RemoteState(type=key[0], id=key[1], body=None)
        except Rejected:
            return RemoteState(type=key[0], id=key[1], body=b"")
        if found is None:
            return RemoteState(type=key[0], id=key[1], body=None)
        return RemoteState(type=key[0], id=key[1], body=dumps(self._back(found.body)), etag=found.etag)

    def listed(self, entry: Entry) -> RemoteState:
        """Return a hit of a listing under our id; what has no key of ours keeps the portal's."""
        body = _parsed(bytes(entry.resource))
        return RemoteState(
            type=body["resourceType"], id=_key(body) or body["id"], body=dumps(self._back(body)), etag=_version(body)
        )

    def find(self, key: Key) -> Found | None:
        """Look for a key.

        Raises:
            Rejected: the portal holds several under it.
        """
        hits = self._hits(key)
        if len(hits) > 1:
            raise Rejected("the portal holds several resources under one key")
        if not hits:
            return None
        self.theirs[key] = hits[0]["id"]
        return Found(id=hits[0]["id"], body=hits[0], etag=_version(hits[0]))

    def _hits(self, key: Key) -> list[Resource]:
        answer = self.call("GET", f"{self.root}/{key[0]}?identifier={RESOURCE}%7C{key[1]}&_count=50")
        return [_parsed(bytes(entry.resource)) for entry in read_bundle(answer).entry if entry.resource]

    def _put(self, item: DeliveryItem, body: Resource) -> Receipt:
        key = (item.type, item.id)
        held = self.find(key)
        sent = _keyed(_referring(body, self._their_id), item.id)
        if held is None:
            made = self._make(key, sent)
            return Receipt(type=item.type, id=item.id, ok=True, status=201, etag=made.etag)
        if item.etag is not None and held.etag != item.etag:
            raise Rejected("the portal holds another version", status=412)
        headers = {"Content-Type": FHIR} | ({"If-Match": held.etag} if held.etag else {})
        answer = self.call("PUT", f"{self.root}/{item.type}/{held.id}", content=dumps({**sent, "id": held.id}), headers=headers)
        return Receipt(type=item.type, id=item.id, ok=True, status=answer.status_code, etag=etag(answer.headers.get("etag")))

    def _make(self, key: Key, sent: Resource) -> Found:
        """Make a resource, and find it by its key: what isn't found by it could never be taken back, and goes at once.

        Raises:
            AmbiguousError: the portal took it and may have it still, so it must not count as never sent.
            Rejected: the portal doesn't find it by its key, and it is gone again.
            GatewayError: the portal didn't take it.
        """
        answer = self.call("POST", f"{self.root}/{key[0]}", content=dumps(sent), headers={"Content-Type": FHIR})
        try:
            made = self.find(key)
        except GatewayError as error:
            raise AmbiguousError(f"the portal took a resource, and then: {error}", status=error.status) from None
        if made is not None:
            return made
        raise (Rejected if self._unmake(key[0], answer) else AmbiguousError)("the portal doesn't find what it took by its key")

    def _unmake(self, type_: str, answer: httpx2.Response) -> bool:
        """Delete what an answer says was made; tell whether it certainly is."""
        given = PLACE.search(answer.headers.get("location", ""))
        if given is None or given[1] != type_:
            return False
        with suppress(GatewayError):
            self.call("DELETE", f"{self.root}/{type_}/{given[2]}")
            return True
        return False

    def _delete(self, item: DeliveryItem) -> Receipt:
        """Delete all that stands under the key: if a race made several, none may stay."""
        status = int(GONE)
        for hit in self._hits((item.type, item.id)):
            with suppress(NotFound):
                status = self.call("DELETE", f"{self.root}/{item.type}/{hit['id']}").status_code
        return Receipt(type=item.type, id=item.id, ok=True, status=status)

    def _their_id(self, type_: str, id_: str) -> str:
        if (type_, id_) not in self.theirs and self.find((type_, id_)) is None:
            raise Rejected("what it refers to isn't at the portal", status=422)
        return self.theirs[type_, id_]

    def _our_id(self, type_: str, id_: str) -> str:
        if (type_, id_) not in self.ours:
            try:
                self.ours[type_, id_] = _key(_parsed(self.call("GET", f"{self.root}/{type_}/{id_}").content)) or id_
            except NotFound:
                return id_
        return self.ours[type_, id_]

    def _back(self, body: Resource) -> Resource:
        """Return a resource as it was delivered: our id, our references, without the key."""
        known = _key(body)
        if known is not None:
            self.ours[body["resourceType"], body["id"]] = known
        return _unkeyed({**_referring(body, self._our_id), "id": known or body["id"]})


def _referring(value: Any, id_of: Callable[[str, str], str]) -> Any:
    """Return a resource with the ids in its references changed; those that lead elsewhere stay."""
    if isinstance(value, list):
        return [_referring(inner, id_of) for inner in value]
    if not isinstance(value, dict):
        return value
    return {name: _pointing(inner, id_of) if name == "reference" else _referring(inner, id_of) for name, inner in value.items()}


def _pointing(reference: Any, id_of: Callable[[str, str], str]) -> Any:
    parts = reference.split("/") if isinstance(reference, str) else []
    if len(parts) != 2 or not parts[0].isalpha():
        return reference
    return f"{parts[0]}/{id_of(*parts)}"


def _keyed(body: Resource, id_: str) -> Resource:
    key = {"system": RESOURCE, "value": id_}
    rest = {name: value for name, value in body.items() if name != "id"}
    if body["resourceType"] not in SINGLE:
        return {**rest, "identifier": [*body.get("identifier", ()), key]}
    if "identifier" in body:
        raise Rejected("its only identifier is taken: it can't bear a key", status=422)
    return {**rest, "identifier": key}


def _unkeyed(body: Resource) -> Resource:
    identifiers = [one for one in _identifiers(body) if one.get("system") != RESOURCE]
    rest = {name: value for name, value in body.items() if name != "identifier"}
    if not identifiers:
        return rest
    return {**rest, "identifier": identifiers[0] if body["resourceType"] in SINGLE else identifiers}


def _key(body: Resource) -> str | None:
    return next((str(one.get("value")) for one in _identifiers(body) if one.get("system") == RESOURCE), None)


def _identifiers(body: Resource) -> list[Resource]:
    given = body.get("identifier", [])
    return given if isinstance(given, list) else [given]


def _version(body: Resource) -> str | None:
    version = body.get("meta", {}).get("versionId")
    return etag(f'W/"{version}"') if version else None


def _parsed(data: bytes) -> Resource:
    try:
        body = loads(data)
    except UNREADABLE:
        body = None
    if not (isinstance(body, dict) and isinstance(body.get("resourceType"), str) and isinstance(body.get("id"), str)):
        raise PermanentError("the portal shows something that is no resource")
    return body
