"""What a portal holds for a member, and why what isn't due to the member is still there: by the ledger now, by the trail on an earlier day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from gateway.disclosure.decide import Policy, decide
from gateway.disclosure.reasons import Sentence
from gateway.freeze import FROZEN
from gateway.insight.moment import Item, Member, Moment, Recorded
from gateway.insight.words import day, items

# What a crash left in doubt counts as held until the portal was asked: a deletion that isn't confirmed, and what couldn't be taken back.
HELD_NOW: Final = f"""
select ledger.link_id, ledger.rkey, outbox.queued_at as since, ledger.retracted_at as gone_at, false as untold,
  ledger.held_hash is not null or ledger.state = 'cannot_retract' or coalesce(outbox.op = 'delete', false) as held,
  case when outbox.op = 'delete' then 'retracting'
    when ledger.content_hash is not null then case when ledger.state = 'retract_pending' then 'narrowing' end
    when ledger.state = 'cannot_retract' then 'cannot-retract'
    when {FROZEN} then case
      when ledger.code = 'grant-outside-period' then 'frozen-expired' when client.stop_reason is null then 'frozen-end-of-care'
      when client.stop_reason = 'death' then 'frozen-death' else 'frozen-stop' end
    when portal.retraction = 'cannot' then 'cannot-retract'
    else 'undecided' end as why
from disclosure_ledger ledger join link on link.id = ledger.link_id join portal on portal.id = ledger.portal_id
join client on client.id = ledger.client_id join organisation on organisation.id = ledger.org
left join outbox on outbox.ledger_id = ledger.id
where ledger.client_id = %(client)s and ledger.link_id = any(%(links)s)
  and (ledger.held_hash is not null or ledger.retracted_at is not null or ledger.state = 'cannot_retract' or outbox.op = 'delete')"""
# 'untold': the ledger knows of a delivery, and the trail of none.
HELD_THEN: Final = """
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
    """One item of one member: ``held`` at the portal, ``why`` if it isn't due, or taken back at ``gone_at`` and gone when read back."""

    link_id: int
    rkey: int
    since: datetime | None
    gone_at: datetime | None
    untold: bool
    held: bool
    why: str | None


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
    """What is known of what portals hold of one client, item by item; ``class_of`` has the class of each item."""

    kept: dict[int, list[Kept]]
    class_of: dict[int, str | None]
    past: bool

    def of(self, link_id: int, keys: Collection[int] | None = None, class_: str | None = None) -> Holding:
        """Return it for one member: of these items, of a class, or of all."""
        rows = [
            row
            for row in self.kept.get(link_id, [])
            if (keys is None or row.rkey in keys) and (class_ is None or self.class_of.get(row.rkey) == class_)
        ]
        return _holding(rows, whole=keys is None and class_ is None, past=self.past)


def holdings(moment: Moment, members: list[Member], recorded: Recorded) -> Holdings | None:
    """Return what portals hold for these members of one client; nothing for a moment to come, of which nobody can tell."""
    if moment.ahead or not members:
        return None
    values = {"client": members[0].client_id, "links": [member.link_id for member in members], "at": moment.at}
    kept: dict[int, list[Kept]] = defaultdict(list)
    for row in moment.db.execute(HELD_THEN if moment.past else HELD_NOW, values):
        kept[row.link_id].append(Kept(**row._asdict()))
    of_then = {item.facts.rkey: item for item in moment.items_of(sorted({row.rkey for rows in kept.values() for row in rows}))}
    for member in members:
        rows = kept[member.link_id]
        own = [of_then[row.rkey] for row in rows if row.held and row.rkey in of_then]
        kept[member.link_id] = list(_with_reasons(rows, own, member, moment, recorded))
    return Holdings(
        kept=dict(kept),
        class_of={rkey: item.facts.rule and item.facts.rule.class_ for rkey, item in of_then.items()},
        past=moment.past,
    )


def _with_reasons(rows: list[Kept], own: list[Item], member: Member, moment: Moment, recorded: Recorded) -> Iterator[Kept]:
    """Yield the items with why those that the member may not see are there all the same, where the ledger doesn't say so itself."""
    sees = _seen(own, member, recorded.policy, moment.at)
    unstopped = _seen(own, member, replace(recorded.policy, stopped=False), moment.at) if recorded.frozen else frozenset()
    for row in rows:
        if not row.held or row.why is not None or row.rkey in sees:
            yield row
        elif moment.past:
            yield row._replace(why=_why_then(row, member, recorded, frozen=row.rkey in unstopped))
        else:
            yield row._replace(why="undecided")


def _why_then(row: Kept, member: Member, recorded: Recorded, *, frozen: bool) -> str:
    """Tell why an item that wasn't due was there; what a portal can't has no past: it is taken as it is now."""
    if frozen:
        return "frozen-death" if recorded.stop == "death" else "frozen-stop"
    if member.retraction == "cannot":
        return "cannot-retract"
    return "not-kept" if row.since is None else "retracted-later"


def _seen(own: list[Item], member: Member, policy: Policy, at: datetime) -> frozenset[int]:
    """Return which items the member may see; what is in nobody's dossier goes with the first of them."""
    seen = {
        item.facts.rkey
        for item in own
        if item.client_id is not None and decide(item.facts, member.subscriber, policy, at).permitted
    }
    return frozenset({*seen, *(item.facts.rkey for item in own if seen and item.client_id is None)})


def _holding(rows: list[Kept], *, whole: bool, past: bool) -> Holding:
    gone = [row.gone_at for row in rows if not row.held and row.gone_at is not None]
    found = Holding(
        held=sum(row.held for row in rows),
        staying=tuple(_staying(rows)),
        gone=len(gone),
        gone_at=max(gone, default=None),
        untold=sum(row.untold for row in rows),
    )
    sentences = list(_sentences(found, whole=whole, past=past))
    return replace(found, nl=" ".join(one.nl for one in sentences), en=" ".join(one.en for one in sentences))


def _staying(rows: Iterable[Kept]) -> Iterator[Staying]:
    reasons: dict[str, list[Kept]] = defaultdict(list)
    for row in rows:
        if row.held and row.why is not None:
            reasons[row.why].append(row)
    for why, sentence in WHY.items():
        if why in reasons:
            dated = [row.since for row in reasons[why] if row.since is not None and "{}" in sentence.nl]
            yield Staying(why=why, count=len(reasons[why]), since=min(dated, default=None))


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
