"""Filling a resource in: a row's value converted and put in its place, and a note of where it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

from msgspec import Struct

from gateway.mapping.convert import ConvertContext, Converted, Converter, RecordIds, RejectRecord, RowFacts, Unmappable
from gateway.mapping.dialect import NOWHERE, Located
from gateway.mapping.draft import Draft, Slot
from gateway.mapping.lineage import Origin, copied, pruned, whole
from gateway.mapping.memory import NO_MEMORY, Memory
from gateway.mapping.moments import moment
from gateway.model import Issue, IssueCode, SourceRecord

if TYPE_CHECKING:
    from gateway.mapping.dialect import Dialect

REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
SHOWN: Final = 2
# The label of a step that makes a new element each time.
NEW: Final = "[]"
# Stands for what isn't known yet, where None is an answer.
MISS: Final = object()


class QuarantineError(Exception):
    """This record yields nothing; the issues say why."""


class SetAsideError(Exception):
    """This record is set aside by its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One step of a target path at run time. ``label`` empty: a single element; ``[]``: a new one each time."""

    name: str
    label: str
    url: bool


@dataclass(slots=True, kw_only=True)
class RowPlan:
    """What the engine knows of one row.

    ``sound``: what the converter answers has no empty parts and no references; ``refers``: it has no empty parts. ``shared``: other
    rows add to what this one puts.
    """

    label: str
    target: str
    places: tuple[Place, ...]
    convert: Converter
    facts: RowFacts
    origin: Origin
    private: bool
    pattern: re.Pattern[str] | None
    kinds: tuple[type, ...]
    spread: bool
    at: Located = NOWHERE
    sources: Mapping[str, str] = field(default_factory=dict)
    sound: bool = False
    refers: bool = False
    shared: bool = False


class Run(Struct, eq=False):
    """The mapping of one record. ``made`` are the resources so far.

    ``ready`` holds the ids, and the answers of converters for keys and conditions, that were worked out for a part of the record;
    ``known`` what is remembered of earlier records. ``noting``: each step is noted; ``labelled``: a row
    gave a resource a label.
    """

    record: SourceRecord
    system: str
    ids: RecordIds
    dialect: Dialect
    noting: bool = False
    labelled: bool = False
    node: Any = None
    known: Memory = NO_MEMORY
    drafts: list[Draft] = []
    issues: list[Issue] = []
    named: dict[str, list[str]] = {}
    made: set[str] = set()
    ready: dict[tuple[str | int, ...], str | None] = {}

    def id(self, type_: str, key: str) -> str:
        """Return the id of a resource of this record system."""
        return self.ids.resource_id(self.system, type_, key)


def mask(value: Any, *, private: bool) -> str:
    """Return what an issue may show of a value: two characters at most, and nothing of free text."""
    if private or isinstance(value, (dict, list)):
        return "****"
    text = "".join(letter for letter in str(value) if letter.isprintable())
    return text[: min(SHOWN, max(0, len(text) - SHOWN))] + "****"


def issue(
    run: Run, plan: RowPlan, code: IssueCode, value: Any, source: Any, reason: str, action: str, *, error: bool = False
) -> Issue:
    """Return an issue about a row; ``source`` is the place as the dialect keeps it, ``None`` for none."""
    return Issue(
        severity="error" if error else "warning",
        code=code,
        row=plan.label,
        source_path="" if source is None else source if type(source) is str else run.dialect.place(source, plan.at, ""),
        target_path=plan.target,
        masked="" if value is None else mask(value, private=plan.private),
        reason=reason,
        action=action,
    )


def asked(
    converter: Converter, value: Any, run: Run, item: Any, facts: RowFacts, place: tuple[str, Any] | None = None
) -> str | None:
    """Return what a converter makes of a value, for a key or a condition: text, ``true``, or ``None`` for anything else.

    ``facts`` are the map's. What it makes of a whole part of the record, or of a text, is the same whoever asks: ``place`` is where it is
    kept for them.
    """
    if not value:
        return None
    try:
        made = converter(value, ConvertContext(facts, run.ids, run.system, run.node, item, None))
    except Unmappable:
        made = None
    text = "true" if made is True else made if type(made) is str and made else None
    if place is not None:
        run.ready[place] = text
    return text


def refuse(draft: Draft, run: Run, plan: RowPlan, value: Any, source: Any, error: Exception) -> bool:
    """Leave an element out that its converter found no meaning for, with an issue; worse faults cost the record. Always false."""
    if isinstance(error, RejectRecord):
        draft.saying().issues.append(issue(run, plan, error.issue, value, source, error.reason, "record quarantined", error=True))
        raise QuarantineError from None
    if isinstance(error, Unmappable):
        draft.saying().issues.append(issue(run, plan, error.issue, value, source, error.reason, "element omitted"))
        return False
    return _broken(draft, run, plan, value, source, f"the converter failed ({type(error).__name__})")


def _broken(draft: Draft, run: Run, plan: RowPlan, value: Any, source: Any, reason: str) -> NoReturn:
    """Quarantine the record: a converter did what it must not."""
    draft.saying().issues.append(issue(run, plan, "structure", value, source, reason, "record quarantined", error=True))
    raise QuarantineError


def put(draft: Draft, run: Run, plan: RowPlan, value: Any, made: Any, source: Any) -> bool:
    """Put what a converter made of a value where the row says; return whether something stands there now."""
    origin, sources = plan.origin, plan.sources
    if type(made) is Converted:
        for note in made.issues:
            draft.saying().issues.append(issue(run, plan, note.code, value, source, note.reason, note.action))
        origin, sources, made = "default" if made.default else origin, made.sources or sources, made.value
    if made is None:
        return False
    if not plan.places:
        _keep(draft, run, plan, made, source)
        return True
    several = made if plan.spread and type(made) is list else (made,)
    done = False
    for one in several:
        done = _put_one(draft, run, plan, one, source, sources, origin) or done
    return done


def _put_one(draft: Draft, run: Run, plan: RowPlan, value: Any, source: Any, sources: Mapping[str, str], origin: Origin) -> bool:
    if type(value) not in plan.kinds or (plan.pattern is not None and not plan.pattern.fullmatch(value)):
        _broken(draft, run, plan, value, source, "the converter's answer isn't of the target's type")
    if not plan.sound and (type(value) is not str or not value):
        found: list[str] = []
        if not whole(value, found):
            value = pruned(value)
            if value is None:
                return False
            found = []
            whole(value, found)
        _refer(draft, found)
    elif not plan.sound and plan.places[-1].name == "reference":
        refer(draft, {"reference": value})
    path = place(draft, plan, value)
    if path is None:
        return False
    if draft.trail is not None:
        draft.trail.append((plan, path, copied(value) if plan.shared else value, source, sources or None, origin))
    return True


def learn(draft: Draft, run: Run, plan: RowPlan, known: dict[str, Any], text: str, made: Any, source: Any) -> Any:
    """Remember what a text means for a row and return it, beside what it refers to where it may refer to something.

    The same value stands in every resource that names it from now on: nobody adds to it.
    """
    if type(made) not in plan.kinds or (plan.pattern is not None and not plan.pattern.fullmatch(made)):
        _broken(draft, run, plan, text, source, "the converter's answer isn't of the target's type")
    found: list[str] = []
    if not whole(made, found):
        made = pruned(made)
        if made is None:
            return None
    kept = made if plan.sound or type(made) is str else (made, frozenset(one for one in found if REFERENCE.fullmatch(one)))
    run.known.keep(known, text, kept)
    return kept


def refer(draft: Draft, value: Any) -> None:
    """Note what a value refers to."""
    found: list[str] = []
    if not whole(value, found):
        # A converter that says that its answers have no empty part, and has one: no reference may be missed for it.
        found = []
        whole(pruned(value), found)
    _refer(draft, found)


def _refer(draft: Draft, found: list[str]) -> None:
    for one in found:
        if one not in draft.references and REFERENCE.fullmatch(one):
            draft.references.add(one)


def put_reference(draft: Draft, run: Run, plan: RowPlan, target: str, source: Any) -> bool:  # noqa: ARG001 - as keep_patient
    """Put a reference that was made from a key."""
    value = {"reference": target}
    path = place(draft, plan, value)
    if path is None:
        return False
    draft.references.add(target)
    if draft.trail is not None:
        draft.trail.append((plan, path, {"reference": target} if plan.shared else value, source, None, plan.origin))
    return True


def put_constant(draft: Draft, run: Run, plan: RowPlan, value: Any) -> bool:
    """Put a constant at a place that depends on the record."""
    if not plan.places or type(value) is list:
        return put(draft, run, plan, None, value, None)
    path = place(draft, plan, value)
    if path is None:
        return False
    if draft.trail is not None:
        draft.trail.append((plan, path, copied(value) if plan.shared else value, None, None, plan.origin))
    return True


def erase(draft: Draft, plan: RowPlan) -> None:
    """Say that an element is empty now: the store takes it out (``write: patch``). A value that another row put stays."""
    node = draft.body
    *outer, last = plan.places
    for step in outer:
        if step.label:
            return
        node = node.setdefault(step.name, {})
    node.setdefault(last.name, "")


def place(draft: Draft, plan: RowPlan, value: Any) -> str | None:
    """Put a value in the body; return its path with indexes, or ``None`` when the place was taken."""
    node, path = draft.body, ""
    *outer, last = plan.places
    for step in outer:
        path = f"{path}.{step.name}" if path else step.name
        if step.label:
            node, path = element(draft, plan, node, path, step)
        else:
            node = node.setdefault(step.name, {})
    path = f"{path}.{last.name}" if path else last.name
    if last.label:
        return _last(draft, node, path, last, value)
    if node.get(last.name, "") != "":
        return None
    node[last.name] = value
    return path


def _several(node: dict[str, Any], name: str) -> list[Any]:
    """Return the list of an element that repeats; one that was said to be empty begins anew."""
    found = node.get(name)
    if not found:
        found = node[name] = []
    several: list[Any] = found
    return several


def _last(draft: Draft, node: dict[str, Any], path: str, step: Place, value: Any) -> str | None:
    if (path, step.label) in draft.slots:
        return None
    several = _several(node, step.name)
    several.append(value)
    whole_path = f"{path}[{len(several) - 1}]"
    if step.label != NEW:
        draft.slots[path, step.label] = (value, whole_path)
    return whole_path


def element(draft: Draft, plan: RowPlan, node: dict[str, Any], path: str, step: Place) -> Slot:
    """Return the element of a repeating one that a label means with its path, made when it isn't there."""
    known = draft.slots.get((path, step.label))
    if known is not None:
        return known
    several = _several(node, step.name)
    made: dict[str, Any] = {"url": step.label} if step.url else {}
    several.append(made)
    whole_path = f"{path}[{len(several) - 1}]"
    if step.url and draft.trail is not None:
        draft.trail.append((plan, f"{whole_path}.url", step.label, None, None, "constant"))
    if step.label != NEW:
        draft.slots[path, step.label] = (made, whole_path)
    return made, whole_path


