"""The sources of an organisation, as rows."""

from __future__ import annotations

from typing import Final

from gateway.runtime import Gateway

SOURCES: Final = "select id from source order by id"


def source_ids(gateway: Gateway, org: int) -> list[int]:
    """Return the organisation's sources."""
    with gateway.database.transaction(org) as db:
        return [row.id for row in db.execute(SOURCES)]
