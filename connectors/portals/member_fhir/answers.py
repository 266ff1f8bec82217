"""The statuses of a portal and what the gateway does about them; texts hold codes and places, never the portal's words."""

from __future__ import annotations

import re
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2
import msgspec

from gateway.errors import AmbiguousError, AuthError, Misconfigured, NotFound, PermanentError, Rejected, Throttled, TransientError

GONE: Final = frozenset({404, 410})
# The far side, or something before it, gave up: what it did with the request is unknown.
UNCLEAR: Final = frozenset({500, 502, 504})
# No JSON or another shape; no UTF-8 inside a text; nested without end.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
# A tag goes back in a header and into the database: printable ASCII of a sane length (RFC 9110, 8.8.3).
ETAG: Final = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,200}"')
VERSION: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
CODE: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
EXPRESSION: Final = re.compile(r"[A-Za-z0-9.\[\]]{1,128}")


class Issue(msgspec.Struct):
    """``OperationOutcome.issue``: what of it may be repeated."""

    code: str = ""
    expression: list[str] = []


class Outcome(msgspec.Struct):
    """``OperationOutcome``."""

    issue: list[Issue] = []


class TooLong(Exception):
    """An answer is longer than any that is taken."""


def whole(answer: httpx2.Response) -> httpx2.Response:
    """Read a streamed answer to its end, and return what of it matters: its status, its body and three headers.

    Raises:
        TooLong: it is longer than 64 MiB.
    """
    found = bytearray()
    for chunk in answer.iter_bytes():
        found += chunk
        if len(found) > MAX_BODY_BYTES:
            raise TooLong
    headers = {name: answer.headers[name] for name in ("etag", "retry-after", "location") if name in answer.headers}
    return httpx2.Response(answer.status_code, headers=headers, content=bytes(found))


def etag(text: str | None) -> str | None:
    """Return an etag, ``None`` for what can't be one. In Bundles some servers leave the quotes out: that is the bare version."""
    if text is not None and VERSION.fullmatch(text):
        return f'W/"{text}"'
    return text if text is not None and ETAG.fullmatch(text) else None


def raise_for(answer: httpx2.Response, *, writes: bool) -> None:
    """Turn a status into what the gateway does about it."""
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
        raise Rejected(codes(status, _outcome(answer)), status=status)
    raise PermanentError("the portal answered with something that isn't in the contract", status=status)


def refused_handshake(error: BaseException) -> Misconfigured | None:
    """Return who refuses whom at the TLS handshake, ``None`` for any other failure below HTTP. Nothing was taken of what was sent."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return Misconfigured("the portal shows a certificate that we don't trust")
        if isinstance(seen, ssl.SSLError) and "ALERT" in (seen.reason or ""):
            return AuthError("the portal refuses our certificate at the handshake")
        seen = seen.__cause__ or seen.__context__
    return None


def _retry_after(answer: httpx2.Response) -> float | None:
    """Return the seconds that the portal asks for, from either form of the header (RFC 9110, 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _outcome(answer: httpx2.Response) -> Outcome | None:
    try:
        return msgspec.json.decode(answer.content, type=Outcome)
    except UNREADABLE:
        return None


def codes(status: int, outcome: Outcome | None) -> str:
    """Say why in codes and FHIR paths: a portal's diagnostics may quote what was sent, so they are left out."""
    issues = outcome.issue if outcome is not None else []
    words = [str(status)]
    for issue in issues[:3]:
        places = [place for place in issue.expression[:3] if EXPRESSION.fullmatch(place)]
        words.append(" at ".join(filter(None, [issue.code if CODE.fullmatch(issue.code) else "", ", ".join(places)])))
    return "; ".join(filter(None, words))
