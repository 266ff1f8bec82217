"""Filling a resource in: a row's value converted, put in its place, and its lineage written down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from gateway.identity import IdSpace
from gateway.mapping.convert import ConvertContext, Converted, Converter, RejectRecord, RowFacts, Unmappable
from gateway.mapping.moments import moment
from gateway.model import Issue, IssueCode, Lineage, SourceRecord

if TYPE_CHECKING:
    from gateway.mapping.engine import MapPlan

Origin = Literal["source", "constant", "default", "derived"]

REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
# Lineage lines that a row may keep ready: enough for every place a row really fills, and a bound for hostile records.
MEMO: Final = 512
SHOWN: Final = 2
# The label of a step that makes a new element each time.
NEW: Final = "[]"
LEAVES: Final = frozenset({str, bool, int, Decimal})


class QuarantineError(Exception):
    """This record yields nothing; the issues say why."""


class SetAsideError(Exception):
    """This record is set aside by its status."""


class _EmptyError(Exception):
    """A converter's value holds an empty part, which FHIR doesn't allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a target path at run time. ``label`` empty: a single element; ``[]``: a new one each time."""

    name: str
    label: str
    url: bool


@dataclass(slots=True, kw_only=True)
class RowPlan:
    """What the engine knows of one row. ``memo`` and ``blocks`` keep lineage lines, which are the same for most records."""

    label: str
    target: str
    steps: tuple[Step, ...]
    convert: Converter
    facts: RowFacts
    origin: Origin
    private: bool
    pattern: re.Pattern[str] | None
    kinds: tuple[type, ...]
    spread: bool
    memo: dict[tuple[str, str | None], Lineage] = field(default_factory=dict)
    blocks: dict[str, tuple[Lineage, ...]] = field(default_factory=dict)

    def line(self, path: str, source: str | None, origin: Origin) -> Lineage:
        """Return the line of lineage for one leaf."""
        found = self.memo.get((path, source))
        if found is None or found.origin != origin:
            found = Lineage(path=path, origin=origin, source=source, row=self.label)
            if len(self.memo) < MEMO:
                self.memo[(path, source)] = found
        return found


@dataclass(slots=True)
class Draft:
    """A resource while its rows are filled in."""

    plan: MapPlan
    id: str
    body: dict[str, Any]
    class_: str
    lineage: list[Lineage]
    issues: list[Issue] = field(default_factory=list)
    slots: dict[tuple[str, str], tuple[dict[str, Any], str]] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    facts: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


class Run:
    """The mapping of one record."""

    __slots__ = ("drafts", "ids", "issues", "named", "node", "record", "system")

    def __init__(self, record: SourceRecord, ids: IdSpace, node: Any) -> None:
        self.record = record
        self.system = record.system
        self.ids = ids
        self.node = node
        self.drafts: list[Draft] = []
        self.issues: list[Issue] = []
        self.named: dict[str, list[str]] = {}

    def id(self, type_: str, key: str) -> str:
        """Return the id of a resource of this record system."""
        return self.ids.resource_id(self.system, type_, key)


def mask(value: Any, *, private: bool) -> str:
    """Return what an issue may show of a value: two characters at most, and nothing of free text."""
    if private or isinstance(value, (dict, list)):
        return "****"
    text = "".join(letter for letter in str(value) if letter.isprintable())
    return text[: min(SHOWN, max(0, len(text) - SHOWN))] + "****"


def issue(plan: RowPlan, code: IssueCode, value: Any, source: str, reason: str, action: str, *, error: bool = False) -> Issue:
    """Return an issue about a row."""
    return Issue(
        severity="error" if error else "warning",
        code=code,
        row=plan.label,
        source_path=source,
        target_path=plan.target,
        masked="" if value is None else mask(value, private=plan.private),
        reason=reason,
        action=action,
    )


def convert(draft: Draft, run: Run, plan: RowPlan, value: Any, source: str, item: Any, unit: Any) -> bool:
    """Turn a source value into the row's element and return whether there is one; what has no meaning leaves an issue."""
    function = plan.convert
    try:
        made = function(value, ConvertContext(plan.facts, run.ids, run.system, run.node, item, unit))
    except RejectRecord as error:
        draft.issues.append(issue(plan, error.issue, value, source, error.reason, "record quarantined", error=True))
        raise QuarantineError from None
    except Unmappable as error:
        draft.issues.append(issue(plan, error.issue, value, source, error.reason, "element omitted"))
        return False
    except Exception as error:  # noqa: BLE001 - a faulty converter must cost one record, never the batch
        _broken(draft, plan, value, source, f"the converter failed ({type(error).__name__})")
    if type(made) is Converted:
        return _put_converted(draft, plan, value, made, source)
    return made is not None and put(draft, plan, made, source)


def _put_converted(draft: Draft, plan: RowPlan, value: Any, made: Converted, source: str) -> bool:
    for note in made.issues:
        draft.issues.append(issue(plan, note.code, value, source, note.reason, note.action))
    if made.value is None:
        return False
    return put(draft, plan, made.value, source, made.sources, "default" if made.default else plan.origin)


