"""The disclosure ledger: what each member should hold and does hold, and the work that follows from the difference.

One transaction per client, under a lock on the client's row: the current view is compared with the ledger in set-based SQL, and what differs
becomes ledger and outbox rows; retractions come before deliveries. Deciding twice the same writes nothing the second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from psycopg import RawCursor
from psycopg.types.json import Jsonb

from gateway import careteam
from gateway.audit import AuditEvent, append
from gateway.clients import MISTAKEN, PATIENT, follow_stored, relate
from gateway.crash import crash_point
from gateway.database import PLAN_ONCE, Connection
from gateway.freeze import NONE_STAYING, STAYING
from gateway.retractions import review_staying
from gateway.runtime import Gateway
from gateway.store import restamp_client

# Planned once a session: planning the view for each client costs more than asking it.
LOCK_CLIENT: Final = f"select patient_rid, {PLAN_ONCE} from client where id = %s for no key update"
# With the causes comes what they may be about: the stored Patient is looked up only where one of them can have changed it.
TAKE_DUE: Final = f"""
with taken as (delete from disclose_due where client_id = %(client)s returning cause)
select array(select cause from taken) as causes,
  exists (select from link join person on person.id = link.person_id where client_id = %(client)s and (related_rid is null
    or exists (select from taken where cause = 'store') and {MISTAKEN})) as unrelated, client.birth_date, client.deceased,
  patient.rid, patient.version, patient.body
from client
left join lateral ({PATIENT.format(when="exists (select from taken where cause in ('store', 'birth-date', 'death'))")}) patient on true
where client.id = %(client)s"""
DUE: Final = "select client_id from disclose_due group by client_id order by min(id) limit %s"
# What can wait for a slot: what a source gave. 'facts': an item is judged otherwise now; work of that client that waits is decided anew before
# it goes, and what is at the portals with the next slot.
DUE_NOW: Final = """
select client_id from disclose_due where cause not in ('store', 'facts') group by client_id order by min(id) limit %s"""
# A moment at which time itself changes what somebody may see has passed.
DUE_BY_TIME: Final = """
with passed as (
  update client set next_change_at = null
  where id in (select id from client where next_change_at <= app_now() for update skip locked) returning org, id)
insert into disclose_due (org, client_id, cause) select org, id, 'time' from passed returning client_id"""

# Work that still holds was looked at again: it belongs to the new epoch.
OUTDATED: Final = """
select stale.id from link
cross join lateral (select id from outbox where link_id = link.id and outbox.epoch <> link.epoch offset 0) stale
where link.client_id = $1"""
# The next moment at which time itself changes something: a period of the client's begins or ends, or a birthday changes who decides.
NEXT: Final = """
select least(min(valid_from) filter (where valid_from > at), min(valid_to) filter (where valid_to > at))
from {} where client_id = $1 and superseded_at is null"""
BOUNDARY: Final = f"""
select least(({NEXT.format("trust_grant")}), ({NEXT.format("exclusion")}), ({NEXT.format("representation")}),
  ({NEXT.format("external_consent")}), (
  select min(change) from client cross join lateral unnest(array[
    birthday(birth_date, 12), birthday(birth_date, 16), birthday(birth_date, 18), end_of_care_at]) change
  where id = $1 and change > at))
from (select app_now() as at offset 0) now"""
SETTLE: Final = f"""
with renewed as (
  update outbox set epoch = (select epoch from link where link.id = outbox.link_id) where outbox.id = any (array({OUTDATED})))
update client set next_change_at = boundary.at from ({BOUNDARY}) boundary (at)
where client.id = $1 and client.next_change_at is distinct from boundary.at"""
# What the difference means. A row that is due, not held and in no queue gets its work. 'frozen': what is there stays, nothing new goes;
# under a freeze that is what only the stop stands in the way of, shown no wider than it would be without; what refuses besides is the row's
# reason. Of the directory, that is what something that stays refers to.
# What is as it should be is left out before anything else is asked. The last rows say what is withheld, and what else there is to write.
DIFFERENCE: Final = f"""
with recursive judged as (delete from disclose_due where client_id = $1 and cause = 'facts'),
ending as materialized (
  select case when stop_reason is not null then frozen else end_of_care_at <= app_now() and freeze_at_end end as freezes,
    expiry = 'freeze' as keeps
  from client join organisation on organisation.id = client.org where client.id = $1),
