"""What a change of rights would do, told before it is saved: the real change is carried out, its effect counted, and everything undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from gateway import careteam, consent
from gateway.clients import find_client
from gateway.database import Connection
from gateway.disclosure.decide import Level
from gateway.disclosure.reasons import Sentence
from gateway.insight.words import UNMAPPED, items, listed
from gateway.ledger import Change, disclose_locked, lock_client
from gateway.runtime import Gateway
from gateway.together import rehearsal

EFFECTS: Final = f"""
select portal.code as portal, portal.retraction, person.code as person, coalesce(class_map.class, '{UNMAPPED}') as class_, action, count(*) as n
from unnest(%(links)s::bigint[], %(rkeys)s::bigint[], %(actions)s::text[]) as decision (link_id, rkey, action)
join link on link.id = decision.link_id
join portal on portal.id = link.portal_id
join person on person.id = link.person_id
join resource on resource.rkey = decision.rkey
left join class_map on class_map.org = resource.org and class_map.system = resource.system and class_map.class_key = resource.class_key
group by 1, 2, 3, 4, 5 order by 1, 3, 4, 5"""
MOVE_TIME: Final = "select set_config('app.at', %s, true)"
# As if every portal took all that waits; what was set aside there stays set aside.
ARRIVE: Final = """
with arrived as (
  delete from outbox using disclosure_ledger ledger
  where ledger.client_id = %s and outbox.ledger_id = ledger.id and outbox.state <> 'parked' returning outbox.ledger_id)
update disclosure_ledger set held_hash = content_hash, held_projection = projection, held_version = version,
  state = case when content_hash is null then 'retracted' else 'delivered' end
