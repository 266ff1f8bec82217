"""One change of a client's rights under way: its transaction holds the client's lock and does everything, or nothing.

That is: the new rows, the next epoch, the trust group's CareTeam, the ledger with its retractions, and the audit rows. Rows of rights are
never changed, only superseded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from gateway import careteam
from gateway.audit import AuditEvent, append
from gateway.clients import find_client, follow_patient
from gateway.database import Connection
from gateway.ledger import Change, disclose_locked, lock_client, tell_withheld
from gateway.runtime import Gateway

EPOCHS: Final = "update link set epoch = epoch + 1 where client_id = %s and (%s::bigint is null or person_id = %s)"


@dataclass(slots=True, kw_only=True)
class Changing:
    """An open transaction that holds the client's lock. ``change`` is what took effect so far."""

    db: Connection
    gateway: Gateway
    org: int
    client: int
    patient: str
    change: Change = field(default_factory=Change)

    def outdate(self, person: int | None = None) -> None:
        """Begin the next epoch of a person's links to the client, or of everybody's: what was decided before is never sent after."""
        self.db.execute(EPOCHS, (self.client, person, person))

    def take_effect(self, *events: AuditEvent) -> Change:
        """Let what was written take effect: the CareTeam, the ledger, the trail. The last event gets the counts.

        The caller's events name what happened; the client is filled in here.
        """
        careteam.rewrite(self.db, self.gateway, self.org, self.client, self.patient)
        self.change = disclose_locked(self.db, self.org, self.client)
        self.gateway.decided(self.change)
        counts = {"delivering": self.change.delivering, "retracting": self.change.retracting}
        self.tell(*events[:-1], replace(events[-1], detail={**events[-1].detail, **counts}))
        tell_withheld(self.db, self.gateway, self.org, self.client, self.change)
        return self.change

    def tell(self, *events: AuditEvent) -> None:
        """Write to the trail what happened about the client and changes nothing of what anybody sees."""
        append(self.db, self.gateway.keys(self.org), self.org, [replace(event, client_id=self.client) for event in events])


@contextmanager
def changing(gateway: Gateway, org: int, client: str | int) -> Iterator[Changing]:
    """Yield a change of this client's rights; it commits at the end of the block, and the lanes that got work are hinted.

    Raises:
        NotFound: there is no such client.
    """
    with gateway.database.transaction(org) as db:
        under = hold(db, gateway, org, client)
        yield under
    for lane in under.change.lanes:
        gateway.hint("deliver_lane", org, lane)


def hold(db: Connection, gateway: Gateway, org: int, client: str | int) -> Changing:
    """Take the client's lock in a transaction that the caller ends, or undoes: what a simulation does.

    Raises:
        NotFound: there is no such client.
    """
    client_id = find_client(db, gateway.keys(org).ids(), client)
    patient = lock_client(db, client_id) or ""
    under = Changing(db=db, gateway=gateway, org=org, client=client_id, patient=patient)
    # A Patient can have been stored and not looked at since: nothing is decided by an age that is out of date, or for who died.
    under.tell(*follow_patient(db, client_id))
    return under
