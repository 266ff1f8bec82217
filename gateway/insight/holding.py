"""What a portal holds for a member, and why what isn't due to the member is still there: by the ledger now, by the trail on an earlier day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from gateway.disclosure.alike import bounds_of
from gateway.disclosure.decide import Policy, decide
from gateway.disclosure.reasons import Sentence
from gateway.freeze import FROZEN
from gateway.insight.moment import CLASS_NOW, CLASS_THEN, ITEM_NOW, ITEM_THEN, Member, Moment, Recorded, facts_of
from gateway.insight.words import day, items

# What a crash left in doubt counts as held until the portal was asked: a deletion that isn't confirmed, and what couldn't be taken back.
KEPT_NOW: Final = f"""
select link.id as link_id, ledger.rkey, outbox.queued_at as since, ledger.retracted_at as gone_at, false as untold,
  ledger.held_hash is not null or ledger.state = 'cannot_retract' or coalesce(outbox.op = 'delete', false) as held,
  case when outbox.op = 'delete' then 'retracting'
    when ledger.content_hash is not null then case when ledger.state = 'retract_pending' then 'narrowing' end
    when ledger.state = 'cannot_retract' then 'cannot-retract'
    when {FROZEN} then case
      when ledger.code = 'grant-outside-period' then 'frozen-expired' when client.stop_reason is null then 'frozen-end-of-care'
      when client.stop_reason = 'death' then 'frozen-death' else 'frozen-stop' end
    when portal.retraction = 'cannot' then 'cannot-retract'
    else 'undecided' end as why
from link join portal on portal.id = link.portal_id join client on client.id = link.client_id join organisation on organisation.id = link.org
cross join lateral (select * from disclosure_ledger where link_id = link.id offset 0) ledger
left join lateral (select op, queued_at from outbox where ledger_id = ledger.id offset 0) outbox on true
where link.client_id = %(client)s and link.id = any(%(links)s)
  and (ledger.held_hash is not null or ledger.retracted_at is not null or ledger.state = 'cannot_retract' or outbox.op = 'delete')"""
# 'untold': the ledger knows of a delivery, and the trail of none.
KEPT_THEN: Final = """
with told as (
  select link_id, rkey, (array_agg(event order by at desc, seq desc) filter (where at <= %(at)s))[1] as last,
    max(at) filter (where at <= %(at)s and event = 'retraction') as gone_at,
    min(at) filter (where at > %(at)s and event = 'retraction') as since, bool_or(event = 'delivery') as delivered
  from audit_event
  where client_id = %(client)s and event in ('delivery', 'retraction') and rkey is not null and link_id = any(%(links)s)
  group by link_id, rkey),
known as (
  select link_id, rkey from disclosure_ledger
  where client_id = %(client)s and link_id = any(%(links)s)
    and (held_hash is not null or delivered_at is not null or retracted_at is not null))
select coalesce(told.link_id, known.link_id) as link_id, coalesce(told.rkey, known.rkey) as rkey, told.since, told.gone_at,
  not coalesce(told.delivered, false) as untold, coalesce(told.last = 'delivery', false) as held, null as why
