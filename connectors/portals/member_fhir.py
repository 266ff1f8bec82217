"""A portal of the portal contract (docs/portal-contract.md): one FHIR base per member, written by transaction Bundles.

Bundles are built by joining bytes: a resource that was stored as ``72.50`` leaves as ``72.50``.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import httpx2
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from gateway.connector import (
    CONTRACT_VERSION,
    CheckResult,
    Context,
    DeliveryItem,
    Limits,
    PortalManifest,
    Receipt,
    RemoteState,
)
from gateway.errors import (
    AmbiguousError,
    AuthError,
    GatewayError,
    Misconfigured,
    NotFound,
    PermanentError,
    Rejected,
    Throttled,
    TransientError,
)

FHIR: Final = "application/fhir+json"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_S: Final = 60
# A token is renewed this long before it ends, so that it doesn't end under way.
RENEW_S: Final = 30.0
PAGE: Final = 500
MAX_PAGES: Final = 10_000
GONE: Final = frozenset({404, 410})
# The far side, or something before it, gave up: what it did with the request is unknown.
UNCLEAR: Final = frozenset({500, 502, 504})
CODE: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
EXPRESSION: Final = re.compile(r"[A-Za-z0-9.\[\]]{1,128}")
VERSION_LINK: Final = re.compile(r"/_history/([^/?#]+)$")

# Everything that is ever disclosed: a listing asks for each of these.
TYPES: Final = (
    "Appointment", "CarePlan", "CareTeam", "Communication", "Composition", "Condition", "Encounter", "Goal", "Location",
    "MedicationDispense", "MedicationRequest", "MedicationStatement", "Observation", "Organization", "Patient", "Practitioner",
    "PractitionerRole", "Procedure", "Questionnaire", "QuestionnaireResponse", "RelatedPerson",
)  # fmt: skip


class _Issue(msgspec.Struct):
    code: str = ""
    expression: list[str] = []


class _Outcome(msgspec.Struct):
    issue: list[_Issue] = []


class _Response(msgspec.Struct):
    status: str
    etag: str | None = None
    outcome: _Outcome | None = None


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Entry(msgspec.Struct, rename="camel"):
    full_url: str = ""
    # Raw can't be one of several types: no resource is empty bytes.
    resource: msgspec.Raw = msgspec.Raw(b"")
    response: _Response | None = None
    link: list[_Link] = []


class _Bundle(msgspec.Struct, rename="camel"):
    type: str
    entry: list[_Entry] = []
    link: list[_Link] = []


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bearer:
    value: str
    renew_at: float


@dataclass(slots=True)
class _Tokens:
    """The bearer of each portal, as long as it lasts: no more than a saving, any call can get a new one."""

    kept: dict[tuple[str, str], _Bearer] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, ctx: Context) -> str:
        """Return a bearer that is good for a while. One thread asks, the others wait for its answer."""
        key = _client(ctx)
        with self.lock:
            bearer = self.kept.get(key)
            if bearer is None or time.monotonic() >= bearer.renew_at:
                bearer = self.kept[key] = _fetch_token(ctx)
        return bearer.value

    def forget(self, ctx: Context, value: str) -> None:
        """Drop a bearer that the portal refused, unless another thread has a newer one by now."""
        key = _client(ctx)
        with self.lock:
            if key in self.kept and self.kept[key].value == value:
                del self.kept[key]


@dataclass(slots=True, kw_only=True)
class MemberFhir:
    """The connector; holds no state but bearers that it may lose."""

    contract_version: int = CONTRACT_VERSION
    name: str = "member-fhir"
    version: str = "1"
    config_schema: Mapping[str, Any] = field(
        default_factory=lambda: {
            "type": "object",
            "required": ["base_url", "secrets"],
            "additionalProperties": False,
            "properties": {
                "base_url": {"type": "string", "format": "uri", "pattern": "^https?://"},
                "token_url": {"type": "string", "format": "uri", "pattern": "^https?://"},
                "client_id": {"type": "string", "minLength": 1},
                "secrets": {
                    "type": "object",
                    "required": ["key"],
                    "additionalProperties": False,
                    "properties": {"key": {"type": "string", "description": "file with the private JWK", "secret": True}},
                },
            },
        }
    )
    limits: Limits = field(default_factory=Limits)
    tokens: _Tokens = field(default_factory=_Tokens)

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
        self._call(ctx, "GET", f"{_base(ctx)}/fhir/metadata")
        return CheckResult(ok=True, detail="token and metadata", latency_ms=(time.monotonic() - began) * 1000)

    def deliver(self, ctx: Context, target: str, batch: Sequence[DeliveryItem]) -> Sequence[Receipt]:
        """Send one transaction to a member's base; all of it is taken, or none.

        Raises:
            Rejected: refused as a whole; ``status`` and codes say why, one of the entries is the cause.
            NotFound: the portal knows no such member. A batch of deletions then is done: what isn't there is gone.
            AmbiguousError: it was sent, and whether it was done is unknown.
            Retryable, Misconfigured, PermanentError: nothing of it was done.
        """
        url = f"{_base(ctx)}/fhir/{target}/"
        try:
            answer = self._call(ctx, "POST", url, content=transaction(batch), headers={"Content-Type": FHIR})
        except NotFound:
            if all(item.body is None for item in batch):
                return [Receipt(type=item.type, id=item.id, ok=True, status=404) for item in batch]
            raise
        return _receipts(batch, answer)

    def read_back(self, ctx: Context, target: str, keys: Sequence[tuple[str, str]]) -> Sequence[RemoteState]:
        """Read resources of a member; ``body`` is ``None`` for what is gone, or whose member is."""
        return [self._read(ctx, target, kind, id_) for kind, id_ in keys]

    def listing(self, ctx: Context, target: str) -> Iterator[RemoteState]:
        """Yield all that a member's base holds now, type by type and page by page."""
        for kind in TYPES:
            url = f"{_base(ctx)}/fhir/{target}/{kind}?_lastUpdated=ge1970-01-01T00:00:00Z&_count={PAGE}"
            for entry in self._pages(ctx, url):
                yield _state(entry)

    def history(self, ctx: Context, target: str, key: tuple[str, str]) -> Sequence[RemoteState]:
        """Return every write that the portal took for a resource, oldest first; ``body`` is ``None`` for a deletion."""
        url = f"{_base(ctx)}/fhir/{target}/{key[0]}/{key[1]}/_history"
        try:
            entries = list(self._pages(ctx, url))
        except NotFound:
            return []
        return [_version(entry, key) for entry in reversed(entries)]

    def announce(self, ctx: Context, last: datetime, following: datetime) -> None:
        """Tell until when the portal is up to date, and when the next slot is."""
        said = {"last": last.astimezone(UTC).isoformat(), "next": following.astimezone(UTC).isoformat()}
        headers = {"Content-Type": "application/json"}
        self._call(ctx, "POST", f"{_base(ctx)}/sync-status", content=msgspec.json.encode(said), headers=headers)

    def _read(self, ctx: Context, target: str, kind: str, id_: str) -> RemoteState:
        try:
            answer = self._call(ctx, "GET", f"{_base(ctx)}/fhir/{target}/{kind}/{id_}")
        except NotFound:
            return RemoteState(type=kind, id=id_, body=None)
        return RemoteState(type=kind, id=id_, body=answer.content, etag=answer.headers.get("etag"))

    def _pages(self, ctx: Context, url: str) -> Iterator[_Entry]:
        following: str | None = url
        for _ in range(MAX_PAGES):
            if following is None:
                return
            bundle = _bundle(self._call(ctx, "GET", following))
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
        _raise_for(answer, writes=method != "GET")
        return answer


