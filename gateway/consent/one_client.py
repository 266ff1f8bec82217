"""A page is about one client, also where several organisations bring a lane to it: their BSN tells, and nothing else does.

Ids and keyed hashes of two organisations can't be compared: each has its own namespace and keys. So the sealed BSN is opened on both sides,
here, where one installation serves both; neither organisation nor the portal learns it. What another installation holds isn't seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from gateway.consent.bsn import bsn_of
from gateway.consent.changing import Changing
from gateway.errors import Conflict

# Of two organisations that link one page at once, the second waits and finds the first.
LOCK: Final = "select pg_advisory_xact_lock(hashtext('care-page'), hashtext(%s))"
OTHERS: Final = "select id from organisation where id <> %s order by id"
SCOPE: Final = "select set_config('app.org', %s, true)"
# A closed page counts: its links stay, and what they brought is on the portal's page still.
ABOUT: Final = "select distinct client_id from care_page where page = %s"
# One answer for another client and for one of whom it isn't known: who asks learns nothing of a client elsewhere.
NOT_ONE: Final = (
    "another organisation brings a client to this page, and it isn't certain that this is the same person "
    "(the BSNs differ, or one of them isn't known); link a page of its own with this code"
)


class OtherClient(Conflict):
    """The page has a lane of another organisation that is about somebody else, or may be."""

    code = "other-client"


def refuse_other_client(under: Changing, page: UUID) -> None:
    """Go on when nobody else in this installation has the page, or whoever has it knows the same client.

    Raises:
        OtherClient: a BSN differs, or isn't known on one of the sides.
    """
    under.db.execute(LOCK, (str(page),))
    elsewhere = set(_elsewhere(under, page))
    if elsewhere and (None in elsewhere or elsewhere != {bsn_of(under.db, under.gateway.keys(under.org), under.client)}):
        raise OtherClient(NOT_ONE)


def _elsewhere(under: Changing, page: UUID) -> Iterator[str | None]:
    """Yield the BSN of each client that another organisation brings to the page, nothing for one without.

    Each organisation's rows are seen from inside its own wall, in the transaction that holds the page's lock.
    """
    for other in under.db.execute(OTHERS, (under.org,)).fetchall():
        under.db.execute(SCOPE, (str(other.id),))
        for row in under.db.execute(ABOUT, (page,)).fetchall():
            yield _bsn(under, other.id, row.client_id)
    under.db.execute(SCOPE, (str(under.org),))


def _bsn(under: Changing, org: int, client: int) -> str | None:
    try:
        keys = under.gateway.keys(org)
    except KeyError:
        # Taken out of the configuration, its rows still there: of its clients nothing can be told.
        return None
    return bsn_of(under.db, keys, client)
