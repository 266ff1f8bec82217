"""How far a change of the maps reaches: what two versions make of a message, without mapping what can't come out differently.

Maps of one kind of record have nothing to do with each other, except that those of one type of resource may make the same one, that a row
may name what another map makes, and that one that fails costs the whole record. So of two versions only the maps that changed are asked,
with those of their types; the others are asked once for both, and only where something differs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.identity import IdSpace
from gateway.mapping.diff import alike
from gateway.mapping.engine import NEVER_LEAVES, MappingSet, MapPlan
from gateway.mapping.routes import Routes
from gateway.model import MapResult, SourceRecord

NO_MAP: Final = "no-map"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Two versions side by side: each as it is, its maps that a change reaches, and the others, which are the same in both."""

    old: MappingSet
    new: MappingSet
    before: MappingSet
    after: MappingSet
    others: MappingSet

    def results(self, record: SourceRecord, ids: IdSpace) -> tuple[MapResult, MapResult] | None:
        """Return what both versions make of a record, as far as it may differ; ``None`` where it can't."""
        if not (record.kind in self.before.routes or record.kind in self.after.routes):
            return None
        sides = self.before.map(record, ids), self.after.map(record, ids)
        if record.kind not in self.others.routes:
            return None if alike(*sides) else sides
        if all(map(_unfailing, sides)):
            if alike(*sides):
                return None
            rest = self.others.map(record, ids)
            if _unfailing(rest) and not _hides(*sides, rest) and not (_nothing(rest) and any(map(_nothing, sides))):
                return _with(sides[0], rest), _with(sides[1], rest)
        return self.old.map(record, ids), self.new.map(record, ids)


def reach(old: MappingSet, new: MappingSet) -> Reach:
    """Lay two versions side by side."""
    mine, theirs = ({(plan.kind, plan.name): plan.content for plan in maps.plans} for maps in (old, new))
    changed = {key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)}
    plans = [*old.plans, *new.plans]
    reached = {(plan.kind, plan.type) for plan in plans if (plan.kind, plan.name) in changed}
    while more := {key for key in _neighbours(plans, reached) if key not in reached}:
        reached |= more
    return Reach(
        old=old,
        new=new,
        before=_only(old, (plan for plan in old.plans if (plan.kind, plan.type) in reached)),
        after=_only(new, (plan for plan in new.plans if (plan.kind, plan.type) in reached)),
        others=_only(old, (plan for plan in old.plans if (plan.kind, plan.type) not in reached)),
    )


def _neighbours(plans: Iterable[MapPlan], reached: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return kind and type of the maps that name one that is reached, or are named by one."""
    plans = list(plans)
    said = {(plan.kind, plan.at) for plan in plans if (plan.kind, plan.type) in reached}
    named = {(plan.kind, name) for plan in plans if (plan.kind, plan.type) in reached for name in plan.named}
    return {
        (plan.kind, plan.type)
        for plan in plans
        if (plan.kind, plan.at) in named or any((plan.kind, name) in said for name in plan.named)
    }


def _only(maps: MappingSet, plans: Iterable[MapPlan]) -> MappingSet:
    """Return a set with some of its maps."""
    kinds: dict[str, list[MapPlan]] = {}
    for plan in plans:
        kinds.setdefault(plan.kind, []).append(plan)
    some = tuple(plan for of in kinds.values() for plan in of)
    return replace(maps, plans=some, routes={kind: Routes(tuple(of)) for kind, of in kinds.items()})


def _nothing(result: MapResult) -> bool:
    """Whether no map was for a record."""
    return result.reason == NO_MAP


def _unfailing(result: MapResult) -> bool:
    """Whether maps were filled in without a fault that costs the record, or none was for it."""
    return result.outcome in ("ok", "ok-with-issues") or _nothing(result)


def _hides(*results: MapResult) -> bool:
    """Whether a resource stays inside: then others that refer to it cost the record."""
    return any(one.labels and not NEVER_LEAVES.isdisjoint(one.labels) for result in results for one in result.mapped)


def _with(side: MapResult, rest: MapResult) -> MapResult:
    """Return what some maps make as it is where the others make the rest: of what is said of the record both have said the same."""
    issues: tuple[Any, ...] = side.issues[:-1] if _nothing(side) else side.issues
    more = rest.issues[:-1] if _nothing(rest) else rest.issues
    return MapResult(outcome="ok-with-issues" if issues or more else "ok", mapped=side.mapped, issues=issues)
