"""The sources of an organisation, as rows: those that are read, and those that push."""

from __future__ import annotations

from functools import cache
from typing import Final

from gateway.connector import PushConnector
from gateway.errors import GatewayError
from gateway.guard import load
from gateway.runtime import Gateway

SOURCES: Final = "select id from source order by id"
CONNECTORS: Final = "select id, connector from source where id = any(%s)"
WAITING: Final = """
select id, connector from source
where exists (select from journal where journal.source_id = source.id and journal.state = 'waiting') order by id"""


def source_ids(gateway: Gateway, org: int) -> list[int]:
    """Return the organisation's sources."""
    with gateway.database.transaction(org) as db:
        return [row.id for row in db.execute(SOURCES)]


def read_by_runs(gateway: Gateway, org: int, ids: list[int]) -> list[int]:
    """Return those of the sources that a run reads, in their order: all but those that push."""
    with gateway.database.transaction(org) as db:
        pushing = {row.id for row in db.execute(CONNECTORS, (ids,)) if _pushes(row.connector)}
    return [one for one in ids if one not in pushing]


def pushed_and_waiting(gateway: Gateway, org: int) -> list[int]:
    """Return the sources that push and of which something is not mapped yet: no slot maps them."""
    with gateway.database.transaction(org) as db:
        return [row.id for row in db.execute(WAITING) if _pushes(row.connector)]


@cache
def _pushes(name: str) -> bool:
    """Tell whether a connector is of the kind that is not read. One that can't be loaded is read: its run says what is wrong."""
    try:
        return isinstance(load(name), PushConnector)
    except GatewayError:
        return False