from told full join known on known.link_id = told.link_id and known.rkey = told.rkey"""
# What no rule tells apart is counted together (``disclosure.alike``): items by what is decided on, and by what is told of them.
COUNTED: Final = """
with kept as ({kept}),
counted as (
  select kept.link_id, kept.held, kept.why, kept.since is null as undated, coalesce(kept.rkey = %(asked)s, false) as asked,
    item.client_id is not null as owned, item.org, item.system, item.class_key, item.rtype, item.audience, item.labels, item.withdrawn,
    item.deleted, item.origin_portal, case when item.rid = any(%(own)s::text[]) then item.rid else '' end as rid,
    case when item.rkey = any(%(named)s::bigint[]) then item.rkey else 0 end as rkey,
    width_bucket(item.data_at, %(bounds)s::timestamptz[]) as period, min(item.data_at) as data_at, count(*) as number,
    min(kept.since) as since, count(kept.gone_at) as gone, max(kept.gone_at) as gone_at, count(*) filter (where kept.untold) as untold
  from kept left join lateral ({item}) item on true
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
select * from counted item {class_map}"""
# Each looked up by its own number, where its facts are wanted.
OF_KEPT: Final = "(select * from resource where rkey = kept.rkey and (kept.held or %(classes)s) offset 0) resource"
HELD_NOW: Final = COUNTED.format(kept=KEPT_NOW, item=ITEM_NOW.format(source=OF_KEPT), class_map=CLASS_NOW)
HELD_THEN: Final = COUNTED.format(kept=KEPT_THEN, item=ITEM_THEN.format(source=OF_KEPT), class_map=CLASS_THEN)

# Why an item that isn't due is there, in the order in which it is told; since when where that is known.
FREEZE_NL, FREEZE_EN = "wat er stond, blijft daar staan", "what was there stays there"
WHY: Final[dict[str, Sentence]] = {
    "cannot-retract": Sentence(
        nl="dit portaal kan niets terugnemen, het blijft daar staan", en="this portal can't take anything back, it stays there"
    ),
    "frozen-death": Sentence(nl=f"bevroren bij het overlijden, {FREEZE_NL}", en=f"frozen at the client's death, {FREEZE_EN}"),
    "frozen-stop": Sentence(
        nl=f"bevroren toen het delen werd stopgezet, {FREEZE_NL}", en=f"frozen when sharing was stopped, {FREEZE_EN}"
    ),
    "frozen-end-of-care": Sentence(
        nl=f"bevroren aan het einde van de zorg, {FREEZE_NL}", en=f"frozen at the end of care, {FREEZE_EN}"
    ),
    "frozen-expired": Sentence(
        nl=f"bevroren toen de toestemming afliep, {FREEZE_NL}", en=f"frozen when the permission expired, {FREEZE_EN}"
    ),
    "retracting": Sentence(nl="wordt nu teruggehaald, sinds {}", en="being taken back now, since {}"),
    "narrowing": Sentence(nl="wordt nu ingeperkt tot een deel, sinds {}", en="being cut down to a part now, since {}"),
    "undecided": Sentence(
        nl="hierover moet de gateway nog opnieuw beslissen", en="the gateway has yet to decide about this anew"
    ),
    "retracted-later": Sentence(nl="daarna teruggehaald, op {}", en="taken back after that, on {}"),
    "not-kept": Sentence(nl="waarom dat er toen nog stond, is niet bewaard", en="why that was still there then was not kept"),
}


class Kept(NamedTuple):
    """Items of one member of which the same is told: ``held`` at the portal, and ``why`` if they aren't due.

    ``gone`` were taken back, the last at ``gone_at``, and gone when read back. ``asked``: it is the one that was asked about.
    """

    held: bool
    why: str | None
    asked: bool
    class_: str | None
    number: int
    since: datetime | None
    gone: int
    gone_at: datetime | None
    untold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """How many items are at a portal that aren't due there, and why (a key of ``WHY``); ``since``: the oldest of them."""

    why: str
    count: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How many items a portal holds, which of them aren't due any more, and how many were taken back and gone when read back.

    ``untold``: for an earlier day, of how many items the trail doesn't tell whether they were there.
    """

    held: int
    staying: tuple[Staying, ...] = ()
    gone: int = 0
    gone_at: datetime | None = None
    untold: int = 0
    nl: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is known of what portals hold of one client, by member."""

    kept: Mapping[int, Sequence[Kept]]
    past: bool

    def of(self, link_id: int, *, class_: str | None = None) -> Holding:
        """Return it for one member: of a class, or of all."""
        kept = self.kept.get(link_id, ())
        return _holding([one for one in kept if class_ in (None, one.class_)], whole=class_ is None, past=self.past)

    def of_asked(self, link_id: int) -> Holding:
        """Return it for one member: of the item that was asked about."""
        return _holding([one for one in self.kept.get(link_id, ()) if one.asked], whole=False, past=self.past)


def holdings(
    moment: Moment, members: list[Member], recorded: Recorded, *, asked: int | None = None, classes: bool = True
) -> Holdings | None:
    """Return what portals hold for these members of one client; nothing for a moment to come, of which nobody can tell.

    ``asked`` is the number of an item that is told of by itself. Without ``classes``, not all that is gone is told by class.
    """
    if moment.ahead or not members:
        return None
    policy = recorded.policy
    values = {
        "client": members[0].client_id,
        "links": [member.link_id for member in members],
        "at": moment.at,
        "asked": asked,
        "classes": classes,
        "named": [*(one.rkey for one in policy.exclusions), *(one.rkey for one in policy.external)],
        "own": [member.subscriber.related_rid for member in members],
        "bounds": bounds_of(policy.grants),
    }
    rows: dict[int, list[Any]] = defaultdict(list)
    for row in moment.db.execute(HELD_THEN if moment.past else HELD_NOW, values):
        rows[row.link_id].append(row)
    kept = {member.link_id: list(_with_reasons(rows[member.link_id], member, moment, recorded)) for member in members}
    return Holdings(kept=kept, past=moment.past)


def _with_reasons(rows: list[Any], member: Member, moment: Moment, recorded: Recorded) -> Iterator[Kept]:
    """Yield the items with why those that the member may not see are there all the same, where the ledger doesn't say so itself."""
    sees = _seen(rows, member, recorded.policy, moment.at)
    unstopped = _seen(rows, member, replace(recorded.policy, stopped=False), moment.at) if recorded.frozen else frozenset()
    for place, row in enumerate(rows):
        why = row.why
        if row.held and why is None and place not in sees:
            why = _why_then(row, member, recorded, frozen=place in unstopped) if moment.past else "undecided"
        yield Kept(row.held, why, row.asked, row.class_, row.number, row.since, row.gone, row.gone_at, row.untold)


def _why_then(row: Any, member: Member, recorded: Recorded, *, frozen: bool) -> str:
    """Tell why an item that wasn't due was there; what a portal can't has no past: it is taken as it is now."""
    if frozen:
        return "frozen-death" if recorded.stop == "death" else "frozen-stop"
    if member.retraction == "cannot":
        return "cannot-retract"
    return "not-kept" if row.undated else "retracted-later"


def _seen(rows: list[Any], member: Member, policy: Policy, at: datetime) -> frozenset[int]:
    """Return the places of what the member may see of what is held; what is in nobody's dossier goes with the first of it."""
    there = [(place, row) for place, row in enumerate(rows) if row.held and row.rtype is not None]
    seen = {place for place, row in there if row.owned and decide(facts_of(row), member.subscriber, policy, at).permitted}
    return frozenset({*seen, *(place for place, row in there if seen and not row.owned)})


def _holding(kept: Collection[Kept], *, whole: bool, past: bool) -> Holding:
    gone = [one for one in kept if not one.held and one.gone_at is not None]
    found = Holding(
        held=sum(one.number for one in kept if one.held),
        staying=tuple(_staying(kept)),
        gone=sum(one.gone for one in gone),
        gone_at=max((one.gone_at for one in gone if one.gone_at is not None), default=None),
        untold=sum(one.untold for one in kept),
    )
    sentences = list(_sentences(found, whole=whole, past=past))
    return replace(found, nl=" ".join(one.nl for one in sentences), en=" ".join(one.en for one in sentences))


def _staying(kept: Iterable[Kept]) -> Iterator[Staying]:
    reasons: dict[str, list[Kept]] = defaultdict(list)
    for one in kept:
        if one.held and one.why is not None:
            reasons[one.why].append(one)
    for why, sentence in WHY.items():
        if why in reasons:
            dated = [one.since for one in reasons[why] if one.since is not None and "{}" in sentence.nl]
            yield Staying(why=why, count=sum(one.number for one in reasons[why]), since=min(dated, default=None))


def _sentences(found: Holding, *, whole: bool, past: bool) -> Iterator[Sentence]:
    """Say how many, why those that aren't due are there, what was taken back, and of what nothing can be told."""
    count = items(found.held) if found.held else Sentence(nl="niets", en="nothing")
    of = (
        Sentence(nl="in totaal voor deze persoon", en="for this person in all") if whole else Sentence(nl="hiervan", en="of this")
    )
    if found.held or not found.untold:
        verb = Sentence(nl="had toen", en="then held") if past else Sentence(nl="heeft", en="holds")
        yield Sentence(nl=f"Het portaal {verb.nl} {of.nl} {count.nl}.", en=f"The portal {verb.en} {count.en} {of.en}.")
    for one in found.staying:
        number, why, since = items(one.count), WHY[one.why], day(one.since) if one.since else Sentence(nl="", en="")
        yield Sentence(
            nl=f"Daarvan {number.nl}: {why.nl.format(since.nl)}.", en=f"Of these {number.en}: {why.en.format(since.en)}."
        )
    if found.gone_at is not None:
        number, last = items(found.gone), day(found.gone_at)
        yield Sentence(
            nl=f"Teruggehaald, en bij teruglezen weg: {number.nl}, het laatst op {last.nl}.",
            en=f"Taken back, and gone when read back: {number.en}, the last on {last.en}.",
        )
    if found.untold:
        number = items(found.untold)
        yield Sentence(
            nl=f"Van {number.nl} is niet te zeggen of het portaal dat toen had: het auditspoor vertelt er niets over.",
            en=f"Of {number.en} it can't be told whether the portal held it then: the audit trail tells nothing of it.",
        )
