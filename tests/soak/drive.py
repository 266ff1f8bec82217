"""Rights that come and go at random, and what each member may have after every change: the database's own predicate, asked at once."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from gateway import consent
from gateway.runtime import Gateway
from tests.soak.check import Allowed

CLASSES: Final = (
    "select distinct class as name from class_map where class not in ('directory', 'care-team', 'profile') order by 1"
)
PERMITTED: Final = """
select link.member::text as member,
  coalesce(array_agg(resource.rtype || '/' || resource.rid) filter (where verdict.code = 'grant'), '{}') as refs
from link left join disclosure_verdict verdict on verdict.client_id = link.client_id and verdict.link_id = link.id
left join resource on resource.rkey = verdict.rkey
where link.client_id = %s group by link.member"""
CLIENT: Final = "select client_id from link where member = %s"
WAITING: Final = "select count(*) as n from outbox where state = 'ready'"
LEVELS: Final = ("none", "basic", "private-medical")
LASTS_S: Final = (1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One client with the persons linked to them."""

    client: int
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The second half of an act: not before that moment; until then its family is left alone."""

    at: float
    carry_out: Callable[[], None]


@dataclass(kw_only=True)
class Driver:
    """Changes rights until it is told to stop. ``allowed`` is the truth by member that the checker judges by."""

    gateway: Gateway
    org: int
    portal: str
    families: list[Family]
    chance: random.Random
    allowed: dict[str, list[Allowed]] = field(default_factory=lambda: defaultdict(list))
    acts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _rests: dict[int, Rest] = field(default_factory=dict)
    _classes: tuple[str, ...] = ()

    def begin(self) -> None:
        """Note what everybody may have before the first change."""
        with self.gateway.database.transaction(self.org) as db:
            self._classes = tuple(row.name for row in db.execute(CLASSES))
        for family in self.families:
            self.note(family.client)

    def act(self) -> None:
        """Change one thing for one family, and note what everybody in it may have then."""
        self._finish()
        free = [family for family in self.families if family.client not in self._rests]
        if not free:
            return
        act = self.chance.choice((self._level, self._narrow, self._period, self._lend, self._forbid, self._halt, self._part))
        self.acts[act.__name__.strip("_")] += 1
        family = self.chance.choice(free)
        act(family)
        self.note(family.client)

    def settle(self) -> None:
        """Carry out the second half of every act."""
        while self._rests:
            time.sleep(0.05)
            self._finish()

    def waiting(self) -> int:
        """Return how much is still to be sent."""
        with self.gateway.database.transaction(self.org) as db:
            row = db.execute(WAITING).fetchone()
        return int(row.n) if row else 0

    def note(self, client: int, at: float | None = None) -> None:
        """Write down what each member of a client may have from this moment, or from ``at``, on."""
        with self.gateway.database.transaction(self.org) as db:
            rows = db.execute(PERMITTED, (client,)).fetchall()
        for row in rows:
            self.allowed[row.member].append(Allowed(at or time.time(), frozenset(row.refs)))

    def _level(self, family: Family) -> None:
        self._grant(family, self.chance.choice(LEVELS))

    def _narrow(self, family: Family) -> None:
        classes = self.chance.sample(self._classes, self.chance.randint(1, len(self._classes)))
        self._grant(family, "private-medical", classes=classes)

    def _period(self, family: Family) -> None:
        since = self.gateway.clock() - timedelta(days=self.chance.randint(1, 14))
        self._grant(family, "private-medical", data_from=since)

    def _lend(self, family: Family) -> None:
        """Give a right that ends by itself."""
        lasts = self.chance.uniform(*LASTS_S)
        valid_to, ends = self.gateway.clock() + timedelta(seconds=lasts), time.time() + lasts
        self._grant(family, "private-medical", valid_to=valid_to)
        self._rests[family.client] = Rest(at=ends, carry_out=lambda: self.note(family.client, at=ends))

    def _forbid(self, family: Family) -> None:
        person, class_ = self.chance.choice([None, *family.persons]), self.chance.choice(self._classes)
        number = consent.exclude(
            self.gateway, self.org, client=family.client, reason_code="other", set_by="soak", person=person, class_=class_
        )
        self._later(family, lambda: consent.lift(self.gateway, self.org, client=family.client, exclusion=number))

    def _halt(self, family: Family) -> None:
        consent.stop(self.gateway, self.org, client=family.client, reason="other", freeze=False)
        self._later(family, lambda: consent.resume(self.gateway, self.org, client=family.client))

    def _part(self, family: Family) -> None:
        person = self.chance.choice(family.persons)
        consent.unlink(self.gateway, self.org, portal=self.portal, client=family.client, person=person)

        def meet_again() -> None:
            consent.link(self.gateway, self.org, portal=self.portal, client=family.client, person=person)
            self.note(family.client)
            consent.set_grant(self.gateway, self.org, client=family.client, person=person, level="private-medical")

        self._later(family, meet_again)

    def _grant(self, family: Family, level: str, **narrowed: Any) -> None:
        person = self.chance.choice(family.persons)
        consent.set_grant(self.gateway, self.org, client=family.client, person=person, level=level, **narrowed)

    def _later(self, family: Family, undo: Callable[[], object]) -> None:
        """Undo it when the gateway has taken back nothing yet, a part, or the whole."""

        def carry_out() -> None:
            undo()
            self.note(family.client)

        self._rests[family.client] = Rest(at=time.time() + self.chance.choice((0, 0.2, 2, 10)), carry_out=carry_out)

    def _finish(self) -> None:
        for client, rest in list(self._rests.items()):
            if rest.at <= time.time():
                del self._rests[client]
                rest.carry_out()
