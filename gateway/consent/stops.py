"""Stopping for a client as a whole: nobody gets anything new, and what portals hold is taken back, or stays as it is (a freeze)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.audit import AuditEvent
from gateway.consent.changing import changing
from gateway.ledger import Change
from gateway.runtime import Gateway

STOP: Final = "update client set stop_reason = %s, stopped_at = app_now(), frozen = %s where id = %s"
RESUME: Final = "update client set stop_reason = null, stopped_at = null, frozen = false where id = %s"


def stop(gateway: Gateway, org: int, *, client: str | int, reason: str, freeze: bool, by: str = "operator") -> Change:
    """Stop sharing for a client. With ``freeze`` nothing new goes and what is at the portals stays; without, all is retracted."""
    return _change(gateway, org, client, STOP, (reason, freeze), by, {"stop": reason, "freeze": freeze})


def resume(gateway: Gateway, org: int, *, client: str | int, by: str = "operator") -> Change:
    """Share again for a client who was stopped."""
    return _change(gateway, org, client, RESUME, (), by, {"stop": None})


def _change(
    gateway: Gateway, org: int, client: str | int, statement: str, values: tuple[Any, ...], by: str, detail: Mapping[str, Any]
) -> Change:
    with changing(gateway, org, client) as under:
        under.db.execute(statement, (*values, under.client))
        under.outdate()
        return under.take_effect(AuditEvent(event="client", action="U", agent=by, detail=detail))
