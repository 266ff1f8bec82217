"""The invariants that only the portals can answer: what each member's base really holds, and how often it was written.

What is on its way while we look is left out: it may or may not be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Protocol, runtime_checkable

from gateway.connector import Context, RemoteState, SinkConnector
from gateway.context import context_for
from gateway.guard import guarded
from gateway.outbox.tombstone import hash_of, is_gone
from gateway.portals import portal_of
from gateway.runtime import Gateway
from gateway.verify.violation import Violation, violations

# Engine role: row security doesn't choose the organisation for us.
PORTALS: Final = "select id, code, connector, settings from portal where org = app_org() order by id"
LINKS: Final = "select id, member::text as member from link where org = app_org() and portal_id = %s order by id"
KNOWN: Final = """
select resource.rtype, resource.rid, ledger.held_hash, ledger.content_hash, ledger.state, outbox.op, outbox.sent_at,
  greatest(ledger.delivered_at, ledger.retracted_at) as settled_at,
  client.stop_reason is not null and client.frozen as frozen
from disclosure_ledger ledger join resource on resource.rkey = ledger.rkey join client on client.id = ledger.client_id
left join outbox on outbox.ledger_id = ledger.id
where ledger.org = app_org() and ledger.link_id = %s"""
# Etags that count writes show without a look at the history that there was only one.
FIRST: Final = re.compile(r'W/"1"')


@runtime_checkable
class KeepsHistory(Protocol):
    """A sink that can show every write it took: oldest first, a deletion without body."""

    def history(self, ctx: Context, target: str, key: tuple[str, str]) -> Sequence[RemoteState]: ...


@dataclass(slots=True)
class _Findings:
    """Keys by what is wrong with them."""

    unexplained: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    def violations(self) -> list[Violation]:
        again = "deliver it again: zorgsluis sync; and ask the portal who wrote or removed it"
        return [
            *violations("I1", "delivered by our ledger, and not at the portal", again, self.missing),
            *violations("I2", "equal content was written twice", "look for a worker without its fence", self.twice),
            *violations(
                "I4",
                "at the portal, and not explained by view, retraction or freeze",
                "retract it at the portal now",
                self.unexplained,
            ),
            *violations("I4", "the portal holds other content than was delivered", again, self.differing),
        ]


def at_portals(gateway: Gateway, org: int) -> list[Violation]:
    """Read back every member's base at every portal and compare it with the ledger.

    Raises:
        GatewayError: a portal can't be asked, or its connector broke.
    """
    findings = _Findings()
    with gateway.database.transaction(org) as db:
        rows = db.execute(PORTALS).fetchall()
    for row in rows:
        portal = portal_of(row)
        with gateway.database.transaction(org) as db:
            links = db.execute(LINKS, (portal.id,)).fetchall()
        context = context_for(gateway, org, portal)
        for link in links:
            _member(gateway, org, portal.sink, context, link, findings)
    return findings.violations()


def _member(gateway: Gateway, org: int, sink: SinkConnector, context: Context, link: Any, findings: _Findings) -> None:
    began = gateway.clock()
    with guarded():
        states = {(state.type, state.id): state for state in sink.listing(context, link.member) if not is_gone(state)}
    with gateway.database.transaction(org) as db:
        known = {(row.rtype, row.rid): row for row in db.execute(KNOWN, (link.id,))}
    moved = {key for key, row in known.items() if row.sent_at is not None or (row.settled_at and row.settled_at > began)}
    for key in sorted((states.keys() | known.keys()) - moved):
        _compare(key, link.member, known.get(key), states.get(key), findings)
    if isinstance(sink, KeepsHistory):
        for key in _rewritten(states, known):
            with guarded():
                history = sink.history(context, link.member, key)
            if _twice(history):
                findings.twice.append(_name(key, link.member))


def _compare(key: tuple[str, str], member: str, row: Any, state: RemoteState | None, findings: _Findings) -> None:
    name = _name(key, member)
    if state is None:
        if row.held_hash is not None and row.op is None:
            findings.missing.append(name)
    elif row is None or row.held_hash is None or not _explained(row):
        findings.unexplained.append(name)
    elif hash_of(state) != bytes(row.held_hash):
        findings.differing.append(name)


def _explained(row: Any) -> bool:
    """Tell why something may be at the portal: it is due, its retraction is open, or it stays on purpose."""
    return row.content_hash is not None or row.op == "delete" or row.state == "cannot_retract" or row.frozen


def _rewritten(states: dict[tuple[str, str], RemoteState], known: dict[tuple[str, str], Any]) -> Iterator[tuple[str, str]]:
    """Yield what may have been written more than once: all but first versions, and what is gone by now."""
    for key, state in states.items():
        if state.etag is None or FIRST.fullmatch(state.etag) is None:
            yield key
    for key, row in known.items():
        if key not in states and row.state in ("retracted", "retract_pending", "retract_failed"):
            yield key


def _twice(history: Sequence[RemoteState]) -> bool:
    """Tell whether two writes in a row had equal content: a retraction between them begins anew."""
    hashes = [hash_of(state) for state in history]
    return any(one is not None and one == other for one, other in pairwise(hashes))


def _name(key: tuple[str, str], member: str) -> str:
    return f"{key[0]}/{key[1]} for {member}"
