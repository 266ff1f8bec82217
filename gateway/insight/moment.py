"""What was recorded of a client at a moment: links, rights and the class map as they stood then, and each resource in its version of then.

Rights are bitemporal: what counts is what was recorded by that moment and not yet superseded; whether it then held is for ``decide``. What
has no past: how a portal signs people in and takes back, what the organisation asks of that, and a client's dates of birth and of the end of
care.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.database import Connection
from gateway.disclosure.decide import ClassRule, Exclusion, ExternalConsent, Facts, Grant, Policy, Representation, Subscriber

# The state of a link before there was one.
NOT_YET: Final = "not-yet"
LINKS: Final = f"""
select link.id, link.client_id, link.person_id, link.member::text as member, link.related_rid, person.code as person,
  portal.code as portal, case when portal.step_up then portal.acr else 1 end as acr, portal.settings ->> 'origin' as origin,
  portal.audiences, portal.retraction, link.linked_at, organisation.dossier_acr, organisation.step_up_minutes,
  coalesce(past.state, '{NOT_YET}') as state
from link join portal on portal.id = link.portal_id join person on person.id = link.person_id
join organisation on organisation.id = link.org
left join lateral (
  select state from link_state where link_id = link.id and since <= %(at)s order by since desc, seq desc limit 1) past on true"""
LINK_OF_MEMBER: Final = f"{LINKS} where link.member = %(member)s"
LINKS_OF_CLIENT: Final = f"{LINKS} where link.client_id = %(client)s order by portal.code, link.linked_at, link.id"
RECORDED: Final = """
client_id = client.id and recorded_at <= %(at)s and (superseded_at is null or superseded_at > %(at)s) order by id"""
GRANTS: Final = f"""
select id, person_id as person, level, valid_from, valid_to, status, classes, data_from, data_to, basis, parental, confirmed_at
from trust_grant where {RECORDED}"""
EXCLUSIONS: Final = f"""
select id, valid_from, valid_to, person_id as person, class as class_, rkey from exclusion where {RECORDED}"""
REPRESENTATIONS: Final = f"""
select person_id as person, kind, scope, valid_from, valid_to from representation where {RECORDED}"""
EXTERNAL: Final = f"""
select id, decision, valid_from, valid_to, person_id as person, category, purpose, class as class_, rkey
from external_consent where {RECORDED}"""
# One statement and one row: each that is sent costs more than what it finds.
POLICY: Final = f"""
select client.birth_date, client.end_of_care_at, past.reason, past.frozen,
  array(select row_to_json(one) from ({GRANTS}) one) as grants, array(select row_to_json(one) from ({EXCLUSIONS}) one) as exclusions,
  array(select row_to_json(one) from ({REPRESENTATIONS}) one) as representations,
  array(select row_to_json(one) from ({EXTERNAL}) one) as external
from client left join lateral (
  select reason, frozen from client_stop where client_id = client.id and since <= %(at)s order by since desc, seq desc limit 1) past on true
where client.id = %(client)s"""
MOMENTS: Final = ("valid_from", "valid_to", "data_from", "data_to", "confirmed_at")

ITEM: Final = (
    "resource.org, resource.rkey, resource.rtype, resource.rid, resource.client_id, resource.system, resource.origin_portal"
)
ITEM_NOW: Final = f"""
select {ITEM}, resource.version, resource.deleted, resource.class_key, resource.audience, resource.labels, resource.data_at,
  resource.withdrawn, true as kept
from {{source}}"""
# Versions of before these columns were kept have none: the facts of today stand in for them.
ITEM_THEN: Final = f"""
select {ITEM}, past.version, past.op = 'delete' as deleted, coalesce(past.class_key, resource.class_key) as class_key,
  case when past.class_key is null then resource.audience else past.audience end as audience,
  coalesce(past.labels, resource.labels) as labels,
  case when past.class_key is null then resource.data_at else past.data_at end as data_at,
  coalesce(past.withdrawn, resource.withdrawn) as withdrawn, past.class_key is not null as kept
