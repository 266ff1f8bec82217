"""What a portal really holds for one member, held against the ledger.

What is on its way while we look is left out: it may or may not be there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from gateway.connector import Context, RemoteState, SinkConnector
from gateway.context import context_for
from gateway.errors import NotFound
from gateway.freeze import FROZEN
from gateway.guard import guarded
from gateway.manifest import limits_at
from gateway.outbox.tombstone import hash_of, is_gone
from gateway.portals import Portal, portal_of
from gateway.runtime import Gateway

# Engine role: row security doesn't choose the organisation for us.
PORTALS: Final = "select id, code, connector, settings from portal where org = app_org() order by id"
KNOWN: Final = f"""
select ledger.id, resource.rtype, resource.rid, ledger.held_hash, ledger.content_hash, ledger.state, outbox.op, outbox.sent_at,
  greatest(ledger.delivered_at, ledger.retracted_at) as settled_at,
  {FROZEN} as frozen
from disclosure_ledger ledger join resource on resource.rkey = ledger.rkey join link on link.id = ledger.link_id
join client on client.id = ledger.client_id join organisation on organisation.id = ledger.org
left join outbox on outbox.ledger_id = ledger.id
where ledger.org = app_org() and ledger.link_id = %s"""

Key = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Comparison:
    """One member's base: what is there (``states``), what the ledger knows (``known``), and how the two differ, by key."""

    states: dict[Key, RemoteState]
    known: dict[Key, Any]
    equal: int = 0
    missing: list[Key] = field(default_factory=list)
    unexplained: list[Key] = field(default_factory=list)
    differing: list[Key] = field(default_factory=list)
    # The portal knows no such member, and we hold that it has something of ours. What is there isn't known: nothing is corrected by it.
    unlisted: bool = False


def portal_rows(gateway: Gateway, org: int) -> list[Any]:
    """Return the organisation's portals as they are in the database, with ``id`` and ``code``."""
    with gateway.database.transaction(org) as db:
        return db.execute(PORTALS).fetchall()


def reached(gateway: Gateway, org: int, row: Any) -> tuple[Portal, Context]:
    """Return one of ``portal_rows`` with the way to it.

    Raises:
        Misconfigured: its connector isn't installed, or can't be loaded.
    """
    portal = portal_of(row)
    return portal, context_for(gateway, org, portal, limits_at(portal.sink, portal.settings))


def compare(gateway: Gateway, org: int, sink: SinkConnector, context: Context, link: Any) -> Comparison:
    """List a member's base (a row with ``id`` and ``member``) and compare it with the ledger.

    A member whom the portal doesn't know costs the others nothing: it is told of the member (``unlisted``).

    Raises:
        GatewayError: the portal can't be asked, or its connector broke.
    """
    began = gateway.clock()
    try:
        with guarded():
            states = {(state.type, state.id): state for state in sink.listing(context, link.member) if not is_gone(state)}
    except NotFound:
        return _unlisted(gateway, org, link)
    with gateway.database.transaction(org) as db:
        known = {(row.rtype, row.rid): row for row in db.execute(KNOWN, (link.id,))}
    found = Comparison(states=states, known=known)
    moved = {key for key, row in known.items() if row.sent_at is not None or (row.settled_at and row.settled_at > began)}
    for key in sorted((states.keys() | known.keys()) - moved):
        _place(found, key, known.get(key), states.get(key))
    return found


def _unlisted(gateway: Gateway, org: int, link: Any) -> Comparison:
    with gateway.database.transaction(org) as db:
        held = any(row.held_hash is not None for row in db.execute(KNOWN, (link.id,)))
    return Comparison(states={}, known={}, unlisted=held)


def _place(found: Comparison, key: Key, row: Any, state: RemoteState | None) -> None:
    if state is None:
        if row.held_hash is not None and row.op is None:
            found.missing.append(key)
    elif row is None or row.held_hash is None or not _explained(row):
        found.unexplained.append(key)
    elif hash_of(state) != bytes(row.held_hash):
        found.differing.append(key)
    else:
        found.equal += 1


def _explained(row: Any) -> bool:
    """Tell why something may be at the portal: it is due, its retraction is open, or it stays on purpose."""
    return row.content_hash is not None or row.op == "delete" or row.state == "cannot_retract" or row.frozen