compared as materialized (
  select ledger.id as ledger_id, coalesce(view.link_id, ledger.link_id) as link_id, coalesce(view.rkey, ledger.rkey) as rkey,
    coalesce(view.wanted, false) as wanted, view.projection, view.content_hash, view.version,
    found.code, view.grant_id, ledger.content_hash as due_hash, ledger.projection as due_projection, ledger.held_hash,
    ledger.held_projection, ledger.held_version, ledger.state, ledger.code as due_code, differs,
    case when withheld then view.code end as withheld
  from (
    select verdict.*, code = 'grant' and content_hash is not null as wanted,
      case when freezes and directory then 'resource-withdrawn' when freezes and otherwise <> 'grant' then otherwise else code end as reason,
      not directory and (freezes and otherwise = 'grant' or keeps and otherwise = 'grant-outside-period') as stays
    from disclosure_verdict verdict cross join ending where client_id = $1) view
  full join (select * from disclosure_ledger where client_id = $1 offset 0) ledger
    on ledger.link_id = view.link_id and ledger.rkey = view.rkey
  cross join lateral (select case
      when view.wanted then (ledger.content_hash, ledger.projection, ledger.held_hash)
        is distinct from (view.content_hash, view.projection, view.content_hash)
      else ledger.content_hash is not null or ledger.held_hash is not null end as differs,
    not view.wanted and not view.directory and view.code <> 'not-linked' as withheld,
    case when view.stays and ledger.held_hash is not null and view.at_most is distinct from 'whole'
      and view.at_most is distinct from coalesce(ledger.held_projection, 'whole') then 'level-too-low'
      else coalesce(view.reason, 'resource-withdrawn') end as code) found
  where differs or withheld),{{staying}},
withheld as materialized (
  select link_id, withheld as code, count(*)::integer as count from compared where withheld is not null group by link_id, withheld)
select ledger_id, portal_id, link_id, rkey, projection, content_hash, version, code, grant_id, epoch, action
from (
  select compared.ledger_id, link.portal_id, link.id as link_id, compared.rkey, stays.code, compared.grant_id, link.epoch,
    case when wanted then compared.projection end as projection, case when wanted then compared.content_hash end as content_hash,
    case when wanted then compared.version end as version,
    case
      when wanted then case
        when ledger_id is null then 'put'
        when due_hash = content_hash and due_projection = projection and outbox.id is not null then null
        when held_hash = content_hash and outbox.sent_at is null then 'keep'
        -- what was found there after a crash has no known projection: it may be the whole
        when held_hash is not null and coalesce(held_projection, 'whole') = 'whole' and projection <> 'whole' then 'narrow'
        else 'put' end
      when due_hash is null then case
        when frozen.yes then case when compared.state = 'delivered' and outbox.id is null and stays.code <> due_code then 'retain' end
        when (compared.state = 'delivered' or compared.state = 'cannot_retract' and portal.retraction <> 'cannot')
          and outbox.id is null then 'delete' end
      when held_hash is null and outbox.sent_at is null then 'drop'
      when frozen.yes and held_hash is not null then 'retain'
      when portal.retraction = 'cannot' then 'cannot'
      else 'delete'
    end as action
  from compared
  left join lateral (select id, sent_at from outbox where ledger_id = compared.ledger_id offset 0) outbox on true
  join link on link.id = compared.link_id and link.client_id = $1
  join portal on portal.id = link.portal_id
  cross join ending
  left join (select link_id, rkey, min(code) as code from staying group by link_id, rkey) staying
    on staying.link_id = compared.link_id and staying.rkey = compared.rkey
  cross join lateral (select coalesce(staying.code, compared.code) as code) stays
  cross join lateral (
    select link.state = 'active' and coalesce(
      freezes and stays.code = 'client-stop' or keeps and stays.code = 'grant-outside-period', false) as yes) frozen
  where compared.differs
) difference
where action is not null
union all
select null, null, link_id, null, null, null, count, code, null, null, 'withheld' from withheld
union all
select null, null, null, null, null, null, null, null, null, null, 'tell' from client
where id = $1 and withheld is distinct from (
  select coalesce(jsonb_object_agg(link_id, codes), '{{{{}}}}')
  from (select link_id, jsonb_object_agg(code, count) as codes from withheld group by link_id) told)
union all
select null, null, null, null, null, null, null, null, null, null, 'settle' from client
where id = $1 and (next_change_at is distinct from ({BOUNDARY}) or exists ({OUTDATED}))"""
DIFFER_UNDER_FREEZE: Final = DIFFERENCE.format(staying=STAYING)
# Without a freeze nothing of the directory stays, and looking for it costs each decision a tenth more. Its last row says that there is one.
DIFFER: Final = f"""{DIFFERENCE.format(staying=NONE_STAYING)}
union all
select null, null, null, null, null, null, null, null, null, null, 'freeze' from ending
where (freezes or keeps) and exists (select from compared where not wanted and held_hash is not null)"""
# Retractions first; what others refer to comes before them and goes after them.
# A row that waits is overwritten: its revision tells whoever is sending it.
WRITE: Final = """
with decision as materialized (
  select *, decode(hash, 'hex') as content_hash from jsonb_to_recordset($3) as decision (ledger_id bigint, portal_id integer,
    link_id bigint, rkey bigint, projection text, hash text, version integer, code text, grant_id bigint, epoch bigint, action text)),
