"""The disclosure ledger: what each member should hold and does hold, and the work that follows from the difference.

One transaction per client, under a lock on the client's row: the current view is compared with the ledger in set-based SQL, and what differs
becomes ledger and outbox rows; retractions come before deliveries. Deciding twice the same writes nothing the second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from psycopg.types.json import Jsonb

from gateway import careteam
from gateway.audit import AuditEvent, append
from gateway.clients import keep_birth_date, relate
from gateway.crash import crash_point
from gateway.database import Connection
from gateway.retractions import review_staying
from gateway.runtime import Gateway
from gateway.store import restamp_client

# Planned once a session: these statements have one right plan (by index, from one client), and planning the view for each client costs
# more than asking it. Without sequential scans the plan made on a new, empty table is still the right one when it is full.
LOCK_CLIENT: Final = """
select patient_rid, set_config('plan_cache_mode', 'force_generic_plan', true) as mode, set_config('enable_seqscan', 'off', true) as seqscan
from client where id = %s for no key update"""
TAKE_DUE: Final = """
with taken as (delete from disclose_due where client_id = %(client)s returning cause)
select array(select cause from taken) as causes,
  exists (select from link where client_id = %(client)s and related_rid is null) as unrelated"""
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

STAGE: Final = """
create temp table if not exists staged_decision (ledger_id int8, portal_id int4, link_id int8, rkey int8, projection text,
  content_hash bytea, version int4, code text, grant_id int8, epoch int8, action text) on commit delete rows"""
CLEAR: Final = "delete from staged_decision"
FILL: Final = "copy staged_decision from stdin"

# What the difference means. A row that is due, not held and in no queue gets its work. 'frozen': what is there stays, nothing new goes;
# under a freeze that is what only the stop stands in the way of, and what refuses besides is the row's reason.
# What is as it should be is left out before anything else is asked.
DIFFER: Final = """
with judged as (delete from disclose_due where client_id = %(client)s and cause = 'facts'),
ending as materialized (
  select case when stop_reason is not null then frozen else end_of_care_at <= app_now() and freeze_at_end end as freezes,
    expiry = 'freeze' as keeps
  from client join organisation on organisation.id = client.org where client.id = %(client)s),
view as materialized (
  select verdict.*, code = 'grant' and content_hash is not null as wanted,
    case when freezes and otherwise <> 'grant' then otherwise else code end as reason
  from disclosure_verdict verdict cross join ending where client_id = %(client)s),
compared as materialized (
  select ledger.id as ledger_id, coalesce(view.link_id, ledger.link_id) as link_id, coalesce(view.rkey, ledger.rkey) as rkey,
    coalesce(view.wanted, false) as wanted, view.projection, view.content_hash, view.version,
    coalesce(view.reason, 'resource-withdrawn') as code, view.grant_id, ledger.content_hash as due_hash, ledger.projection as due_projection,
    ledger.held_hash, ledger.held_projection, ledger.state, ledger.code as due_code
  from view
  full join (select * from disclosure_ledger where client_id = %(client)s) ledger
    on ledger.link_id = view.link_id and ledger.rkey = view.rkey
  where case
    when view.wanted then (ledger.content_hash, ledger.projection, ledger.held_hash)
      is distinct from (view.content_hash, view.projection, view.content_hash)
    else ledger.content_hash is not null or ledger.held_hash is not null end)