PORTAL: Final = MemberFhir()


def transaction(batch: Sequence[DeliveryItem]) -> bytes:
    """Join a transaction Bundle; bodies stand in it as the bytes they are."""
    return b'{"resourceType":"Bundle","type":"transaction","entry":[' + b",".join(map(_entry, batch)) + b"]}"


def _entry(item: DeliveryItem) -> bytes:
    url = f"{item.type}/{item.id}"
    if item.body is None:
        return msgspec.json.encode({"request": {"method": "DELETE", "url": url}})
    request = {"method": "PUT", "url": url} | ({"ifMatch": item.etag} if item.etag else {})
    return b'{"resource":' + item.body + b',"request":' + msgspec.json.encode(request) + b"}"


def _receipts(batch: Sequence[DeliveryItem], answer: httpx2.Response) -> list[Receipt]:
    """Match the entries of the answer to ours: a transaction is answered in its own order (FHIR R4, http.html#trules)."""
    try:
        entries = _bundle(answer).entry
    except GatewayError:
        raise AmbiguousError("the portal's answer to a transaction isn't a Bundle", status=answer.status_code) from None
    if len(entries) != len(batch):
        raise AmbiguousError("the portal's answer to a transaction has other entries than ours", status=answer.status_code)
    return [_receipt(item, entry.response) for item, entry in zip(batch, entries, strict=True)]