new_lane as (
  insert into lane (org, portal_id, client_id)
  select distinct $2::smallint, portal_id, $1::bigint from decision where action in ('put', 'narrow', 'delete')
  on conflict (portal_id, client_id) do nothing returning id, portal_id),
new_row as (
  insert into disclosure_ledger (org, portal_id, client_id, link_id, rkey, projection, content_hash, version, code, grant_id, epoch,
    decided_at, state)
  select $2, portal_id, $1, link_id, rkey, projection, content_hash, version, code, grant_id, epoch, app_now(),
    'deliver_pending'
  from decision where ledger_id is null returning id, link_id, rkey),
changed_row as (
  update disclosure_ledger ledger
  set projection = decision.projection, content_hash = decision.content_hash, version = decision.version, code = decision.code,
    grant_id = decision.grant_id, epoch = decision.epoch, decided_at = app_now(), state = case decision.action
      when 'put' then 'deliver_pending' when 'narrow' then 'retract_pending' when 'delete' then 'retract_pending'
      when 'drop' then 'retracted' when 'cannot' then 'cannot_retract' else 'delivered' end
  from decision where ledger.id = decision.ledger_id and ledger.id = any (array(select ledger_id from decision where ledger_id is not null))),
no_work as (
  delete from outbox where ledger_id = any (array(
    select ledger_id from decision where action in ('keep', 'drop', 'retain', 'cannot')))),
work as (
  insert into outbox (org, lane_id, ledger_id, link_id, op, epoch, queued_at)
  select $2, coalesce((select id from new_lane where portal_id = decision.portal_id),
      (select id from lane where portal_id = decision.portal_id and client_id = $1)), coalesce(decision.ledger_id, new_row.id), decision.link_id,
    case decision.action when 'delete' then 'delete' else 'put' end, decision.epoch, app_now()
  from decision
  left join new_row on new_row.link_id = decision.link_id and new_row.rkey = decision.rkey
  cross join lateral (select client_id, rtype from resource where rkey = decision.rkey offset 0) resource
  where decision.action in ('delete', 'narrow', 'put')
  order by array_position(array['delete', 'narrow', 'put'], decision.action),
    (resource.client_id is null) = (decision.action = 'delete'), (resource.rtype = 'Patient') = (decision.action = 'delete'),
    (resource.rtype = 'RelatedPerson') = (decision.action = 'delete'), decision.rkey, decision.link_id
  on conflict (ledger_id) do update set op = excluded.op, revision = outbox.revision + 1, epoch = excluded.epoch,
    queued_at = excluded.queued_at, state = 'ready', attempt = 0, not_before = null, error_code = null, error_detail = null
  returning lane_id)
select array(select distinct lane_id from work order by lane_id) as lanes,
  exists (select from link join portal on portal.id = link.portal_id where link.client_id = $1 and portal.retraction = 'cannot')
    or exists (select from task where client_id = $1 and kind = 'cannot-retract' and closed_at is null) as staying"""
# What was told last of what is held back: the trail hears of it again when it is another number.
WITHHELD: Final = """
update client set withheld = %(counts)s from (select withheld from client where id = %(client)s) told
where client.id = %(client)s
returning array(select id from link where client_id = client.id and state = 'active' and told.withheld ? id::text order by id) as before"""
ACTIONS: Final = frozenset({"put", "narrow", "delete", "keep", "drop", "retain", "cannot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a decision set in motion: the lanes with new work, how many resources go out and how many are taken back.

    ``withheld``: by link, how many are held back for which reason; ``untold`` while the trail has other numbers. ``decisions``: the rows
    that differed, with portal_id, link_id, rkey and action. ``stop``: after a restart, what sharing stands still for all the same.
    """

    lanes: tuple[int, ...] = ()
    delivering: int = 0
    retracting: int = 0
    withheld: Mapping[int, Mapping[str, int]] = field(default_factory=dict, compare=False)
    untold: bool = field(default=False, compare=False)
    decisions: Sequence[Any] = field(default=(), compare=False)
    stop: str | None = None


