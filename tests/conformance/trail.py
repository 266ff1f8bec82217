"""The AuditEvents of a client's export: one of each event, by each role, with and without a recipient."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from gateway.audit_export import KINDS, audit_event
from tests.conformance.produced import STORED_AT, Produced

CHAIN: Final = UUID("0d9a2f0e-5a86-4f0e-9d5a-0d6a1c7e4b11")
MEMBER: Final = "5a0c8f8e-2f6b-4b57-9c3c-2a7b4d1e9f00"
AGENTS: Final = ("gateway", "operator", "portal familie", f"member {MEMBER}")
DETAIL: Final = {"portal": "familie", "resource": "Observation/obs-1", "version": 2, "grant": 41, "etag": None, "whole": True}


def trail() -> Iterator[Produced]:
    """Yield every event that a client may be shown."""
    for number, (event, agent) in enumerate(zip(KINDS, cycle(AGENTS), strict=False)):
        yield _produced(number, event=event, agent=agent)
    for number, agent in enumerate(AGENTS, len(KINDS)):
        yield _produced(number, event="rights", agent=agent, detail={}, portal=None, member=None, related_rid=None, person=None)


def _produced(number: int, **facts: Any) -> Produced:
    row = {
        "chain_id": CHAIN,
        "seq": number,
        "at": STORED_AT,
        "action": "R",
        "detail": DETAIL,
        "patient_rid": "pat-1",
        "organisation": "delinde",
        "portal": "familie",
        "member": MEMBER,
        "related_rid": "rp-50",
        "person": "50",
    }
    return Produced(kind="AuditEvent", projection="whole", body=audit_event(SimpleNamespace(**{**row, **facts})))
