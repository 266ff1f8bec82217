"""The portals of an organisation: their rows, their connectors, and the word to them that a slot has been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from gateway.connector import SinkConnector
from gateway.context import context_for
from gateway.errors import GatewayError
from gateway.runtime import Gateway, connector

PORTALS: Final = "select id, code, connector, settings from portal order by id"

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
        Misconfigured: a portal names a connector that isn't installed.
    """
    with gateway.database.transaction(org) as db:
        rows = db.execute(PORTALS).fetchall()
    return [Portal(id=row.id, code=row.code, settings=row.settings, sink=connector(row.connector)) for row in rows]


def announce(gateway: Gateway, org: int, last: datetime, following: datetime) -> None:
    """Tell each portal until when it is up to date and when the next slot is. A courtesy: a failure costs a line in the log."""
    for portal in portals(gateway, org):
        try:
            portal.sink.announce(context_for(gateway, org, portal), last, following)
        except GatewayError as error:
            log.warning("portal.announce_failed", portal=portal.code, code=error.code)
