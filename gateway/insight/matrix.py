"""Who sees which class of a client's information, as a table: people by classes, now or on any earlier day.

Beside what was decided stands what the portal holds: it may have things that the person isn't to see any more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from gateway.audit import AuditEvent, append
from gateway.clients import find_client
from gateway.disclosure.decide import ClassRule, Level, Policy, Subscriber, Verdict, decide
from gateway.disclosure.reasons import Code, Sentence
from gateway.disclosure.standing import level_at
from gateway.insight.explain import typical
from gateway.insight.holding import Holding, Holdings, holdings
from gateway.insight.moment import Item, Member
from gateway.insight.moment import moment as moment_of
from gateway.runtime import Gateway

# Has no rights of its own: it travels with what refers to it.
DIRECTORY: Final = "directory"
NOTHING_KNOWN: Final = Sentence(
    nl="Toen was er nog niets bekend: geen soorten gegevens, en dus niets dat iemand kon zien.",
    en="Nothing was known then: no classes of information, and so nothing that anybody could see.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One person, one class. ``code`` and ``projection`` are of an ordinary item; ``shown`` and ``withheld`` count the items that there are.

    ``held`` counts those that the portal holds, ``staying`` those of them that aren't due there, by why.
    """

    code: Code
    projection: str | None
    shown: int
    withheld: Mapping[str, int]
    held: int = 0
    staying: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One person at one portal, with the widest level that held; ``person`` is their number at the source.

    ``state`` is ``not-yet`` before they were linked. ``holds`` is everything that the portal holds for them; nothing for a moment to come.
    """

    member: str
    portal: str
    person: str
    state: str
    level: Level
    cells: Mapping[str, Cell]
    holds: Holding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The whole table; ``classes`` in the order of its columns. Without any, nothing was known at that moment."""

    at: datetime
    classes: tuple[str, ...]
    lines: tuple[Line, ...]


def matrix(gateway: Gateway, org: int, client: str | int, *, at: datetime | None = None, by: str = "operator") -> Matrix:
    """Return who sees what of a client. ``at`` in the past: by what was recorded, and what there was, then. The question is audited.

    Raises:
        NotFound: there is no such client.
    """
    with gateway.database.transaction(org, plan_once=True) as db:
        client_id = find_client(db, gateway.keys(org).ids(), client)
        moment = moment_of(db, at, gateway.clock())
        rules = {class_: found for class_, found in moment.rules().items() if class_ != DIRECTORY}
        recorded, items, members = moment.recorded(client_id), _by_class(moment.items(client_id)), moment.members(client_id)
        found = holdings(moment, members, recorded)
        lines = tuple(_held(_line(member, recorded.policy, rules, items, moment.at), member, found) for member in members)
        detail = {"as_of": moment.at.astimezone(UTC).isoformat(), "members": len(lines)}
        append(db, gateway.keys(org), org, [AuditEvent(event="matrix", action="R", agent=by, client_id=client_id, detail=detail)])
    return Matrix(at=moment.at, classes=tuple(rules), lines=lines)


def _by_class(items: Iterable[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.facts.rule is not None:
            found[item.facts.rule.class_].append(item)
    return found


def _line(
    member: Member, policy: Policy, rules: Mapping[str, list[ClassRule]], items: Mapping[str, list[Item]], at: datetime
) -> Line:
    return Line(
        member=member.member,
        portal=member.portal,
        person=member.person,
        state=member.state,
        level=level_at(member.subscriber, policy, at),
        cells={class_: _cell(found, items.get(class_, []), member.subscriber, policy, at) for class_, found in rules.items()},
    )


def _held(line: Line, member: Member, found: Holdings | None) -> Line:
    """Add what the portal holds, in all and of each class."""
    if found is None:
        return line
    cells: dict[str, Cell] = {}
    for class_, cell in line.cells.items():
        holding = found.of(member.link_id, class_=class_)
        cells[class_] = replace(cell, held=holding.held, staying={one.why: one.count for one in holding.staying})
    return replace(line, cells=cells, holds=found.of(member.link_id))


def _cell(rules: list[ClassRule], items: list[Item], subscriber: Subscriber, policy: Policy, at: datetime) -> Cell:
    ordinary = [decide(facts, subscriber, policy, at) for facts in typical(rules, at)]
    best = max(ordinary, key=_permits)
    codes = Counter[str](decide(item.facts, subscriber, policy, at).code for item in items)
    return Cell(code=best.code, projection=best.projection, shown=codes.pop("grant", 0), withheld=dict(codes))


def _permits(verdict: Verdict) -> bool:
    return verdict.permitted