def _receipt(item: DeliveryItem, response: _Response | None) -> Receipt:
    digits = response.status[:3] if response is not None else ""
    status = int(digits) if digits.isdecimal() else None
    # Deleting what was never there is done, whatever a portal calls it.
    ok = status is not None and (200 <= status < 300 or (item.body is None and status in GONE))
    if ok or status is None or response is None:
        return Receipt(type=item.type, id=item.id, ok=ok, status=status, etag=response.etag if response else None)
    error = Rejected.code if 400 <= status < 500 else TransientError.code
    return Receipt(type=item.type, id=item.id, ok=False, status=status, error=error, detail=_codes(status, response.outcome))


def _bundle(answer: httpx2.Response) -> _Bundle:
    try:
        return msgspec.json.decode(answer.content, type=_Bundle)
    except msgspec.DecodeError:
        raise PermanentError("the portal's answer isn't a Bundle", status=answer.status_code) from None


def _state(entry: _Entry) -> RemoteState:
    """Return one hit of a search; its version stands in ``link``, or else in the body's own ``meta``."""
    kind, id_ = entry.full_url.rsplit("/", 2)[-2:]
    own = next((link.url for link in entry.link if link.relation == "self"), "")
    version = VERSION_LINK.search(own)
    return RemoteState(type=kind, id=id_, body=_body(entry), etag=f'W/"{version[1]}"' if version else None)


def _version(entry: _Entry, key: tuple[str, str]) -> RemoteState:
    return RemoteState(type=key[0], id=key[1], body=_body(entry), etag=entry.response.etag if entry.response else None)


def _body(entry: _Entry) -> bytes | None:
    return bytes(entry.resource) or None


def _same_origin(known: str, link: str) -> str:
    """Resolve a next link. It carries our bearer, so it must lead to the same portal.

    Raises:
        Misconfigured: it leads elsewhere.
    """
    url = urljoin(known, link)
    if urlsplit(url)[:2] != urlsplit(known)[:2]:
        raise Misconfigured("the portal's next page is at another address than its base_url")
    return url


def _base(ctx: Context) -> str:
    return str(ctx.settings["base_url"]).rstrip("/")


def _client(ctx: Context) -> tuple[str, str]:
    base = _base(ctx)
    return str(ctx.settings.get("token_url", f"{base}/token")), str(ctx.settings.get("client_id", "zorgsluis"))