def _broken(draft: Draft, plan: RowPlan, value: Any, source: str, reason: str) -> NoReturn:
    """QuarantineError the record: a converter did what it must not."""
    draft.issues.append(issue(plan, "structure", value, source, reason, "record quarantined", error=True))
    raise QuarantineError


def put(
    draft: Draft,
    plan: RowPlan,
    value: Any,
    source: str | None,
    sources: Mapping[str, str] | None = None,
    origin: Origin | None = None,
) -> bool:
    """Put a value where the row says, with its lineage; a place that is filled already keeps what it has."""
    if not plan.steps:
        _keep(draft, plan, value, source)
        return True
    if plan.spread and type(value) is list:
        # Each, not any of them: all() and any() would stop early.
        return max([_put_one(draft, plan, one, source, sources, origin or plan.origin) for one in value], default=False)
    return _put_one(draft, plan, value, source, sources, origin or plan.origin)


def _put_one(
    draft: Draft, plan: RowPlan, value: Any, source: str | None, sources: Mapping[str, str] | None, origin: Origin
) -> bool:
    if type(value) not in plan.kinds or (plan.pattern is not None and not plan.pattern.fullmatch(value)):
        _broken(draft, plan, value, source or "", "the converter's answer isn't of the target's type")
    if type(value) in LEAVES and not sources:
        return value != "" and _put_leaf(draft, plan, value, source, origin)
    try:
        lines = _lines(value, source, sources, origin)
    except _EmptyError:
        value = _pruned(value)
        if value is None:
            return False
        lines = _lines(value, source, sources, origin)
    path = _place(draft, plan, value)
    if path is None:
        return False
    _trace(draft, plan, path, lines)
    return True


def _put_leaf(draft: Draft, plan: RowPlan, value: Any, source: str | None, origin: Origin) -> bool:
    """Put a single value: what most rows do, so without the walk over its parts."""
    path = _place(draft, plan, value)
    if path is None:
        return False
    draft.lineage.append(plan.line(path, source, origin))
    if plan.steps[-1].name == "reference" and REFERENCE.fullmatch(str(value)):
        draft.references.add(value)
    return True


def put_reference(draft: Draft, plan: RowPlan, target: str, source: str) -> bool:
    """Put a reference that was made from a key."""
    path = _place(draft, plan, {"reference": target})
    if path is None:
        return False
    draft.references.add(target)
    draft.lineage.append(plan.line(path + ".reference", source, plan.origin))
    return True


def put_constant(draft: Draft, plan: RowPlan, value: Any) -> bool:
    """Put a constant at a place that depends on the record: its lineage is the same for each place."""
    if not plan.steps or type(value) is list:
        return put(draft, plan, value, None)
    path = _place(draft, plan, value)
    if path is None:
        return False
    known = plan.blocks.get(path)
    if known is None:
        known = tuple(plan.line(path + below, None, plan.origin) for below, _, _, _ in _lines(value, None, None, plan.origin))
        if len(plan.blocks) < MEMO:
            plan.blocks[path] = known
    draft.lineage += known
    return True


Line = tuple[str, str | None, Any, Origin]


def _lines(value: Any, source: str | None, sources: Mapping[str, str] | None, origin: Origin) -> list[Line]:
    """Return (path below the element, source, leaf, origin) for every leaf of a value.

    Raises:
        _EmptyError: a part of it is empty.
    """
    found: list[Line] = []
    if type(value) in LEAVES:
        _leaf(value, "", source, sources, origin, found)
    else:
        _leaves(value, "", source, sources, origin, found)
    return found


def _leaf(
    value: Any, path: str, source: str | None, sources: Mapping[str, str] | None, origin: Origin, found: list[Line]
) -> None:
    if value == "":
        raise _EmptyError
    found.append((path, _from(path, source, sources) if sources else source, value, origin))


def _leaves(
    value: Any, path: str, source: str | None, sources: Mapping[str, str] | None, origin: Origin, found: list[Line]
) -> None:
    kind = type(value)
    if not value or kind not in (dict, list):
        raise _EmptyError
    for name, part in value.items() if kind is dict else enumerate(value):
        below = f"{path}.{name}" if kind is dict else f"{path}[{name}]"
        if type(part) in LEAVES:
            _leaf(part, below, source, sources, origin, found)
        elif part is not None or kind is dict:
            # A null in a list keeps its place beside the extensions of a primitive that repeats; it is no leaf.
            _leaves(part, below, source, sources, origin, found)


def _from(path: str, source: str | None, sources: Mapping[str, str]) -> str | None:
    """Return the field that a leaf came from: the longest named path that it lies under."""
    relative = path.removeprefix(".")
    best = ""
    for name in sources:
        if len(name) > len(best) and relative.startswith(name) and relative[len(name) : len(name) + 1] in ("", ".", "["):
            best = name
    return _joined(source, sources.get(best))


def _joined(source: str | None, below: str | None) -> str | None:
    if not below:
        return source
    return below if source in (None, "", ".") else f"{source}.{below}"


