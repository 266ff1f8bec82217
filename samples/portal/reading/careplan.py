"""The zorgleefplan by levensdomein: a goal, and the actions that serve it. Only a plan in force is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from samples.portal.addresses import LEVENSDOMEIN
from samples.portal.reading.dutchtime import Moment, covers, moment
from samples.portal.reading.people import Author, author_of
from samples.portal.reading.resources import Contents, Resource, codings, dig, listed, text

DOMAINS: Final = {
    "1": "Woon- en leefomstandigheden",
    "2": "Participatie",
    "3": "Lichamelijk welbevinden",
    "4": "Mentaal welbevinden",
}
OVER: Final = frozenset({"revoked", "completed", "entered-in-error", "draft"})
GOAL_OVER: Final = frozenset({"cancelled", "rejected", "entered-in-error", "completed"})
INTERVENTION: Final = ("http://snomed.info/sct", "9632001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that is done, with a remark that may be empty."""

    text: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A goal with what is done for it; ``due`` is the day to reach it by, ``note`` may be empty."""

    heading: str
    description: str
    due: Moment | None
    note: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A levensdomein with its goals; ``number`` is empty for what has no domain."""

    number: str
    name: str
    goals: tuple[Goal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan as the page shows it."""

    title: str
    first: Moment | None
    last: Moment | None
    author: Author
    domains: tuple[Domain, ...]
    organisation: str = ""


def plans(contents: Contents, today: date) -> list[Plan]:
    """Return the plans in force today, the newest first."""
    found = [_plan(contents, item) for item in contents.of("CarePlan") if _in_force(item, today)]
    return sorted(found, key=lambda plan: str(plan.first and plan.first.on_paper), reverse=True)


def _in_force(item: Resource, today: date) -> bool:
    in_force = covers(text(item, "period", "start"), text(item, "period", "end"), today)
    is_action = any(INTERVENTION in codings(category) for category in listed(item, "category"))
    return in_force and not is_action and not listed(item, "partOf") and text(item, "status") not in OVER


def _plan(contents: Contents, item: Resource) -> Plan:
    return Plan(
        title=text(item, "title") or "Zorgleefplan",
        first=moment(text(item, "period", "start")),
        last=moment(text(item, "period", "end")),
        author=author_of(contents, dig(item, "author")),
        domains=tuple(_domains(contents, item)),
        organisation=contents.organisation,
    )


def _domains(contents: Contents, plan: Resource) -> list[Domain]:
    actions = _actions(contents, f"CarePlan/{text(plan, 'id')}")
    goals: dict[str, list[Goal]] = {}
    for reference in listed(plan, "goal"):
        goal = contents.resolve(reference)
        if goal is not None and text(goal, "lifecycleStatus") not in GOAL_OVER:
            served = tuple(actions.pop(text(reference, "reference"), []))
            goals.setdefault(_domain(listed(goal, "category")), []).append(_goal(goal, served))
    return [_named(number, goals[number]) for number in sorted(goals, key=lambda number: (not number, number))]


def _named(number: str, goals: list[Goal]) -> Domain:
    return Domain(number=number, name=DOMAINS.get(number, "Overig"), goals=tuple(goals))


def _goal(goal: Resource, actions: tuple[Action, ...]) -> Goal:
    headings = (text(category, "text") for category in listed(goal, "category"))
    return Goal(
        heading=" · ".join(filter(None, headings)),
        description=text(goal, "description", "text"),
        due=moment(text(goal, "target", "dueDate")),
        note=_note(goal),
        actions=actions,
    )


def _actions(contents: Contents, plan: str) -> dict[str, list[Action]]:
    """Return a plan's actions under the goal that each serves."""
    found: dict[str, list[Action]] = {}
    for item in contents.of("CarePlan"):
        belongs = any(text(part, "reference") == plan for part in listed(item, "partOf"))
        if belongs and text(item, "status") not in OVER:
            goal = text(item, "goal", "reference")
            words = (text(activity, "detail", "description") for activity in listed(item, "activity"))
            note = _note(item)
            found.setdefault(goal, []).extend(Action(text=word, note=note) for word in words if word)
    return found


def _note(item: Resource) -> str:
    return "\n".join(filter(None, (text(note, "text") for note in listed(item, "note"))))


def _domain(categories: list[Resource]) -> str:
    codes = (code for category in categories for system, code in codings(category) if system == LEVENSDOMEIN)
    return next((code for code in codes if code in DOMAINS), "")
