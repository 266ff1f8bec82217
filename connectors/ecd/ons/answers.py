"""One request to the ECD, and what its refusals mean.

The product answers errors in four shapes, depending on which part of it answers. Only codes are taken from them: what else stands there may
repeat what was asked about, or whom.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx2
import msgspec

from gateway.connector import Context
from gateway.errors import (
    AuthError,
    GatewayError,
    Misconfigured,
    PermanentError,
    SourceUnavailable,
    Throttled,
    TransientError,
)

CERTIFICATE_HEADER: Final = "X-Client-Certificate"
MAX_ERROR_BYTES: Final = 65_536
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
CODE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,40}")

CLASSES: Final[dict[int, tuple[type[GatewayError], str]]] = {
    401: (AuthError, "the source refuses our certificate"),
    403: (AuthError, "our certificate may not read this"),
    495: (AuthError, "the source was shown no certificate that it accepts"),
    404: (PermanentError, "the source has nothing here"),
    406: (Misconfigured, "the source refuses the form that we ask for"),
    408: (TransientError, "the source took too long"),
    412: (Misconfigured, "the certificate belongs to another customer code"),
    423: (Throttled, "the source is busy with an earlier job"),
    429: (Throttled, "the source asks for fewer requests at once"),
    502: (SourceUnavailable, "the source is down for maintenance"),
    503: (SourceUnavailable, "the source is down for maintenance"),
}


@contextmanager
def answer(ctx: Context, path: str, accept: str, **query: str) -> Iterator[httpx2.Response]:
    """Ask under a permit, and yield the answer before its body is read.

    Raises:
        GatewayError: refused, broken off, or no answer; the class says what to do about it.
    """
    headers = _headers(ctx, accept)
    try:
        with ctx.permit(), ctx.http().stream("GET", path, params=query, headers=headers) as response:
            if response.status_code != httpx2.codes.OK:
                raise refusal(ctx, response)
            yield response
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise Misconfigured("settings.base_url is no address") from None
    except httpx2.HTTPError as error:
        raise _broken(error) from None


def body(ctx: Context, path: str, **query: str) -> bytes:
    """Ask for one JSON document, and return its bytes."""
    with answer(ctx, path, "application/json", **query) as response:
        found = bytearray()
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) > MAX_BODY_BYTES:
                raise PermanentError("an answer is longer than 64 MiB")
        return bytes(found)


def refusal(ctx: Context, response: httpx2.Response) -> GatewayError:
    """Return the error that an answer other than 200 means, with its status and the codes in its body."""
    status = response.status_code
    kind, meaning = CLASSES.get(status, _by_family(status))
    codes = _codes(response)
    told = f"{meaning} ({status}{', ' + codes if codes else ''})"
    return kind(told, status=status, retry_after=_retry_after(ctx, response.headers.get("Retry-After")))


def _by_family(status: int) -> tuple[type[GatewayError], str]:
    if status >= 500:
        return TransientError, "the source failed"
    if 300 <= status < 400:
        return Misconfigured, "the source sends us to another address; settings.base_url is not its own"
    return PermanentError, "the source refuses the request"


def _headers(ctx: Context, accept: str) -> dict[str, str]:
    """Name what we accept; the certificate goes in a header only where no TLS certificate is configured."""
    headers = {"Accept": accept}
    if "certificate" in ctx.settings.get("secrets", {}):
        headers[CERTIFICATE_HEADER] = ctx.secret("certificate")
    return headers


def _broken(error: httpx2.HTTPError) -> GatewayError:
    """Return what a failure below HTTP means: who refuses whom at the TLS handshake matters, the rest may pass."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return Misconfigured("the source shows a certificate that we don't trust")
        if isinstance(seen, ssl.SSLError) and "ALERT" in (seen.reason or ""):
            return AuthError("the source refuses our certificate at the handshake")
        seen = seen.__cause__ or seen.__context__
    return TransientError(f"the source gave no whole answer ({type(error).__name__})")


def _retry_after(ctx: Context, text: str | None) -> float | None:
    """Return the seconds that the source asks for: given as such, or as a date."""
    if text is None:
        return None
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - ctx.now()).total_seconds())
    except (ValueError, TypeError):
        return None


def _codes(response: httpx2.Response) -> str:
    """Return the codes in an error body, in whichever of the four shapes it has; nothing when it has none of them."""
    found = bytearray()
    try:
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) > MAX_ERROR_BYTES:
                return ""
        parsed = msgspec.json.decode(bytes(found))
    except (httpx2.HTTPError, msgspec.DecodeError, UnicodeDecodeError):
        return ""
    shapes = [codes(parsed) for key, codes in ENVELOPES if isinstance(parsed, dict) and key in parsed]
    return shapes[0] if shapes else ""


def _fields(parsed: dict[str, Any]) -> str:
    entries = parsed["errorResponseEntries"]
    named = [entry.get("field") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return " ".join(["errorResponseEntries", *sorted({str(name) for name in named if CODE.fullmatch(str(name))})])


def _kamino(parsed: dict[str, Any]) -> str:
    return str(parsed["error"]) if CODE.fullmatch(str(parsed["error"])) else "error"


def _validation(parsed: dict[str, Any]) -> str:
    errors = parsed["validationErrors"]
    return f"validationErrors {len(errors) if isinstance(errors, list) else 1}"


def _problem(parsed: dict[str, Any]) -> str:
    del parsed  # Its title and detail are sentences.
    return "problem"


ENVELOPES: Final[tuple[tuple[str, Callable[[dict[str, Any]], str]], ...]] = (
    ("errorResponseEntries", _fields),
    ("validationErrors", _validation),
    ("error", _kamino),
    ("title", _problem),
)