def _pruned(value: Any) -> Any:
    """Return a value without its empty parts, ``None`` when nothing is left.

    Raises:
        TypeError: a part that has no place in FHIR JSON, such as a float.
    """
    if type(value) is dict:
        return {name: kept for name, part in value.items() if (kept := _pruned(part)) is not None} or None
    if type(value) is list:
        return [kept for part in value if (kept := _pruned(part)) is not None] or None
    if value is not None and type(value) not in LEAVES:
        raise TypeError(type(value).__name__)
    return None if value is None or value == "" else value


def _place(draft: Draft, plan: RowPlan, value: Any) -> str | None:
    """Put a value in the body; return its path with indexes, or ``None`` when the place was taken."""
    node, path = draft.body, ""
    *outer, last = plan.steps
    for step in outer:
        path = f"{path}.{step.name}" if path else step.name
        if step.label:
            node, path = _element(draft, plan, node, path, step)
        else:
            node = node.setdefault(step.name, {})
    path = f"{path}.{last.name}" if path else last.name
    if last.label:
        return _last(draft, node, path, last, value)
    if last.name in node:
        return None
    node[last.name] = value
    return path


def _last(draft: Draft, node: dict[str, Any], path: str, step: Step, value: Any) -> str | None:
    if (path, step.label) in draft.slots:
        return None
    several = node.setdefault(step.name, [])
    several.append(value)
    whole = f"{path}[{len(several) - 1}]"
    if step.label != NEW:
        draft.slots[path, step.label] = (value, whole)
    return whole


def _element(draft: Draft, plan: RowPlan, node: dict[str, Any], path: str, step: Step) -> tuple[dict[str, Any], str]:
    """Return the element of a repeating one that a label means, made when it isn't there."""
    known = draft.slots.get((path, step.label))
    if known is not None:
        return known
    several = node.setdefault(step.name, [])
    made: dict[str, Any] = {"url": step.label} if step.url else {}
    several.append(made)
    whole = f"{path}[{len(several) - 1}]"
    if step.url:
        draft.lineage.append(plan.line(f"{whole}.url", None, "constant"))
    if step.label != NEW:
        draft.slots[path, step.label] = (made, whole)
    return made, whole


def _trace(draft: Draft, plan: RowPlan, path: str, lines: list[Line]) -> None:
    lineage, memo = draft.lineage, plan.memo
    for below, source, value, origin in lines:
        whole = path + below
        known = memo.get((whole, source))
        lineage.append(known if known is not None and known.origin == origin else plan.line(whole, source, origin))
        if whole.endswith("reference") and type(value) is str and REFERENCE.fullmatch(value):
            draft.references.add(value)


def constant_lines(plan: RowPlan, value: Any) -> tuple[Lineage, ...]:
    """Return the lineage of a constant at a place that is always the same."""
    return tuple(plan.line(plan.target + below, None, plan.origin) for below, _, _, _ in _lines(value, None, None, plan.origin))


def _keep(draft: Draft, plan: RowPlan, value: Any, source: str | None) -> None:
    """Keep a fact or a secret; the first that a row finds stays."""
    place, _, name = plan.target.partition(":")
    if place == "secrets":
        draft.secrets.setdefault(name, str(value))
    elif name == "set_aside":
        raise SetAsideError(str(value))
    elif name == "data_at":
        _keep_moment(draft, plan, value, source)
    elif name == "withdrawn":
        draft.facts[name] = draft.facts.get(name, False) or bool(value)
    else:
        draft.facts.setdefault(name, value)


def keep_patient(draft: Draft, plan: RowPlan, target: str, source: str) -> bool:  # noqa: ARG001 - called as put_reference is
    """Keep the patient whose compartment the resource is in."""
    draft.facts.setdefault("patient", target.partition("/")[2])
    return True


def _keep_moment(draft: Draft, plan: RowPlan, value: Any, source: str | None) -> None:
    at = moment(str(value), draft.plan.zone if plan.facts.zone is None else plan.facts.zone)
    if at is None:
        reason = "not a moment to count from: no zone, or a year that can't be"
        draft.issues.append(issue(plan, "value-invalid", value, source or "", reason, "element omitted"))
    else:
        draft.facts.setdefault("data_at", at)


def overflow(draft: Draft, plan: RowPlan, hits: list[tuple[Any, str]]) -> None:
    """Say that a path gave more values than the target takes."""
    reason = f"{len(hits)} values for an element that occurs once"
    draft.issues.append(issue(plan, "cardinality-overflow", None, hits[1][1], reason, "first value used"))


def missing(draft: Draft, plan: RowPlan, source: str) -> NoReturn:
    """QuarantineError the record: a required element stays empty."""
    code: IssueCode = "reference-unresolved" if source.startswith("@") else "required-missing"
    draft.issues.append(issue(plan, code, None, source, "a required element stays empty", "record quarantined", error=True))
    raise QuarantineError


def no_key(run: Run, row: str, source: str) -> NoReturn:
    """QuarantineError the record: a resource would have no id."""
    run.issues.append(
        Issue(
            severity="error",
            code="required-missing",
            row=row,
            source_path=source,
            target_path="id",
            masked="",
            reason="the key of the resource is empty",
            action="record quarantined",
        )
    )
    raise QuarantineError