select ledger_id, portal_id, link_id, rkey, projection, content_hash, version, code, grant_id, epoch, action
from (
  select compared.ledger_id, link.portal_id, link.id as link_id, compared.rkey, compared.code, compared.grant_id, link.epoch,
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
        when frozen.yes then case when compared.state = 'delivered' and outbox.id is null and compared.code <> due_code then 'retain' end
        when (compared.state = 'delivered' or compared.state = 'cannot_retract' and portal.retraction <> 'cannot')
          and outbox.id is null then 'delete' end
      when held_hash is null and outbox.sent_at is null then 'drop'
      when frozen.yes and held_hash is not null then 'retain'
      when portal.retraction = 'cannot' then 'cannot'
      else 'delete'
    end as action
  from compared
  left join lateral (select id, sent_at from outbox where ledger_id = compared.ledger_id offset 0) outbox on true
  join link on link.id = compared.link_id and link.client_id = %(client)s
  join portal on portal.id = link.portal_id
  cross join ending
  cross join lateral (
    select link.state = 'active' and coalesce(
      freezes and compared.code = 'client-stop' or keeps and compared.code = 'grant-outside-period', false) as yes) frozen
) difference
where action is not null
union all
select null, null, link_id, null, null, null, count(*)::integer, code, null, null, 'withheld' from view
where not wanted and not directory and code <> 'not-linked' group by link_id, code"""
NEW_LANES: Final = """
insert into lane (org, portal_id, client_id)
select distinct %(org)s::smallint, portal_id, %(client)s::bigint from staged_decision where action in ('put', 'narrow', 'delete')
on conflict (portal_id, client_id) do nothing"""
NEW_ROWS: Final = """
insert into disclosure_ledger (org, portal_id, client_id, link_id, rkey, projection, content_hash, version, code, grant_id, epoch,
  decided_at, state)
select %(org)s, portal_id, %(client)s, link_id, rkey, projection, content_hash, version, code, grant_id, epoch, app_now(),
  'deliver_pending'
from staged_decision where ledger_id is null"""
CHANGED_ROWS: Final = """
update disclosure_ledger ledger
set projection = decision.projection, content_hash = decision.content_hash, version = decision.version, code = decision.code,
  grant_id = decision.grant_id, epoch = decision.epoch, decided_at = app_now(), state = case decision.action
    when 'put' then 'deliver_pending' when 'narrow' then 'retract_pending' when 'delete' then 'retract_pending'
    when 'drop' then 'retracted' when 'cannot' then 'cannot_retract' else 'delivered' end
from staged_decision decision where ledger.id = decision.ledger_id and ledger.client_id = %(client)s"""
NO_WORK: Final = """
delete from outbox where ledger_id = any (array(
  select ledger_id from staged_decision where action in ('keep', 'drop', 'retain', 'cannot')))"""
# Retractions first; what others refer to comes before them and goes after them.
# A row that waits is overwritten: its revision tells whoever is sending it.
WORK: Final = """
insert into outbox (org, lane_id, ledger_id, link_id, op, epoch, queued_at)
select %(org)s, lane.id, ledger.id, decision.link_id, case decision.action when 'delete' then 'delete' else 'put' end, decision.epoch,
  app_now()
from staged_decision decision
cross join lateral (
  select id from disclosure_ledger where link_id = decision.link_id and rkey = decision.rkey offset 0) ledger
cross join lateral (select id from lane where portal_id = decision.portal_id and client_id = %(client)s offset 0) lane
cross join lateral (select client_id, rtype from resource where rkey = decision.rkey offset 0) resource
where decision.action in ('delete', 'narrow', 'put')
order by array_position(array['delete', 'narrow', 'put'], decision.action),
  (resource.client_id is null) = (decision.action = 'delete'), (resource.rtype = 'Patient') = (decision.action = 'delete'),
  (resource.rtype = 'RelatedPerson') = (decision.action = 'delete'), decision.rkey, decision.link_id
on conflict (ledger_id) do update set op = excluded.op, revision = outbox.revision + 1, epoch = excluded.epoch,
  queued_at = excluded.queued_at, state = 'ready', attempt = 0, not_before = null, error_code = null, error_detail = null"""
# Work that still holds was looked at again: it belongs to the new epoch. And the next moment at which time itself changes something:
# a period of the client's begins or ends, or a birthday changes who decides.
SETTLE: Final = """
with renewed as (
  update outbox set epoch = (select epoch from link where link.id = outbox.link_id)
  where outbox.id = any (array(
    select stale.id from link
    cross join lateral (select id from outbox where link_id = link.id and outbox.epoch <> link.epoch offset 0) stale
    where link.client_id = %(client)s)))
