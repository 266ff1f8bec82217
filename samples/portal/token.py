"""Bearer tokens for ``private_key_jwt`` assertions (RFC 7523, RFC 6749 section 4.4), and the check of a bearer."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from samples.portal.clock import Clock, instant
from samples.portal.database import Database
from samples.portal.errors import PortalError

ALGORITHMS: Final = ["ES384", "RS384"]
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION_S: Final = 300
LONGEST_ASSERTION_BYTES: Final = 8192
SKEW_S: Final = 5

FORGET_ASSERTIONS: Final = "delete from used_assertion where expires < ?"
USE_ASSERTION: Final = "insert into used_assertion (jti, expires) values (?, ?)"
FORGET_BEARERS: Final = "delete from bearer where expires < ?"
ADD_BEARER: Final = "insert into bearer (sha256, expires) values (?, ?)"
VALID_BEARER: Final = "select 1 from bearer where sha256 = ? and expires > ?"


class TokenRefused(PortalError):
    """An OAuth 2 error answer; ``reason`` says which rule was broken, never what was sent."""

    def __init__(self, error: str, reason: str, *, status: int = 401) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuer:
    """Gives tokens to the clients whose public keys stand in the JWKS file; the file is read at each request."""

    database: Database
    clock: Clock
    keys: Path
    audiences: frozenset[str] = field(default_factory=frozenset)
    client_id: str | None = None
    lifetime: timedelta = timedelta(minutes=5)

    def issue(self, form: Mapping[str, str]) -> dict[str, object]:
        """Return the token answer for a request by client credentials.

        Raises:
            TokenRefused: a rule of the contract is broken.
        """
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", "grant_type is client_credentials", status=400)
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenRefused("invalid_client", "client_assertion_type is jwt-bearer")
        claims = self._claims(form.get("client_assertion", ""))
        token = secrets.token_urlsafe(32)
        self._store(token, claims)
        return {"access_token": token, "token_type": "bearer", "expires_in": int(self.lifetime.total_seconds())}

    def accepts(self, token: str) -> bool:
        """Return whether a bearer token is ours and still valid."""
        values = (digest(token), instant(self.clock()))
        return self.database.read().execute(VALID_BEARER, values).fetchone() is not None

    def _claims(self, assertion: str) -> dict[str, Any]:
        if len(assertion) > LONGEST_ASSERTION_BYTES:
            raise TokenRefused("invalid_client", "the assertion is too long")
        moment = int(self.clock().timestamp())
        rules = jwt.JWTClaimsRegistry(
            now=moment,
            iss={"essential": True},
            sub={"essential": True},
            aud={"essential": True, "values": sorted(self.audiences)},
            exp={"essential": True},
            jti={"essential": True},
        )
        try:
            claims = jwt.decode(assertion, self._keys(), algorithms=ALGORITHMS).claims
            rules.validate(claims)
        except (JoseError, ValueError, KeyError, OSError) as error:
            raise TokenRefused("invalid_client", f"the assertion was not accepted: {_name(error)}") from error
        self._check(claims, moment)
        return claims

    def _check(self, claims: dict[str, Any], moment: int) -> None:
        if claims["iss"] != claims["sub"] or self.client_id not in (None, claims["iss"]):
            raise TokenRefused("invalid_client", "iss and sub are the client id")
        if claims["exp"] > moment + LONGEST_ASSERTION_S + SKEW_S:
            raise TokenRefused("invalid_client", "an assertion lasts five minutes at most")
        if not claims["jti"] or len(claims["jti"]) > 255:
            raise TokenRefused("invalid_client", "jti is 1 to 255 characters")

    def _keys(self) -> KeySet:
        return KeySet.import_key_set(json.loads(self.keys.read_text(encoding="utf-8")))

    def _store(self, token: str, claims: dict[str, Any]) -> None:
        moment = self.clock()
        used_until = instant(datetime.fromtimestamp(claims["exp"], UTC))
        try:
            with self.database.write() as db:
                db.execute(FORGET_ASSERTIONS, (instant(moment),))
                db.execute(USE_ASSERTION, (f"{claims['iss']} {claims['jti']}", used_until))
                db.execute(FORGET_BEARERS, (instant(moment),))
                db.execute(ADD_BEARER, (digest(token), instant(moment + self.lifetime)))
        except sqlite3.IntegrityError as error:
            raise TokenRefused("invalid_client", "the assertion was used before") from error


def digest(secret: str) -> str:
    """Return what the store keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _name(error: Exception) -> str:
    return str(getattr(error, "error", type(error).__name__))