from {{source}} join lateral (
  select * from resource_history where rkey = resource.rkey and last_updated <= %(at)s order by version desc limit 1) past on true"""
# What the class map says of an ``item``.
CLASS_NOW: Final = """
left join lateral (
  select class as class_, audience as class_audience, basic_projection, label from class_map
  where org = item.org and system = item.system and class_key = item.class_key offset 0) class_map on true"""
CLASS_THEN: Final = """
left join lateral (
  select class as class_, audience as class_audience, basic_projection, label from class_map_version
  where org = item.org and system = item.system and class_key = item.class_key and since <= %(at)s
  order by since desc, seq desc limit 1) class_map on true"""
NAMED: Final = "where resource.rtype = %(type)s and resource.rid = %(id)s"
OF_CLIENT: Final = "where resource.client_id = %(client)s"
ALL: Final = "resource"
# Each looked up by its own number, whatever the statistics say.
OF_KEYS: Final = """
unnest(%(keys)s::bigint[]) as asked (rkey)
cross join lateral (select * from resource where rkey = asked.rkey offset 0) resource"""
RULES_NOW: Final = """
select distinct class as class_, audience, basic_projection, label from class_map order by 1, 2, 3, 4"""
RULES_THEN: Final = """
select distinct class_, audience, basic_projection, label from (
  select distinct on (system, class_key) class as class_, audience, basic_projection, label from class_map_version
  where since <= %(at)s order by system, class_key, since desc, seq desc) newest
where class_ is not null order by class_, audience, basic_projection, label"""

CLASS_SINCE: Final = """
select min(since) as since from class_map_version where class = %(class)s and since > '-infinity'"""
ITEM_SINCE: Final = """
select min(history.last_updated) as since from resource join resource_history history on history.rkey = resource.rkey
where resource.rtype = %(type)s and resource.rid = %(id)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person's link to a client at a portal, as it stood; ``person`` is their number at the source.

    ``state`` is ``not-yet`` before the first link, of ``linked_at``; ``retraction`` is how the portal takes back.
    """

    link_id: int
    client_id: int
    member: str
    person: str
    portal: str
    state: str
    linked_at: datetime
    retraction: str
    subscriber: Subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A resource in the version of a moment. ``kept``: its facts are those of then, not of today."""

    facts: Facts
    client_id: int | None
    system: str
    class_key: str
    version: int
    deleted: bool
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A client's policy, and the numbers of the records that it is made of, in the policy's order.

    ``stop`` is why sharing was stopped, ``frozen`` that what was at the portals was left there.
    """

    policy: Policy
    exclusions: tuple[int, ...]
    external: tuple[int, ...]
    stop: str | None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment on one connection; ``past`` tells that it lies before now, ``ahead`` that it is to come."""

    db: Connection
    at: datetime
    past: bool
    ahead: bool = False

    def member(self, member: str) -> Member | None:
        """Return a member by its uuid."""
        row = self.db.execute(LINK_OF_MEMBER, {"at": self.at, "member": member}).fetchone()
        return None if row is None else _member(row)

    def members(self, client_id: int) -> list[Member]:
        """Return everybody who was ever linked to a client."""
        return [_member(row) for row in self.db.execute(LINKS_OF_CLIENT, {"at": self.at, "client": client_id})]

    def recorded(self, client_id: int) -> Recorded:
        """Return what was decided for a client."""
        (found,) = self.db.execute(POLICY, {"at": self.at, "client": client_id}).fetchall()
        policy = Policy(
            stopped=found.reason is not None,
            end_of_care_at=found.end_of_care_at,
            birth_date=found.birth_date,
            grants=[Grant(**_record(row, "classes")) for row in found.grants],
            exclusions=[Exclusion(**_without_id(row)) for row in found.exclusions],
            representations=[Representation(**_record(row, "scope")) for row in found.representations],
            external=[ExternalConsent(**_without_id(row)) for row in found.external],
        )
        return Recorded(
            policy=policy,
            exclusions=tuple(row["id"] for row in found.exclusions),
            external=tuple(row["id"] for row in found.external),
            stop=found.reason,
            frozen=bool(found.frozen),
        )

    def item(self, type_: str, id_: str) -> Item | None:
        """Return a resource; nothing when there was none yet."""
        return next(self._items(NAMED, {"type": type_, "id": id_}), None)

    def items(self, client_id: int) -> list[Item]:
        """Return a client's own resources, without what had been deleted."""
        return [item for item in self._items(OF_CLIENT, {"client": client_id}) if not item.deleted]

    def items_of(self, keys: list[int]) -> list[Item]:
        """Return resources by their numbers."""
        return list(self._items("", {"keys": keys}, OF_KEYS))

    def rules(self) -> dict[str, list[ClassRule]]:
        """Return every class of the organisation with the different rules that its keys have."""
        found: dict[str, list[ClassRule]] = {}
        for row in self.db.execute(RULES_THEN if self.past else RULES_NOW, {"at": self.at}):
            rule = ClassRule(**row._asdict())
            found.setdefault(rule.class_, []).append(rule)
        return found

    def class_since(self, class_: str) -> datetime | None:
        """Return since when a class of today is in the class map; nothing when there is no such class, or it always was."""
        row = self.db.execute(CLASS_SINCE, {"class": class_}).fetchone()
        return None if row is None else row.since

    def item_since(self, type_: str, id_: str) -> datetime | None:
        """Return since when a resource is there; nothing when there is none."""
        row = self.db.execute(ITEM_SINCE, {"type": type_, "id": id_}).fetchone()
        return None if row is None else row.since

    def _items(self, which: str, values: dict[str, Any], source: str = ALL) -> Iterator[Item]:
        item, class_map = (ITEM_THEN, CLASS_THEN) if self.past else (ITEM_NOW, CLASS_NOW)
        query = f"select * from ({item} {which}) item {class_map} order by rkey".format(source=source)
        for row in self.db.execute(query, {"at": self.at, **values}):
            yield _item(row)