update client set next_change_at = boundary.at
from (
  select min(at) as at from (
    select unnest(array[valid_from, valid_to]) as at from trust_grant where client_id = %(client)s and superseded_at is null
    union all
    select unnest(array[valid_from, valid_to]) from exclusion where client_id = %(client)s and superseded_at is null
    union all
    select unnest(array[valid_from, valid_to]) from representation where client_id = %(client)s and superseded_at is null
    union all
    select unnest(array[valid_from, valid_to]) from external_consent where client_id = %(client)s and superseded_at is null
    union all
    select unnest(array[birthday(birth_date, 12), birthday(birth_date, 16), birthday(birth_date, 18), end_of_care_at])
      from client where id = %(client)s
  ) boundaries where at > app_now()) boundary
where client.id = %(client)s and client.next_change_at is distinct from boundary.at"""
LANES: Final = """
select distinct lane.id from staged_decision decision
join lane on lane.portal_id = decision.portal_id and lane.client_id = %(client)s
where decision.action in ('put', 'narrow', 'delete') order by lane.id"""


# What was told last of what is held back: the trail hears of it again when it is another number.
WITHHELD: Final = """
update client set withheld = %(counts)s where id = %(client)s and withheld is distinct from %(counts)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a decision set in motion: the lanes with new work, how many resources go out and how many are taken back.

    ``withheld``: by link, how many are held back for which reason.
    """

    lanes: tuple[int, ...] = ()
    delivering: int = 0
    retracting: int = 0
    withheld: Mapping[int, Mapping[str, int]] = field(default_factory=dict, compare=False)


def disclose_client(gateway: Gateway, org: int, client_id: int) -> int:
    """Bring the ledger of a client in line with the current view; return how many pieces of work that made."""
    with gateway.database.transaction(org) as db:
        patient = lock_client(db, client_id)
        if patient is None:
            return 0
        due = db.execute(TAKE_DUE, {"client": client_id}).fetchone()
        causes, unrelated = (set(due.causes), due.unrelated) if due else (set(), False)
        if "class-map" in causes:
            restamp_client(db, gateway, org, client_id)
        if causes & {"store", "birth-date"}:
            keep_birth_date(db, client_id)
        # The person's own record can come from the source later than the link.
        if (unrelated and relate(db, client_id)) or causes - {"store", "facts"}:
            careteam.rewrite(db, gateway, org, client_id, patient)
        change = disclose_locked(db, org, client_id)
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
    values = {"org": org, "client": client_id}
    rows = db.execute(DIFFER, values, prepare=True).fetchall()
    differing = [row for row in rows if row.action != "withheld"]
    change = _write(db, values, differing) if differing else Change()
    db.execute(SETTLE, values, prepare=True)
    withheld: dict[int, dict[str, int]] = {}
    for row in rows:
        if row.action == "withheld":
            withheld.setdefault(row.link_id, {})[row.code] = row.version
    return replace(change, withheld=withheld)


def tell_withheld(db: Connection, gateway: Gateway, org: int, client_id: int, change: Change) -> None:
    """Write to the trail how many items are held back from each member, by reason, when that is not what was told before."""
    counts = {str(link): dict(sorted(codes.items())) for link, codes in sorted(change.withheld.items())}
    if db.execute(WITHHELD, {"client": client_id, "counts": Jsonb(counts)}, prepare=True).rowcount:
        events = [
            AuditEvent(event="withheld", action="E", agent="gateway", client_id=client_id, link_id=link, detail=codes)
            for link, codes in change.withheld.items()
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


def _write(db: Connection, values: dict[str, int], differing: Sequence[Any]) -> Change:
    """Make ledger and outbox rows of what differs; ``staged_decision`` keeps it until the transaction ends."""
    db.execute(STAGE)
    db.execute(CLEAR)
    with db.cursor() as cursor, cursor.copy(FILL) as copy:
        for row in differing:
            copy.write_row(row)
    actions = Counter(row.action for row in differing)
    new, work = sum(row.ledger_id is None for row in differing), actions["put"] + actions["delete"] + actions["narrow"]
    needed = {NEW_LANES: work, NEW_ROWS: new, CHANGED_ROWS: len(differing) - new, NO_WORK: len(differing) - work, WORK: work}
    for statement, rows in needed.items():
        if rows:
            db.execute(statement, values, prepare=True)
    review_staying(db, values["client"])
    lanes = tuple(row.id for row in db.execute(LANES, values, prepare=True)) if work else ()
    return Change(lanes=lanes, delivering=actions["put"], retracting=actions["delete"] + actions["narrow"])
