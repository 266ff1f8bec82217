"""Drift: where a portal holds something else than our ledger says, per portal and client, with why; and what mends it.

A portal that was restored from a backup, or in which somebody removed a page, doesn't tell. A sample of members a night does: which ones
follows from the date, so that asking again asks the same ones, and each has its turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, Final

from psycopg.types.json import Jsonb

from gateway.audit import AuditEvent, append
from gateway.database import Connection
from gateway.errors import GatewayError
from gateway.ledger import disclose_client
from gateway.outbox.doubt import version_of
from gateway.outbox.tombstone import hash_of
from gateway.runtime import Gateway
from gateway.verify.comparison import Comparison, Key, compare, portal_rows, reached

# The order differs from day to day, and is the same for all who ask on one day.
SAMPLE: Final = """
select link.id, link.member::text as member, link.portal_id, link.client_id, client.patient_rid
from link join client on client.id = link.client_id
where link.org = app_org() and link.portal_id = %(portal)s and link.id in (
  select id from link where org = app_org() and exists (select from disclosure_ledger where link_id = link.id)
  order by md5(%(day)s || link.member::text) limit %(sample)s)
order by link.client_id, link.id"""

# The ledger takes over what the portal really holds; deciding the client anew makes the work that follows from it. Only of rows that are as
# they were when the portal was read: of what moved since, such as to a retraction, the portal's answer then says nothing.
CORRECT: Final = """
update disclosure_ledger ledger
set held_hash = remote.hash, etag = remote.etag, held_version = null, held_projection = null,
  state = case when ledger.state in ('retracted', 'retract_failed') and remote.hash is not null then 'delivered' else ledger.state end
from jsonb_to_recordset(%(rows)s) as seen (ledger bigint, hash text, etag text, held text, due text, state text, settled timestamptz,
  op text, sent timestamptz)
cross join lateral (select decode(seen.hash, 'hex') as hash, seen.etag) remote
where ledger.id = seen.ledger and ledger.state = seen.state and ledger.held_hash is not distinct from decode(seen.held, 'hex')
  and ledger.content_hash is not distinct from decode(seen.due, 'hex')
  and greatest(ledger.delivered_at, ledger.retracted_at) is not distinct from seen.settled
  and (select (op, sent_at) from outbox where ledger_id = ledger.id) is not distinct from (
    select (seen.op, seen.sent) where seen.op is not null)"""
# Something of ours at a member who was never due it: from now on the ledger knows, and takes it back.
ADOPT: Final = """
insert into disclosure_ledger (org, portal_id, client_id, link_id, rkey, code, epoch, decided_at, held_hash, etag, state)
select link.org, link.portal_id, link.client_id, link.id, resource.rkey, 'no-grant', link.epoch, app_now(), %(hash)s, %(etag)s, 'delivered'
from link join resource on resource.org = link.org and resource.rtype = %(type)s and resource.rid = %(id)s
where link.id = %(link)s on conflict (link_id, rkey) do nothing returning rkey"""
DUE: Final = "insert into disclose_due (org, client_id, cause) values (%s, %s, 'drift')"
OPEN: Final = """
insert into task (org, kind, client_id, portal_id, detail, opened_at)
values (%(org)s, 'drift', %(client)s, %(portal)s, %(detail)s, app_now()) on conflict do nothing"""
CLOSE: Final = """
update task set closed_at = app_now(), closed_by = 'gateway'
where kind = 'drift' and client_id = %(client)s and portal_id = %(portal)s and closed_at is null"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member whose base was read."""

    link: int
    member: str
    found: Comparison

    def foreign(self) -> list[Key]:
        """Return what is there and has no row in our ledger."""
        return [key for key in self.found.unexplained if key not in self.found.known]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One client at one portal: how many resources are as the ledger says, and which aren't, by their keys for a member."""

    portal: str
    portal_id: int
    client: str
    client_id: int
    members: tuple[Member, ...] = field(repr=False)

    @property
    def equal(self) -> int:
        """Return how many resources are as the ledger says."""
        return sum(one.found.equal for one in self.members)

    def missing(self) -> list[str]:
        """Return what was delivered and isn't there."""
        return [f"{'/'.join(key)} for {one.member}" for one in self.members for key in one.found.missing]

    def extra(self) -> list[str]:
        """Return what is there and shouldn't be."""
        return [f"{'/'.join(key)} for {one.member}" for one in self.members for key in one.found.unexplained]

    def differing(self) -> list[str]:
        """Return what is there with other content than was delivered."""
        return [f"{'/'.join(key)} for {one.member}" for one in self.members for key in one.found.differing]

    def because(self) -> dict[str, int]:
        """Count the reasons: removed-there, changed-there, came-back (retracted, and there again), never-delivered, unknown-member."""
        reasons = Counter({"removed-there": len(self.missing()), "changed-there": len(self.differing())})
        reasons["unknown-member"] = sum(one.found.unlisted for one in self.members)
        for one in self.members:
            reasons.update(_why(one.found.known.get(key)) for key in one.found.unexplained)
        return {reason: count for reason, count in sorted(reasons.items()) if count}

    @property
    def any(self) -> bool:
        """Tell whether something differs."""
        return bool(self.because())

    def board(self) -> dict[str, Any]:
        """Return the row of the board."""
        told = {"missing": self.missing(), "extra": self.extra(), "differing": self.differing(), "because": self.because()}
        return {"portal": self.portal, "client": self.client, "members": len(self.members), "equal": self.equal, **told}


