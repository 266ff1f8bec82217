"""Asking another registry whether a care provider may get a client's data. Each question is in the trail before it leaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit import AuditEvent, append
from gateway.clients import find_client
from gateway.consent.bsn import bsn_of
from gateway.context import context_for
from gateway.errors import GatewayError, Rejected
from gateway.guard import guarded, load
from gateway.registry import Answer, ConsentRegistry, Question
from gateway.runtime import Gateway
from gateway.settings import check_settings

URA: Final = re.compile(r"[0-9]{8}")
CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A registry of the configuration. It has no row: nothing is kept of it but what was asked, in the trail."""

    code: str
    connector: str
    settings: Mapping[str, Any]
    id: int = 0


def ask(
    gateway: Gateway,
    org: int,
    registry: Registry,
    *,
    client: str | int,
    provider: str,
    category: str,
    data: str,
    by: str = "operator",
) -> Answer:
    """Ask whether a provider (URA, and its type) may get a category of a client's data. The answer is told, and not kept as a right.

    Raises:
        NotFound: there is no such client.
        Rejected: a number or code has the wrong form, or no BSN is known of this client.
        Misconfigured, Retryable, PermanentError: the registry gave no answer. No answer is no permission.
    """
    if URA.fullmatch(provider) is None:
        raise Rejected("a URA has 8 digits")
    if CODE.fullmatch(category) is None or CODE.fullmatch(data) is None:
        raise Rejected("the categories of provider and data are codes, such as V4")
    sink: ConsentRegistry = load(registry.connector)
    check_settings(f"registry {registry.code}", registry.settings, sink.config_schema)
    detail = {"registry": registry.code, "provider": provider, "category": category, "data": data}
    client_id, bsn = _asked_about(gateway, org, client, AuditEvent(event="consent-question", action="E", agent=by, detail=detail))
    question = Question(bsn=bsn, provider=provider, category=category, data=data)
    try:
        with guarded():
            found = sink.ask(context_for(gateway, org, registry, sink.limits), question)
    except GatewayError as error:
        _tell(gateway, org, client_id, by, {**detail, "outcome": error.code})
        raise
    _tell(gateway, org, client_id, by, {**detail, "outcome": found.decision, "status": found.status})
    return found


def _asked_about(gateway: Gateway, org: int, client: str | int, event: AuditEvent) -> tuple[int, str]:
    """Return the client and their BSN, with the question written to the trail."""
    keys = gateway.keys(org)
    with gateway.database.transaction(org) as db:
        client_id = find_client(db, keys.ids(), client)
        bsn = bsn_of(db, keys, client_id)
        if bsn is None:
            raise Rejected("no BSN is known of this client: the registry can't be asked")
        append(
            db,
            keys,
            org,
            [AuditEvent(event=event.event, action="E", agent=event.agent, client_id=client_id, detail=event.detail)],
        )
    return client_id, bsn


def _tell(gateway: Gateway, org: int, client_id: int, by: str, detail: Mapping[str, Any]) -> None:
    with gateway.database.transaction(org) as db:
        event = AuditEvent(event="consent-answer", action="R", agent=by, client_id=client_id, detail=detail)
        append(db, gateway.keys(org), org, [event])