def disclose_client(gateway: Gateway, org: int, client_id: int, first: Callable[[Connection], None] | None = None) -> int:
    """Bring the ledger of a client in line with the current view; return how many pieces of work that made.

    ``first`` is done before it, in the same transaction: nobody decides about the client in between.
    """
    with gateway.database.transaction(org, plan_once=True) as db:
        patient = lock_client(db, client_id)
        if patient is None:
            return 0
        if first is not None:
            first(db)
        (due,) = db.execute(TAKE_DUE, {"client": client_id}, prepare=True).fetchall()
        causes = set(due.causes)
        if "class-map" in causes:
            restamp_client(db, gateway, org, client_id)
        told = [] if due.rid is None else follow_stored(db, client_id, due)
        # The person's own record can come from the source later than the link, and be another after a correction.
        if (due.unrelated and relate(db, client_id)) or causes - {"store", "facts"}:
            careteam.rewrite(db, gateway, org, client_id, patient)
        change = disclose_locked(db, org, client_id)
        counts = {"delivering": change.delivering, "retracting": change.retracting}
        append(db, gateway.keys(org), org, [replace(event, detail={**event.detail, **counts}) for event in told])
        tell_withheld(db, gateway, org, client_id, change)
    crash_point("after-ledger-commit")
    for lane in change.lanes:
        gateway.hint("deliver_lane", org, lane)
    return change.delivering + change.retracting


def lock_client(db: Connection, client_id: int) -> str | None:
    """Keep every other decision about this client, and the receipts of its lanes, waiting until the commit; return its Patient's id."""
    row = db.execute(LOCK_CLIENT, (client_id,)).fetchone()
    return None if row is None else str(row.patient_rid)


def disclose_locked(db: Connection, org: int, client_id: int) -> Change:
    """Compare view and ledger and write what follows; the caller holds the client's lock."""
    # The statements are longer than those whose reading psycopg remembers.
    asked = RawCursor(db)
    rows = asked.execute(DIFFER, (client_id,), prepare=True).fetchall()
    if any(row.action == "freeze" for row in rows):
        rows = asked.execute(DIFFER_UNDER_FREEZE, (client_id,), prepare=True).fetchall()
    decisions = [row for row in rows if row.action in ACTIONS]
    change = _write(asked, org, client_id, decisions) if decisions else Change()
    if any(row.action == "settle" for row in rows):
        asked.execute(SETTLE, (client_id,), prepare=True)
    withheld: dict[int, dict[str, int]] = {}
    for row in rows:
        if row.action == "withheld":
            withheld.setdefault(row.link_id, {})[row.code] = row.version
    return replace(change, withheld=withheld, untold=any(row.action == "tell" for row in rows))


def tell_withheld(db: Connection, gateway: Gateway, org: int, client_id: int, change: Change) -> None:
    """Write to the trail how many items are held back from each member, by reason, when that is not what was told before."""
    if change.untold:
        counts = {str(link): dict(sorted(codes.items())) for link, codes in sorted(change.withheld.items())}
        (told,) = db.execute(WITHHELD, {"client": client_id, "counts": Jsonb(counts)}, prepare=True).fetchall()
        # Of whom nothing is held back any more, that is told as well: by no counts.
        empty: dict[int, Mapping[str, int]] = {link: {} for link in told.before}
        events = [
            AuditEvent(event="withheld", action="E", agent="gateway", client_id=client_id, link_id=link, detail=codes)
            for link, codes in {**empty, **change.withheld}.items()
        ]
        append(db, gateway.keys(org), org, events)


def due_clients(gateway: Gateway, org: int, limit: int) -> list[int]:
    """Return clients to look at again, whatever the cause; those due by time included."""
    with gateway.database.transaction(org) as db:
        clients_due_by_time(db)
        return [row.client_id for row in db.execute(DUE, (limit,))]


def due_now(gateway: Gateway, org: int, limit: int) -> list[int]:
    """Return clients to look at without waiting for a slot: rights, links, classes, stops, and moments that have passed."""
    with gateway.database.transaction(org) as db:
        clients_due_by_time(db)
        return [row.client_id for row in db.execute(DUE_NOW, (limit,))]


def clients_due_by_time(db: Connection) -> int:
    """Turn moments that have passed (a right begins or ends) into due clients; return how many."""
    return db.execute(DUE_BY_TIME).rowcount


def _write(asked: RawCursor[Any], org: int, client_id: int, decisions: Sequence[Any]) -> Change:
    """Make ledger and outbox rows of what differs."""
    actions = Counter(row.action for row in decisions)
    written = asked.execute(WRITE, (client_id, org, Jsonb([_plain(row) for row in decisions])), prepare=True).fetchone()
    if written is None:
        raise RuntimeError("the database did not say what was written")
    if written.staying:
        review_staying(asked.connection, client_id)
    retracting = actions["delete"] + actions["narrow"]
    return Change(lanes=tuple(written.lanes), delivering=actions["put"], retracting=retracting, decisions=decisions)


def _plain(row: Any) -> dict[str, Any]:
    fields: dict[str, Any] = row._asdict()
    digest = fields.pop("content_hash")
    return {**fields, "hash": None if digest is None else digest.hex()}