def _why(row: Any) -> str:
    return "came-back" if row is not None and row.settled_at is not None else "never-delivered"


def drift(
    gateway: Gateway, org: int, *, day: date, sample: int | None = None
) -> tuple[list[Drift], list[tuple[str, GatewayError]]]:
    """Compare members with their portals: ``sample`` of them (those of the day), or all.

    Return every client that was looked at, and each portal that couldn't be asked, with why: it costs no other portal its turn, and what
    it was asked before counts.
    """
    found: list[Drift] = []
    unasked: list[tuple[str, GatewayError]] = []
    for portal in portal_rows(gateway, org):
        try:
            # What was compared before it fails stays.
            found.extend(drift_at(gateway, org, portal, day=day, sample=sample))
        except GatewayError as failed:
            unasked.append((portal.code, failed))
    return found, unasked


def drift_at(gateway: Gateway, org: int, row: Any, *, day: date, sample: int | None = None) -> Iterator[Drift]:
    """Yield the clients at one portal (of ``portal_rows``), each as it was compared.

    Raises:
        GatewayError: the portal can't be asked, or its connector broke.
    """
    portal, context = reached(gateway, org, row)
    with gateway.database.transaction(org) as db:
        links = db.execute(SAMPLE, {"portal": portal.id, "day": day.isoformat(), "sample": sample}).fetchall()
    for client_id, of_client in groupby(links, key=lambda link: int(link.client_id)):
        family = list(of_client)
        members = tuple(
            Member(link=link.id, member=link.member, found=compare(gateway, org, portal.sink, context, link)) for link in family
        )
        client = str(family[0].patient_rid)
        yield Drift(portal=portal.code, portal_id=portal.id, client=client, client_id=client_id, members=members)


def note(gateway: Gateway, org: int, found: Iterable[Drift]) -> None:
    """Open a task for each client with drift, and close those of clients that are as they should be."""
    with gateway.database.transaction(org) as db:
        for one in found:
            values = {"org": org, "client": one.client_id, "portal": one.portal_id, "detail": Jsonb(one.because())}
            db.execute(OPEN if one.any else CLOSE, values)


def repair(gateway: Gateway, org: int, found: Sequence[Drift]) -> int:
    """Put back into the queue what is missing or differs, and take back what is too many; return how much can't be mended from here.

    What isn't ours at all has no row that a retraction could hang on: the portal's people remove it.
    """
    return sum(_repair(gateway, org, one) for one in found if one.any)


def _repair(gateway: Gateway, org: int, one: Drift) -> int:
    """Correct a client's ledger and decide anew what follows, as one; return how much isn't ours."""
    left = 0

    def correct(db: Connection) -> None:
        nonlocal left
        for member in one.members:
            db.execute(CORRECT, {"rows": Jsonb(list(_seen(member.found)))})
        foreign = [(member, key) for member in one.members for key in member.foreign()]
        ours = [event for pair in foreign if (event := _adopted(db, one, *pair)) is not None]
        append(db, gateway.keys(org), org, ours)
        left = len(foreign) - len(ours)
        db.execute(DUE, (org, one.client_id))

    disclose_client(gateway, org, one.client_id, correct)
    return left


def _seen(found: Comparison) -> Iterator[dict[str, Any]]:
    """Yield what the portal holds of each row that differs, and what the ledger said when it was asked."""
    for key in [*found.missing, *found.differing, *found.unexplained]:
        row, state = found.known.get(key), found.states.get(key)
        if row is not None:
            settled, sent = (moment and moment.isoformat() for moment in (row.settled_at, row.sent_at))
            there = {"hash": state and _hex(hash_of(state)), "etag": state and state.etag}
            then = {"held": _hex(row.held_hash), "due": _hex(row.content_hash), "state": row.state, "op": row.op}
            yield {"ledger": row.id, **there, **then, "settled": settled, "sent": sent}


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else bytes(digest).hex()


def _adopted(db: Connection, one: Drift, member: Member, key: Key) -> AuditEvent | None:
    """Take something into the ledger; return what the trail has to know of it: the member has it, whoever wrote it."""
    state = member.found.states[key]
    values = {"link": member.link, "type": key[0], "id": key[1], "hash": hash_of(state), "etag": state.etag}
    row = db.execute(ADOPT, values).fetchone()
    if row is None:
        return None
    detail = {"portal": one.portal, "resource": "/".join(key), "version": version_of(state), "etag": state.etag, "adopted": True}
    return AuditEvent(
        event="delivery",
        action="U",
        agent="gateway",
        client_id=one.client_id,
        link_id=member.link,
        rkey=row.rkey,
        detail=detail,
    )
