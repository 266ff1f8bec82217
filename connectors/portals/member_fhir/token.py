"""Who we are to a portal: a bearer by client credentials with a signed assertion (``private_key_jwt``, RFC 7523)."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx2
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from connectors.portals.member_fhir.answers import UNREADABLE, TooLong, raise_for, refused_handshake, whole
from gateway.connector import Context
from gateway.errors import AuthError, Misconfigured, PermanentError, TransientError

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_S: Final = 60
# A token is renewed this long before it ends, so that it doesn't end under way.
RENEW_S: Final = 30.0
# What may stand in an Authorization header (RFC 6750, 2.1, and what portals make of it).
TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bearer:
    value: str
    renew_at: float


@dataclass(slots=True)
class Tokens:
    """The bearer of each portal, as long as it lasts: no more than a saving, any call can get a new one."""

    kept: dict[tuple[str, str], _Bearer] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, ctx: Context) -> str:
        """Return a bearer that is good for a while. One thread asks, the others wait for its answer."""
        key = client(ctx)
        with self.lock:
            bearer = self.kept.get(key)
            if bearer is None or time.monotonic() >= bearer.renew_at:
                bearer = self.kept[key] = _fetch(ctx)
        return bearer.value

    def forget(self, ctx: Context, value: str) -> None:
        """Drop a bearer that the portal refused, unless another thread has a newer one by now."""
        key = client(ctx)
        with self.lock:
            if key in self.kept and self.kept[key].value == value:
                del self.kept[key]


def base(ctx: Context) -> str:
    """Return the address of the portal."""
    return str(ctx.settings["base_url"]).rstrip("/")


def client(ctx: Context) -> tuple[str, str]:
    """Return the token's address and our name there."""
    portal = base(ctx)
    return str(ctx.settings.get("token_url", f"{portal}/token")), str(ctx.settings.get("client_id", "zorgsluis"))


def _fetch(ctx: Context) -> _Bearer:
    """Ask for a bearer by client credentials with a signed assertion (RFC 7523).

    Raises:
        AuthError: the portal refuses our key.
        Misconfigured: our key file isn't a private JWK.
        Retryable: the portal can't answer now.
    """
    url, name = client(ctx)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": _assertion(ctx, url, name),
    }
    asked = time.monotonic()
    try:
        with ctx.permit(), ctx.http().stream("POST", url, data=form, headers={"Accept": "application/json"}) as streamed:
            answer = whole(streamed)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise Misconfigured("the portal's token address is no address") from None
    except TooLong:
        raise PermanentError("the portal's token answer is longer than 64 MiB") from None
    except httpx2.HTTPError as error:
        raise refused_handshake(error) or TransientError(f"the portal's token address: {type(error).__name__}") from None
    if answer.status_code in (400, 401, 403):
        raise AuthError("the portal refuses our credentials", status=answer.status_code)
    raise_for(answer, writes=False)
    try:
        token = msgspec.json.decode(answer.content, type=_Token)
    except UNREADABLE:
        raise Misconfigured("the portal's token answer has no access_token", status=answer.status_code) from None
    if not TOKEN.fullmatch(token.access_token):
        raise Misconfigured("the portal's access_token can't stand in a header", status=answer.status_code)
    lasts = max(token.expires_in - RENEW_S, token.expires_in / 2)
    return _Bearer(value=token.access_token, renew_at=asked + lasts)


def _assertion(ctx: Context, audience: str, name: str) -> str:
    """Sign who we are. The portal judges it by its own clock, so this is the machine's time and not the gateway's."""
    now = int(time.time())
    claims = {"iss": name, "sub": name, "aud": audience, "iat": now, "exp": now + ASSERTION_S, "jti": uuid4().hex}
    try:
        raw = msgspec.json.decode(ctx.secret("key"), type=dict[str, Any])
        key = ECKey.import_key(raw) if raw.get("kty") == "EC" else RSAKey.import_key(raw)
        algorithm = "ES384" if raw.get("kty") == "EC" else "RS384"
        header = {"alg": algorithm} | ({"kid": raw["kid"]} if "kid" in raw else {})
        return jwt.encode(header, claims, key, algorithms=[algorithm])
    except (msgspec.DecodeError, JoseError, ValueError, TypeError, KeyError):
        raise Misconfigured("secrets.key: not a private JWK (EC P-384 or RSA)") from None