where id = any (array(select ledger_id from arrived))"""
# What the ledger's actions mean to somebody who decides. 'keep' is none: what is there stays as it is.
MEANING: Final = {
    "put": "delivering",
    "delete": "retracting",
    "narrow": "narrowing",
    "drop": "cancelling",
    "cannot": "staying",
    "retain": "staying",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many items go out (new or fuller), are taken back, are cut down to a part, aren't sent after all, or stay though they shouldn't."""

    delivering: int = 0
    retracting: int = 0
    narrowing: int = 0
    cancelling: int = 0
    staying: int = 0

    def __add__(self, other: Self) -> Counts:
        return Counts(
            delivering=self.delivering + other.delivering,
            retracting=self.retracting + other.retracting,
            narrowing=self.narrowing + other.narrowing,
            cancelling=self.cancelling + other.cancelling,
            staying=self.staying + other.staying,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What would happen to one class of one person's items at one portal; ``retraction`` is how that portal takes things back."""

    portal: str
    retraction: str
    person: str
    class_: str
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something to know before saving; ``code`` is cannot-retract, cannot-retract-later or read-stays-read."""

    code: str
    nl: str
    en: str
    portal: str | None = None
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What happens when what was simulated comes to its end: all that waits was delivered by then, and nothing else changed."""

    at: datetime
    effects: tuple[Effect, ...]
    nl: str
    en: str

    @property
    def total(self) -> Counts:
        """Everything together."""
        return _sum(self.effects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """The answer, in numbers and in both languages; nothing was saved. ``nl`` and ``en`` tell of ``person``, then of everybody else.

    ``at``: the moment to come at which it happens; without it, when it is saved. ``end``: what its end brings, if it has one.
    """

    person: str | None
    effects: tuple[Effect, ...]
    warnings: tuple[Warned, ...]
    nl: str
    en: str
    at: datetime | None = None
    end: End | None = None

    @property
    def total(self) -> Counts:
        """Everything together."""
        return _sum(self.effects)

    @property
    def classes(self) -> dict[str, Counts]:
        """The counts of each class, everybody together."""
        return _by(self.effects, lambda effect: effect.class_)

    @property
    def portals(self) -> dict[str, Counts]:
        """The counts of each portal."""
        return _by(self.effects, lambda effect: effect.portal)


def simulate(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    person: str,
    level: Level | str,
    classes: Sequence[str] | None = None,
    status: str = "active",
    **rest: Any,
) -> Simulation:
    """Tell what giving a person this level would do; ``rest`` is anything else that ``consent.set_grant`` takes.

    Raises:
        NotFound, Rejected: as ``consent.set_grant``.
    """
    given = {"client": client, "person": person, "level": level, "classes": classes, "status": status, **rest}
    return simulate_change(
        gateway,
        org,
        lambda rehearsed: consent.set_grant(rehearsed, org, **given),
        client=client,
        person=person,
        at=rest.get("valid_from"),
        ends=rest.get("valid_to"),
    )


def simulate_withdrawal(gateway: Gateway, org: int, *, client: str | int, person: str | None = None) -> Simulation:
    """Tell what taking everything from a person, or from everybody, would do.

    Raises:
        NotFound: there is no such client or person.
    """
    return simulate_change(
        gateway,
        org,
        lambda rehearsed: consent.withdraw(rehearsed, org, client=client, person=person),
        client=client,
        person=person,
    )


def simulate_exclusion(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    person: str | None = None,
    class_: str | None = None,
    resource: str | None = None,
) -> Simulation:
    """Tell what forbidding this would do, as ``consent.exclude`` takes it.

    Raises:
        NotFound: there is no such client, person or resource.
    """
    given: dict[str, Any] = {"client": client, "person": person, "class_": class_, "resource": resource}

    def change(rehearsed: Gateway) -> object:
        return consent.exclude(rehearsed, org, reason_code="other", set_by="simulation", **given)

    return simulate_change(gateway, org, change, client=client, person=person)


def simulate_stop(gateway: Gateway, org: int, *, client: str | int, freeze: bool) -> Simulation:
    """Tell what stopping to share a client's data would do, with what is at the portals kept there (``freeze``) or taken back."""
    return simulate_change(
        gateway, org, lambda rehearsed: consent.stop(rehearsed, org, client=client, reason="other", freeze=freeze), client=client
    )


def simulate_letter(
    gateway: Gateway, org: int, portal: str, client: str | int, person: str, level: Level | str, classes: Sequence[str] | None
) -> Simulation:
    """Tell what using a letter's code would do, were it used now.

    Raises:
        NotFound: there is no such client or portal.
    """

    def change(rehearsed: Gateway) -> object:
        consent.link(rehearsed, org, portal=portal, client=client, person=person)
        return consent.set_grant(rehearsed, org, client=client, person=person, level=level, classes=classes)

    return simulate_change(gateway, org, change, client=client, person=person)


def simulate_change(
    gateway: Gateway,
    org: int,
    change: Callable[[Gateway], object],
    *,
    client: str | int,
    person: str | None = None,
    at: datetime | None = None,
    ends: datetime | None = None,
) -> Simulation:
    """Carry out one change of a client's rights, tell what it did, and undo it. ``person`` is whom the sentences are about.

    A change takes effect once: of a function that makes several, what the last one did is told. With ``at``, a moment to come, what
    happens at that moment is told, and not when the change is saved: as if nothing else changed until then. With ``ends``, what
    happens when it ends is told besides: as if all that waits were delivered first.

    Raises:
        NotFound, Rejected: as the change.
    """
    later = at if at is not None and at > gateway.clock() else None
    made: list[Change] = []
    with rehearsal(gateway, org) as (rehearsed, db):
        change(replace(rehearsed, decided=made.append))
        last = made[-1] if made else Change()
        whose = find_client(db, gateway.keys(org).ids(), client)
        if made and later is not None:
            last = _what_happens(db, rehearsed, org, whose, later)
        effects = tuple(effects_of(db, last.decisions))
        end = None if ends is None else _end(db, rehearsed, org, whose, ends, person)
    told = _told(effects, person)
    return Simulation(
        person=person, effects=effects, warnings=tuple(_warnings(effects)), nl=told.nl, en=told.en, at=later, end=end
    )


def _end(db: Connection, gateway: Gateway, org: int, client: int, at: datetime, person: str | None) -> End:
    effects = tuple(effects_of(db, _what_happens(db, gateway, org, client, at, arriving=True).decisions))
    told = _told(effects, person)
    return End(at=at, effects=effects, nl=told.nl, en=told.en)


def _what_happens(db: Connection, gateway: Gateway, org: int, client: int, at: datetime, *, arriving: bool = False) -> Change:
    """Return what one moment sets in motion: all that time brings before it is seen to first (``arriving``: and delivered)."""
    change = Change()
    patient = lock_client(db, client) or ""
    for moment in (at - timedelta(microseconds=1), at):
        if arriving:
            db.execute(ARRIVE, (client,))
        db.execute(MOVE_TIME, (moment.isoformat(),))
        careteam.rewrite(db, gateway, org, client, patient)
        change = disclose_locked(db, org, client)
    return change


def effects_of(db: Connection, decisions: Sequence[Any]) -> Iterator[Effect]:
    """Count what a comparison of the ledger's found (``Change.decisions``)."""
    found: dict[tuple[str, str, str, str], Counts] = defaultdict(Counts)
    columns = {"links": "link_id", "rkeys": "rkey", "actions": "action"}
    for row in db.execute(EFFECTS, {name: [getattr(one, column) for one in decisions] for name, column in columns.items()}):
        if row.action in MEANING:
            found[row.portal, row.retraction, row.person, row.class_] += Counts(**{MEANING[row.action]: row.n})
    for (portal, retraction, person, class_), counts in found.items():
        yield Effect(portal=portal, retraction=retraction, person=person, class_=class_, counts=counts)


def _by(effects: Iterable[Effect], key: Callable[[Effect], str]) -> dict[str, Counts]:
    found: dict[str, Counts] = defaultdict(Counts)
    for effect in effects:
        found[key(effect)] += effect.counts
    return dict(found)


def _sum(effects: Iterable[Effect]) -> Counts:
    return sum((effect.counts for effect in effects), Counts())


def _told(effects: Sequence[Effect], person: str | None) -> Sentence:
    """Tell what the person gains and loses, and then whether anybody else does."""
    if person is None:
        return _gains(effects, Sentence(nl="voor iedereen samen", en="for everybody together"))
    own = [effect for effect in effects if effect.person == person]
    first = _gains(own, Sentence(nl="voor deze persoon", en="for this person"))
    others = [effect for effect in effects if effect.person != person]
    if not others:
        return first
    then = _gains(others, Sentence(nl="voor anderen", en="for others"))
    return Sentence(nl=f"{first.nl} {then.nl}", en=f"{first.en} {then.en}")


def _gains(effects: Sequence[Effect], whom: Sentence) -> Sentence:
    total, classes = _sum(effects), _by(effects, lambda effect: effect.class_)
    out, more = items(total.delivering), listed({name: one.delivering for name, one in classes.items()})
    back = listed({name: one.retracting for name, one in classes.items()})
    nl = f"+{out.nl} {whom.nl}{more.nl}, {total.retracting} ingetrokken{back.nl}"
    en = f"+{out.en} {whom.en}{more.en}, {total.retracting} taken back{back.en}"
    if total.narrowing:
        nl, en = f"{nl}, {total.narrowing} ingeperkt", f"{en}, {total.narrowing} cut down to a part"
    if total.cancelling:
        nl, en = f"{nl}, {total.cancelling} niet meer verstuurd", f"{en}, {total.cancelling} not sent after all"
    if total.staying:
        nl, en = f"{nl}, {total.staying} blijven staan", f"{en}, {total.staying} staying there"
    return Sentence(nl=f"{nl}.", en=f"{en}.")


def _warnings(effects: Sequence[Effect]) -> Iterator[Warned]:
    """Say what can't be undone: what a portal can't take back, now or later, and that what was read can't be unread."""
    cannot = [effect for effect in effects if effect.retraction == "cannot"]
    for portal, counts in _by(cannot, lambda effect: effect.portal).items():
        stays = counts.staying + counts.narrowing
        if stays:
            yield _cannot(portal, stays)
        if counts.delivering:
            yield _cannot_later(portal, counts.delivering)
    total = _sum(effects)
    if total.retracting or total.narrowing or total.staying:
        yield Warned(
            code="read-stays-read",
            nl="Wat al gelezen is, kan niet ongelezen worden gemaakt.",
            en="What was read already can't be unread.",
        )


def _cannot(portal: str, count: int) -> Warned:
    told = items(count)
    return Warned(
        code="cannot-retract",
        portal=portal,
        count=count,
        nl=f"Het portaal {portal} kan niets terugnemen: {told.nl} {'blijft' if count == 1 else 'blijven'} daar staan.",
        en=f"The portal {portal} can't take anything back: {told.en} {'stays' if count == 1 else 'stay'} there.",
    )


def _cannot_later(portal: str, count: int) -> Warned:
    told = items(count)
    return Warned(
        code="cannot-retract-later",
        portal=portal,
        count=count,
        nl=f"Het portaal {portal} kan later niets terugnemen: {told.nl} {'gaat' if count == 1 else 'gaan'} daar voorgoed heen.",
        en=f"The portal {portal} can take nothing back later: {told.en} {'goes' if count == 1 else 'go'} there for good.",
    )
