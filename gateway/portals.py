"""The portals of an organisation: their rows, their connectors, and the word to them that a slot has been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from gateway.connector import SinkConnector
from gateway.context import context_for
from gateway.errors import GatewayError
from gateway.guard import guarded, load
from gateway.runtime import Gateway

PORTALS: Final = "select id, code, connector, settings from portal order by id"
BEHIND: Final = """
select member::text as member from link
where portal_id = %(portal)s and state = 'active' and (not %(complete)s or exists (select from outbox where outbox.link_id = link.id))"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """One portal and how to speak to it."""

    id: int
    code: str
    settings: dict[str, Any]
    sink: SinkConnector


def portals(gateway: Gateway, org: int) -> list[Portal]:
    """Return the organisation's portals.

    Raises:
        Misconfigured: a portal names a connector that isn't installed, or can't be loaded.
    """
    return [portal_of(row) for row in _rows(gateway, org)]


def portal_of(row: Any) -> Portal:
    """Return a portal's row with its connector.

    Raises:
        Misconfigured: its connector isn't installed, or can't be loaded.
    """
    return Portal(id=row.id, code=row.code, settings=row.settings, sink=load(row.connector))


def announce(gateway: Gateway, org: int, slot: datetime, following: datetime, *, complete: bool) -> None:
    """Tell each portal that a slot has been, and which members aren't up to date with it: all of them when a source wasn't read whole.

    A page must never claim more than is true. The call itself is a courtesy: a failure costs a line in the log, and no other portal its word.
    """
    for row in _rows(gateway, org):
        with gateway.database.transaction(org) as db:
            behind = [link.member for link in db.execute(BEHIND, {"portal": row.id, "complete": complete})]
        try:
            portal = portal_of(row)
            with guarded():
                portal.sink.announce(context_for(gateway, org, portal), slot, following, behind)
        except GatewayError as error:
            log.warning("portal.announce_failed", portal=row.code, code=error.code)


def _rows(gateway: Gateway, org: int) -> list[Any]:
    with gateway.database.transaction(org) as db:
        return db.execute(PORTALS).fetchall()
