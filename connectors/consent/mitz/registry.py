"""The connector: one POST a question. The BSN is in its body and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from connectors.consent.mitz.xacml import answer, request
from gateway.connector import CONTRACT_VERSION, Context, Limits
from gateway.errors import AuthError, PermanentError, Throttled, TransientError
from gateway.registry import Answer, Question

PLACE: Final = "closed-question"
MEDIA_TYPE: Final = "application/xacml+json"
# Somebody waits for the answer: later than this it is none.
PATIENCE_S: Final = 5.0
MAX_ANSWER_BYTES: Final = 64 * 1024
PATIENCE_ASKED: Final = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitz:
    """The connector; holds no state."""

    contract_version: int = CONTRACT_VERSION
    name: str = "mitz"
    config_schema: Mapping[str, Any] = field(
        default_factory=lambda: {
            "type": "object",
            "required": ["base_url", "holder"],
            "additionalProperties": False,
            "properties": {
                "base_url": {"type": "string", "format": "uri", "pattern": "^https?://"},
                "ca_file": {"type": "string"},
                "holder": {
                    "type": "object",
                    "required": ["ura", "category"],
                    "additionalProperties": False,
                    "properties": {
                        "ura": {"type": "string", "pattern": "^[0-9]{8}$"},
                        "category": {"type": "string", "pattern": "^[A-Z][0-9]{1,2}$"},
                    },
                },
                "secrets": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"certificate": {"type": "string", "description": "file with our certificate and its key"}},
                },
            },
        }
    )
    limits: Limits = field(default_factory=Limits)

    def ask(self, ctx: Context, question: Question) -> Answer:
        """Ask whether a provider may get a category of a client's data.

        Raises:
            AuthError: Mitz refuses our certificate.
            Throttled, TransientError: it gives no answer now.
            PermanentError: what it said is no answer.
        """
        body = request(question, ctx.settings["holder"])
        headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
        try:
            with ctx.permit(), ctx.http().stream("POST", PLACE, content=body, headers=headers, timeout=PATIENCE_S) as response:
                _raise_for(response)
                found = answer(_whole(response))
        except httpx2.TransportError as error:
            raise TransientError(_unreached(ctx.settings["base_url"], error)) from None
        ctx.log("mitz.answered", decision=found.decision, status=found.status)
        return found


REGISTRY: Final = Mitz()


def _unreached(base_url: str, error: httpx2.TransportError) -> str:
    """Say which neighbour it is, by host and port (an address may hold a secret), and what to do."""
    place = httpx2.URL(base_url).netloc.decode().rpartition("@")[2]
    return (
        f"the consent registry Mitz at {place} gave no answer ({type(error).__name__}), and no answer is no permission: "
        "see that it is up and can be reached from here, and that base_url under registries is right, then ask again"
    )


def _whole(response: httpx2.Response) -> bytes:
    found = bytearray()
    for chunk in response.iter_bytes():
        found += chunk
        if len(found) > MAX_ANSWER_BYTES:
            raise PermanentError("the registry's answer is longer than any answer")
    return bytes(found)


def _raise_for(response: httpx2.Response) -> None:
    status = response.status_code
    if status == httpx2.codes.OK:
        return
    if status in (401, 403):
        raise AuthError(
            "the consent registry Mitz refuses our certificate: see that settings.secrets.certificate is the one it knows",
            status=status,
        )
    asked = response.headers.get("retry-after", "")
    wait = float(asked) if PATIENCE_ASKED.fullmatch(asked) else None
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        raise Throttled("the consent registry Mitz asks for patience: ask again later", status=status, retry_after=wait)
    if status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        raise TransientError(
            "the consent registry Mitz is out of order: ask again later; no answer is no permission",
            status=status,
            retry_after=wait,
        )
    raise PermanentError(
        "the consent registry Mitz doesn't take the question: see the URAs and codes that were given", status=status
    )
