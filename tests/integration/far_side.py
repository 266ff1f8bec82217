"""A generated world with its ledger, its outbox and a far side that keeps what it is sent; the caller undoes the transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from gateway.database import Connection
from gateway.disclosure.decide import Policy
from gateway.disclosure.projections import PROJECTIONS
from gateway.ledger import disclose_locked, lock_client
from tests.integration.written import Written
from tests.unit.disclosure.cases import World

Crash = Literal["before", "after"] | None
Held = dict[tuple[int, int], str]

WORK = """
select outbox.id, outbox.op, outbox.link_id, ledger.id as ledger, ledger.rkey, ledger.projection from outbox
join disclosure_ledger ledger on ledger.id = ledger_id join link on link.id = outbox.link_id
where outbox.op = 'delete' or outbox.epoch = link.epoch order by outbox.op = 'put', outbox.id"""
RECEIPT = """
update disclosure_ledger set state = case when %(op)s = 'put' then 'delivered' else 'retracted' end, held_hash = content_hash,
  held_projection = projection, held_version = version where id = %(ledger)s"""
CONTENT = """
insert into resource_projection (org, rkey, name, hash)
select %(org)s, rkey, name, convert_to(concat(rkey::text, name, %(number)s::text), 'UTF8')
from unnest(%(rkeys)s::bigint[]) rkey cross join unnest(%(names)s::text[]) name
on conflict (rkey, name) do update set hash = excluded.hash"""
GONE = """
update {table} set superseded_at = app_now() where client_id = %s and superseded_at is null"""
RIGHTS = ("trust_grant", "exclusion", "representation", "external_consent")
VIEW = "select link_id, rkey, projection from disclosure_verdict where client_id = %s and code = 'grant'"


class FarSide(Written):
    """One client with three items and two members at one portal. ``held`` is what that portal really keeps: (link, rkey) → projection."""

    def __init__(self, db: Connection, org: int, world: World) -> None:
        super().__init__(db, org, world.policy)
        for item in world.items:
            self.describe(item)
        self.version(1, *self.rkeys.values())
        first = replace(world.subscriber, auth_time=None)
        self.subscribers = (first, replace(first, person=3 - first.person, link_state="active", related_rid=None))
        portal = self.portal(self.subscribers[0])
        self.links = [self.link(subscriber, portal) for subscriber in self.subscribers]
        self.held: Held = {}

    def version(self, number: int, *rkeys: int) -> None:
        """Give items other content, and so other bytes in every projection."""
        self.db.execute("update resource set version = %s where rkey = any(%s)", (number, list(rkeys)))
        self.db.execute(CONTENT, {"org": self.org, "rkeys": list(rkeys), "names": list(PROJECTIONS), "number": number})

    def become(self, policy: Policy) -> None:
        """Put another policy in place of all that was decided, in a new epoch."""
        for table in RIGHTS:
            self.db.execute(GONE.format(table=table), (self.client,))
        self.db.execute(
            "update client set stop_reason = %s, end_of_care_at = %s, birth_date = %s where id = %s",
            ("gone" if policy.stopped else None, policy.end_of_care_at, policy.birth_date, self.client),
        )
        self.add(policy)

    def add(self, policy: Policy) -> None:
        """Add what a policy holds to what was decided, in a new epoch."""
        self.grants |= {self._grant(grant): grant.id for grant in policy.grants}
        self._forbids(policy)
        self.db.execute("update link set epoch = epoch + 1 where client_id = %s", (self.client,))

    def disclose(self) -> None:
        lock_client(self.db, self.client)
        disclose_locked(self.db, self.org, self.client)

    def deliver(self, crash: Crash = None) -> None:
        """Send what waits. A crash comes with the first row: before it reached the far side, or after and before the receipt."""
        for row in self.db.execute(WORK).fetchall():
            self.db.execute("update outbox set sent_at = app_now() where id = %s", (row.id,))
            if crash != "before":
                self._arrive(row)
            if crash:
                return
            self.db.execute(RECEIPT, {"op": row.op, "ledger": row.ledger})
            self.db.execute("delete from outbox where id = %s", (row.id,))

    def _arrive(self, row: Any) -> None:
        if row.op == "put":
            self.held[row.link_id, row.rkey] = row.projection
        else:
            self.held.pop((row.link_id, row.rkey), None)

    def settle(self) -> None:
        self.disclose()
        self.deliver()

    def view(self) -> Held:
        """Return what the members should hold."""
        return {(row.link_id, row.rkey): row.projection for row in self.db.execute(VIEW, (self.client,))}

    def of(self, place: int) -> dict[int, str]:
        """Return what one of the two members holds at the far side."""
        return {rkey: projection for (link, rkey), projection in self.held.items() if link == self.links[place]}

    def waiting(self) -> list[Any]:
        return self.db.execute(WORK).fetchall()
