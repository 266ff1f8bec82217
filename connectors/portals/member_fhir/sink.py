"""The connector: reads and writes a member's base."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from connectors.portals.member_fhir.answers import TooLong, etag, raise_for, refused_handshake, whole
from connectors.portals.member_fhir.bundle import Entry, read_bundle, receipts, state, transaction, unshared, version_of
from connectors.portals.member_fhir.by_key import ByKey
from connectors.portals.member_fhir.schema import SCHEMA
from connectors.portals.member_fhir.token import Tokens, base
from gateway.connector import CONTRACT_VERSION, CheckResult, Context, DeliveryItem, Limits, PortalManifest, Receipt, RemoteState
from gateway.errors import AmbiguousError, Misconfigured, NotFound, PermanentError, TransientError

FHIR: Final = "application/fhir+json"
PAGE: Final = 500
MAX_PAGES: Final = 10_000

# Everything that is ever disclosed: a listing asks for each of these.
TYPES: Final = (
    "AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Communication", "Composition", "Condition", "DocumentReference",
    "Encounter", "Goal", "Location", "MedicationDispense", "MedicationRequest", "MedicationStatement", "Observation", "Organization",
    "Patient", "Practitioner", "PractitionerRole", "Procedure", "Questionnaire", "QuestionnaireResponse", "RelatedPerson",
    "ServiceRequest",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class MemberFhir:
    """The connector; holds no state but bearers that it may lose."""

    contract_version: int = CONTRACT_VERSION
    name: str = "member-fhir"
    version: str = "1"
    config_schema: Mapping[str, Any] = field(default_factory=lambda: SCHEMA)
    limits: Limits = field(default_factory=Limits)
    tokens: Tokens = field(default_factory=Tokens)

    def manifest(self) -> PortalManifest:
        """Return what a portal of this contract can do."""
        return PortalManifest()

    def check(self, ctx: Context) -> CheckResult:
        """Ask for a token and the capability statement.

        Raises:
            AuthError: our key isn't accepted.
            Retryable: the portal can't be reached.
        """
        began = time.monotonic()
        self._call(ctx, "GET", f"{base(ctx)}/fhir/metadata")
        return CheckResult(ok=True, detail="token and metadata", latency_ms=(time.monotonic() - began) * 1000)

    def deliver(self, ctx: Context, target: str, batch: Sequence[DeliveryItem]) -> Sequence[Receipt]:
        """Send one transaction to a member's base; all of it is taken, or none. Where the portal gives its own ids (``ids: portal``) it is one
        write at a time, each with its receipt; a failure after the first leaves the rest without one, so that it is looked for.

        Raises:
            Rejected: refused as a whole; ``status`` and codes say why, one of the entries is the cause.
            NotFound: the portal knows no such member. A batch of deletions then is done: what isn't there is gone.
            AmbiguousError: it was sent, and whether it was done is unknown.
            Retryable, Misconfigured, PermanentError: nothing of it was done.
        """
        if gives_ids(ctx):
            return self._by_key(ctx, target).deliver(batch)
        url = f"{base(ctx)}/fhir/{target}/"
        try:
            answer = self._call(ctx, "POST", url, content=transaction(batch), headers={"Content-Type": FHIR})
        except NotFound:
            if all(item.body is None for item in batch):
                return [Receipt(type=item.type, id=item.id, ok=True, status=404) for item in batch]
            raise
        return receipts(batch, answer)

    def unshare(self, ctx: Context, target: str, keys: Sequence[tuple[str, str]]) -> Sequence[Receipt]:
        """Take resources away from a member, one by one: what was done when one fails stays done, and doing it again does no harm.

        Raises:
            as ``deliver`` does.
        """
        return [self._unshare(ctx, target, kind, id_) for kind, id_ in keys]

    def _unshare(self, ctx: Context, target: str, kind: str, id_: str) -> Receipt:
        try:
            found = self._by_key(ctx, target).find((kind, id_)) if gives_ids(ctx) else None
            url, asked = f"{base(ctx)}/fhir/{target}/{kind}/{found.id if found else id_}/$unshare", unshared(target)
            status = self._call(ctx, "POST", url, content=asked, headers={"Content-Type": FHIR}).status_code
        except NotFound as error:
            status = error.status or httpx2.codes.NOT_FOUND
        return Receipt(type=kind, id=id_, ok=True, status=status)

    def read_back(self, ctx: Context, target: str, keys: Sequence[tuple[str, str]]) -> Sequence[RemoteState]:
        """Read resources of a member; ``body`` is ``None`` for what is gone, or whose member is."""
        if gives_ids(ctx):
            return [self._by_key(ctx, target).read(key) for key in keys]
        return [self._read(ctx, target, kind, id_) for kind, id_ in keys]

    def listing(self, ctx: Context, target: str) -> Iterator[RemoteState]:
        """Yield all that a member's base holds now, type by type and page by page."""
        by_key = self._by_key(ctx, target)
        for kind in TYPES:
            url = f"{base(ctx)}/fhir/{target}/{kind}?_lastUpdated=ge1970-01-01T00:00:00Z&_count={PAGE}"
            for entry in self._pages(ctx, url):
                yield by_key.listed(entry) if gives_ids(ctx) else state(entry)

    def history(self, ctx: Context, target: str, key: tuple[str, str]) -> Sequence[RemoteState]:
        """Return every write that the portal took for a resource, oldest first; ``body`` is ``None`` for a deletion."""
        if gives_ids(ctx):
            return []  # under which id it once was, only the portal knows
        url = f"{base(ctx)}/fhir/{target}/{key[0]}/{key[1]}/_history"
        try:
            entries = list(self._pages(ctx, url))
        except NotFound:
            return []
        return [version_of(entry, key) for entry in reversed(entries)]

    def announce(self, ctx: Context, last: datetime, following: datetime, behind: Sequence[str] = ()) -> None:
        """Tell until when the portal is up to date, for whom it isn't, and when the next slot is. A portal may leave this call out."""
        said = {
            "last": last.astimezone(UTC).isoformat(),
            "next": following.astimezone(UTC).isoformat(),
            "behind": list(behind),
        }
        headers = {"Content-Type": "application/json"}
        with suppress(NotFound):
            self._call(ctx, "POST", f"{base(ctx)}/sync-status", content=msgspec.json.encode(said), headers=headers)

    def _by_key(self, ctx: Context, target: str) -> ByKey:
        return ByKey(root=f"{base(ctx)}/fhir/{target}", call=partial(self._call, ctx))

    def _read(self, ctx: Context, target: str, kind: str, id_: str) -> RemoteState:
        try:
            answer = self._call(ctx, "GET", f"{base(ctx)}/fhir/{target}/{kind}/{id_}")
        except NotFound:
            return RemoteState(type=kind, id=id_, body=None)
        return RemoteState(type=kind, id=id_, body=answer.content, etag=etag(answer.headers.get("etag")))

    def _pages(self, ctx: Context, url: str) -> Iterator[Entry]:
        following: str | None = url
        for _ in range(MAX_PAGES):
            if following is None:
                return
            bundle = read_bundle(self._call(ctx, "GET", following))
            yield from bundle.entry
            link = next((link.url for link in bundle.link if link.relation == "next"), None)
            following = None if link is None else _same_origin(following, link)
        raise PermanentError("the portal's listing has no end")

    def _call(self, ctx: Context, method: str, url: str, **request: Any) -> httpx2.Response:
        """Make a request with a bearer; a refused one is renewed once, since portals may end them early."""
        bearer = self.tokens.get(ctx)
        answer = _send(ctx, method, url, bearer, request)
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            self.tokens.forget(ctx, bearer)
            answer = _send(ctx, method, url, self.tokens.get(ctx), request)
        raise_for(answer, writes=method != "GET")
        return answer