def _fetch_token(ctx: Context) -> _Bearer:
    """Ask for a bearer by client credentials with a signed assertion (RFC 7523).

    Raises:
        AuthError: the portal refuses our key.
        Misconfigured: our key file isn't a private JWK.
        Retryable: the portal can't answer now.
    """
    url, client = _client(ctx)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": _assertion(ctx, url, client),
    }
    asked = time.monotonic()
    try:
        with ctx.permit():
            answer = ctx.http().post(url, data=form, headers={"Accept": "application/json"})
    except httpx2.HTTPError as error:
        raise TransientError(f"the portal's token address: {type(error).__name__}") from None
    if answer.status_code in (400, 401, 403):
        raise AuthError("the portal refuses our credentials", status=answer.status_code)
    _raise_for(answer, writes=False)
    try:
        token = msgspec.json.decode(answer.content, type=_Token)
    except msgspec.DecodeError:
        raise Misconfigured("the portal's token answer has no access_token", status=answer.status_code) from None
    lasts = max(token.expires_in - RENEW_S, token.expires_in / 2)
    return _Bearer(value=token.access_token, renew_at=asked + lasts)


def _assertion(ctx: Context, audience: str, client: str) -> str:
    """Sign who we are. The portal judges it by its own clock, so this is the machine's time and not the gateway's."""
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + ASSERTION_S, "jti": uuid4().hex}
    try:
        raw = msgspec.json.decode(ctx.secret("key"), type=dict[str, Any])
        key = ECKey.import_key(raw) if raw.get("kty") == "EC" else RSAKey.import_key(raw)
        algorithm = "ES384" if raw.get("kty") == "EC" else "RS384"
        header = {"alg": algorithm} | ({"kid": raw["kid"]} if "kid" in raw else {})
        return jwt.encode(header, claims, key, algorithms=[algorithm])
    except (msgspec.DecodeError, JoseError, ValueError, TypeError, KeyError):
        raise Misconfigured("secrets.key: not a private JWK (EC P-384 or RSA)") from None


def _send(ctx: Context, method: str, url: str, bearer: str, request: Mapping[str, Any]) -> httpx2.Response:
    headers = {"Accept": FHIR, "Authorization": f"Bearer {bearer}", **request.get("headers", {})}
    try:
        with ctx.permit():
            return ctx.http().request(method, url, content=request.get("content"), headers=headers)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise TransientError(f"the portal can't be reached: {type(error).__name__}") from None
    except httpx2.HTTPError as error:
        if method == "GET":
            raise TransientError(f"the portal didn't answer: {type(error).__name__}") from None
        raise AmbiguousError(f"no answer to a write: {type(error).__name__}") from None


def _raise_for(answer: httpx2.Response, *, writes: bool) -> None:
    """Turn a status into what the gateway does about it. Texts hold codes and places, never the portal's words."""
    status = answer.status_code
    if status < 300:
        return
    if status in (401, 403):
        raise AuthError("the portal refuses our credentials", status=status)
    if status in GONE:
        raise NotFound("the portal has no such place", status=status)
    if status in (423, 429):
        raise Throttled("the portal asks for patience", status=status, retry_after=_retry_after(answer))
    if status in UNCLEAR and writes:
        raise AmbiguousError("the portal failed while it wrote", status=status)
    if status >= 500 or status == 408:
        raise TransientError("the portal is out of order", status=status, retry_after=_retry_after(answer))
    if writes and status >= 400:
        raise Rejected(_codes(status, _outcome(answer)), status=status)
    raise PermanentError("the portal answered with something that isn't in the contract", status=status)


def _retry_after(answer: httpx2.Response) -> float | None:
    """Return the seconds that the portal asks for, from either form of the header (RFC 9110, 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _outcome(answer: httpx2.Response) -> _Outcome | None:
    try:
        return msgspec.json.decode(answer.content, type=_Outcome)
    except msgspec.DecodeError:
        return None


def _codes(status: int, outcome: _Outcome | None) -> str:
    """Say why in codes and FHIR paths: a portal's diagnostics may quote what was sent, so they are left out."""
    issues = outcome.issue if outcome is not None else []
    words = [str(status)]
    for issue in issues[:3]:
        places = [place for place in issue.expression[:3] if EXPRESSION.fullmatch(place)]
        words.append(" at ".join(filter(None, [issue.code if CODE.fullmatch(issue.code) else "", ", ".join(places)])))
    return "; ".join(filter(None, words))
