"""Stopping for a client as a whole: nobody gets anything new, and what portals hold is taken back, or stays as it is (a freeze)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from gateway.audit import AuditEvent
from gateway.clients import follow_patient
from gateway.consent.changing import Changing, changing
from gateway.consent.reasons import STOPS, known_reason
from gateway.ledger import Change
from gateway.runtime import Gateway

STOP: Final = "update client set stop_reason = %s, stopped_at = app_now(), stopped_by = %s, frozen = %s where id = %s"
RESUME: Final = """
update client set stop_reason = null, stopped_at = null, stopped_by = null, frozen = false, end_of_care_at = null where id = %s"""
END_OF_CARE: Final = "update client set end_of_care_at = %s where id = %s"
ON_DEATH: Final = "select freeze_on_death from organisation where id = %s"


def stop(gateway: Gateway, org: int, *, client: str | int, reason: str, freeze: bool, by: str = "operator") -> Change:
    """Stop sharing for a client. With ``freeze`` nothing new goes and what is at the portals stays; without, all is retracted.

    Raises:
        NotFound: there is no such client.
        Rejected: the reason is no code of the list (``reasons.STOPS``).
    """
    known_reason(reason, STOPS)
    with changing(gateway, org, client) as under:
        return _stop(under, reason, by, freeze=freeze)


def resume(gateway: Gateway, org: int, *, client: str | int, by: str = "operator") -> Change:
    """Share again for a client who was stopped, or whose care goes on after all.

    Of a death that came in during a stop for something else nobody has judged yet: the result's ``stop`` is ``death``, and once more restarts.

    Raises:
        NotFound: there is no such client.
    """
    resumed = AuditEvent(event="client", action="U", agent=by, detail={"stop": None})
    with changing(gateway, org, client) as under:
        under.db.execute(RESUME, (under.client,))
        died_meanwhile = follow_patient(under.db, under.client)
        under.outdate()
        change = under.take_effect(resumed, *died_meanwhile)
        return replace(change, stop="death") if died_meanwhile else change


def end_care(gateway: Gateway, org: int, *, client: str | int, at: datetime | None = None, by: str = "operator") -> Change:
    """Note when care ends or ended: from then sharing stops, and what is at the portals goes or stays as the organisation has it.

    Raises:
        NotFound: there is no such client.
    """
    ends = at or gateway.clock()
    with changing(gateway, org, client) as under:
        return _written(under, END_OF_CARE, (ends,), by, {"end_of_care": ends.isoformat()})


def died(gateway: Gateway, org: int, *, client: str | int, freeze: bool | None = None, by: str = "operator") -> Change:
    """Stop sharing because the client died. Unless it is said, the organisation's own rule decides what becomes of what portals hold.

    Raises:
        NotFound: there is no such client.
    """
    with changing(gateway, org, client) as under:
        rule = under.db.execute(ON_DEATH, (org,)).fetchone()
        freezes = bool(rule.freeze_on_death) if rule is not None and freeze is None else bool(freeze)
        return _stop(under, "death", by, freeze=freezes)


def _stop(under: Changing, reason: str, by: str, *, freeze: bool) -> Change:
    change = _written(under, STOP, (reason, by, freeze), by, {"stop": reason, "freeze": freeze})
    if reason == "death":
        # Who stops for it knows of it, also when the source had said so during another stop.
        follow_patient(under.db, under.client)
    return change


def _written(under: Changing, statement: str, values: tuple[Any, ...], by: str, detail: Mapping[str, Any]) -> Change:
    under.db.execute(statement, (*values, under.client))
    under.outdate()
    return under.take_effect(AuditEvent(event="client", action="U", agent=by, detail=detail))
