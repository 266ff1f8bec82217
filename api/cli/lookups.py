"""What a list showed of clients, told to the trail: an operator who looks is somebody who looked (NEN 7513)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.runtime import Gateway

LINKED: Final = "select distinct client_id from link where org = app_org()"


def looked_at(gateway: Gateway, org: int, what: str, client: str | None, by: str) -> None:
    """Write that somebody looked at this of one client, or of everybody who is linked.

    Raises:
        NotFound: there is no such client.
    """
    from gateway.audit import looked_up
    from gateway.clients import find_client

    keys = gateway.keys(org)
    with gateway.database.transaction(org) as db:
        seen = [row.client_id for row in db.execute(LINKED)] if client is None else [find_client(db, keys.ids(), client)]
        looked_up(db, keys, org, what, by, {}, seen)