def _keep(draft: Draft, run: Run, plan: RowPlan, value: Any, source: Any) -> None:
    """Keep a fact or a secret; the first that a row finds stays."""
    kind, _, name = plan.target.partition(":")
    if kind == "secrets":
        draft.saying().secrets.setdefault(name, str(value))
    elif name == "set_aside":
        raise SetAsideError(str(value))
    elif name == "data_at":
        keep_moment(draft, run, plan, value, source)
    elif name == "withdrawn":
        facts = draft.saying().facts
        facts[name] = facts.get(name, False) or bool(value)
    else:
        draft.saying().facts.setdefault(name, value)


def keep_patient(draft: Draft, run: Run, plan: RowPlan, target: str, source: Any) -> bool:  # noqa: ARG001 - as put_reference
    """Keep the patient whose compartment the resource is in."""
    draft.saying().facts.setdefault("patient", target.partition("/")[2])
    return True


def keep_moment(draft: Draft, run: Run, plan: RowPlan, value: Any, source: Any) -> bool:
    """Keep the moment that a resource counts from; return that something was said of it."""
    at = moment(str(value), draft.plan.zone if plan.facts.zone is None else plan.facts.zone)
    if at is None:
        reason = "not a moment to count from: no zone, or a year that can't be"
        draft.saying().issues.append(issue(run, plan, "value-invalid", value, source, reason, "element omitted"))
    elif draft.at is None:
        draft.at = at
    return True
