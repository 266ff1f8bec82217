"""Who is calling: each portal has a token of its own, in a file of mode 0600, and it stands for that portal at that organisation only."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from starlette.requests import Request

from gateway.config import Config
from gateway.errors import Misconfigured

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A portal of an organisation."""

    org: int
    portal: str
    token: Path


def callers(config: Config, organisations: Mapping[str, int]) -> list[Caller]:
    """Return every portal that has a token.

    Raises:
        Misconfigured: a token's file can't be used, or two portals have the same token.
    """
    found = [
        Caller(org=organisations[organisation.code], portal=portal.code, token=portal.bearer)
        for organisation in config.organisations
        for portal in organisation.portals
        if portal.bearer is not None
    ]
    tokens = [token_of(caller) for caller in found]
    if len(set(tokens)) < len(tokens):
        raise Misconfigured(
            "two portals have the same bearer: nobody could tell which of them is calling; give each its own file"
        )
    return found


def caller_of(request: Request, known: list[Caller]) -> Caller | None:
    """Return who is calling; nobody when the request bears no token that we know. Every token is compared, so that time tells nothing."""
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    matches = [caller for caller in known if _bears(presented.strip().encode(), caller)]
    return matches[0] if matches else None


def _bears(presented: bytes, caller: Caller) -> bool:
    """Tell whether this is the caller's token. One whose file went bad is nobody for now; the other portals go on."""
    try:
        return hmac.compare_digest(presented, token_of(caller))
    except Misconfigured as error:
        log.error("portal_api.token_unusable", portal=caller.portal, code=error.code)  # noqa: TRY400 - the code says it
        return False


def token_of(caller: Caller) -> bytes:
    """Return a portal's token. Its file is read anew each time: a renewed one holds at once.

    Raises:
        Misconfigured: the file is missing or empty, or others may read it.
    """
    try:
        if caller.token.stat().st_mode & 0o077:
            raise Misconfigured(f"portal {caller.portal}: others may read {caller.token.name}; set its mode to 0600")
        token = caller.token.read_bytes().strip()
    except OSError as error:
        raise Misconfigured(f"portal {caller.portal}: {caller.token.name} can't be read: {error.strerror}") from None
    if not token:
        raise Misconfigured(f"portal {caller.portal}: {caller.token.name} is empty; it should hold the token")
    return token