def moment(db: Connection, at: datetime | None, now: datetime) -> Moment:
    """Return a moment on an open transaction (``plan_once``): ``now`` unless another is given."""
    return Moment(db, at or now, past=at is not None and at < now, ahead=at is not None and at > now)


def facts_of(row: Any) -> Facts:
    """Return the facts of a row of an item."""
    rule = None
    if row.class_ is not None:
        rule = ClassRule(class_=row.class_, audience=row.class_audience, basic_projection=row.basic_projection, label=row.label)
    return Facts(
        rkey=row.rkey,
        rtype=row.rtype,
        rid=row.rid,
        rule=rule,
        audience=row.audience,
        labels=frozenset(row.labels),
        data_at=row.data_at,
        # What was deleted is nobody's any more, as if it had been withdrawn.
        withdrawn=row.withdrawn or row.deleted,
        origin_portal=row.origin_portal,
    )


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in _record(row).items() if name != "id"}


def _record(row: dict[str, Any], set_: str | None = None) -> dict[str, Any]:
    """Return a record as it is made of what JSON has: its moments read, and what is a set in it one."""
    read: dict[str, Any] = {name: datetime.fromisoformat(row[name]) for name in MOMENTS if row.get(name) is not None}
    if set_ is not None and row[set_] is not None:
        read[set_] = frozenset(row[set_])
    return {**row, **read}


def _member(row: Any) -> Member:
    subscriber = Subscriber(
        person=row.person_id,
        link_state="ended" if row.state == NOT_YET else row.state,
        acr=row.acr,
        needed_acr=row.dossier_acr,
        step_up_minutes=row.step_up_minutes,
        origin=row.origin,
        related_rid=row.related_rid,
        audiences=None if row.audiences is None else frozenset(row.audiences),
    )
    return Member(
        link_id=row.id,
        client_id=row.client_id,
        member=row.member,
        person=row.person,
        portal=row.portal,
        state=row.state,
        linked_at=row.linked_at,
        retraction=row.retraction,
        subscriber=subscriber,
    )


def _item(row: Any) -> Item:
    return Item(
        facts=facts_of(row),
        client_id=row.client_id,
        system=row.system,
        class_key=row.class_key,
        version=row.version,
        deleted=row.deleted,
        kept=row.kept,
    )