PORTAL: Final = MemberFhir()


def gives_ids(ctx: Context) -> bool:
    """Tell whether the portal gives its own ids, and refuses ours."""
    return bool(ctx.settings.get("ids") == "portal")


def _same_origin(known: str, link: str) -> str:
    """Resolve a next link. It carries our bearer, so it must lead to the same portal.

    Raises:
        Misconfigured: it leads elsewhere.
    """
    try:
        url = urljoin(known, link)
        elsewhere = urlsplit(url)[:2] != urlsplit(known)[:2]
    except ValueError:
        raise Misconfigured("the portal's next page has no address") from None
    if elsewhere:
        raise Misconfigured("the portal's next page is at another address than its base_url")
    return url


def _send(ctx: Context, method: str, url: str, bearer: str, request: Mapping[str, Any]) -> httpx2.Response:
    headers = {"Accept": FHIR, "Authorization": f"Bearer {bearer}", **request.get("headers", {})}
    try:
        with ctx.permit(), ctx.http().stream(method, url, content=request.get("content"), headers=headers) as streamed:
            return whole(streamed)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise Misconfigured("settings.base_url is no address") from None
    except TooLong:
        if method == "GET":
            raise PermanentError("an answer of the portal is longer than 64 MiB") from None
        raise AmbiguousError("the answer to a write is longer than 64 MiB") from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise refused_handshake(error) or TransientError(f"the portal can't be reached: {type(error).__name__}") from None
    except httpx2.HTTPError as error:
        if refused := refused_handshake(error):
            raise refused from None
        if method == "GET":
            raise TransientError(f"the portal didn't answer: {type(error).__name__}") from None
        raise AmbiguousError(f"no answer to a write: {type(error).__name__}") from None
