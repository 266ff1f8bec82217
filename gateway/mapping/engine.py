"""What runs: a compiled set turns a record into resources. Pure: no clock, no randomness, no input or output, no log.

Mapping a record never raises. What goes wrong becomes an issue, and where nothing trustworthy is left the record is quarantined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.identity import IdSpace
from gateway.mapping.convert import RecordIds
from gateway.mapping.dialect import Dialect, Pin, UnreadableError
from gateway.mapping.draft import Draft, Said
from gateway.mapping.fill import QuarantineError, Run, SetAsideError
from gateway.mapping.lineage import Notes, Step, Trail
from gateway.mapping.memory import Memories
from gateway.mapping.routes import Route, Routes
from gateway.model import Issue, IssueCode, Mapped, MapResult, SourceRecord, Write

# Types outside every patient compartment. Anything else without a patient is held back, since nobody could say whose it is.
DIRECTORY: Final = frozenset(
    {"Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Endpoint", "Questionnaire"}
)

# Labels with which a resource stays inside, whoever asks.
NEVER_LEAVES: Final = frozenset({"V", "hidden", "confidential", "third-party"})

# What is said of a resource of which only its record says anything.
NOTHING_SAID: Final = Said()

Head = tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class MapPlan:
    """One compiled map. ``whole`` fills its resources in and answers whether its selector holds.

    ``heads`` makes what finds the items and their ids (``None``: the selector doesn't hold), ``noted`` what fills one in and notes each
    step. Where a resource hangs on the text of an item alone, ``places`` are the fields that hold them, and ``slot`` is where finished
    resources are kept. ``content`` is the hash of all that it says and reads, ``named`` are the names of other maps to whose resources
    its rows refer.
    """

    name: str
    kind: str
    type: str
    at: str | None
    write: Write
    source: str
    zone: ZoneInfo | None
    whole: Callable[[Any, Run], bool]
    heads: Callable[[], Callable[[Any, Run], list[Head] | None]]
    noted: Callable[[], Callable[[Head, Run], Draft]]
    content: bytes
    named: frozenset[str]
    events: frozenset[str] | None = None
    pin: Pin | None = None
    places: tuple[tuple[str, int], ...] = ()
    slot: int = -1
    directory: bool = field(init=False)

    def __post_init__(self) -> None:
        self.directory = self.type in DIRECTORY


def _record_issue(code: IssueCode, row: str, target: str, reason: str) -> Issue:
    return Issue(
        severity="error",
        code=code,
        row=row,
        source_path="",
        target_path=target,
        masked="",
        reason=reason,
        action="record quarantined",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSet:
    """The compiled maps of one source system. ``sha256`` is over the names and bytes of all files."""

    sha256: bytes
    version_label: str
    dialect: Dialect
    plans: tuple[MapPlan, ...]
    routes: Mapping[str, Routes]
    links: Mapping[str, frozenset[str]]
    memories: Memories

    def map(self, record: SourceRecord, ids: IdSpace) -> MapResult:
        """Return what a record yields. Never raises."""
        run = Run(record, record.system, RecordIds(ids), self.dialect)
        try:
            node = self._read(run)
            held = self._fill(run)
            self.dialect.close(node)
            return _result(run, Notes(self, record, ids)) if held is None else held
        except UnreadableError as error:
            return _held(run, "structure", _record_issue("structure", "", "", str(error)))
        except Exception:  # noqa: BLE001 - whatever it is, the careful way says what becomes of the record
            return self._carefully(record, ids)

    def _carefully(self, record: SourceRecord, ids: IdSpace) -> MapResult:
        """Return what a record yields that may yield nothing: all ids are found before any resource is filled in."""
        run = Run(record, record.system, RecordIds(ids), self.dialect, noting=True)
        try:
            self._read(run)
            held = self._step(run)
            return _result(run, Notes(self, record, ids)) if held is None else held
        except SetAsideError as error:
            return MapResult(outcome="set-aside", issues=_issues(run), reason=str(error))
        except QuarantineError:
            found = _issues(run)
            reason = next((one.code for one in reversed(found) if one.severity == "error"), "structure")
            return MapResult(outcome="quarantined", issues=found, reason=reason)
        except Exception as error:  # noqa: BLE001 - the promise of mapping: a record costs at most itself
            return _held(run, "structure", _record_issue("structure", "", "", f"mapping failed ({type(error).__name__})"))

    def noted(self, record: SourceRecord, ids: IdSpace) -> list[list[Step]]:
        """Return what the rows note while they fill in each resource of a record that maps to some."""
        run = Run(record, record.system, RecordIds(ids), self.dialect, noting=True)
        self._read(run)
        self._step(run)
        return [draft.trail or [] for draft in run.drafts]

    def _read(self, run: Run) -> Any:
        """Read a record, and find what is known of its source."""
        node = run.node = self.dialect.read(run.record.body)
        run.issues += [_note(code, reason) for code, reason in self.dialect.notes(node)]
        run.known = self.memories.of(run.system, run.ids.space, self.dialect.sender(node))
        return node

    def _route(self, run: Run) -> Route | None:
        routes = self.routes.get(run.record.kind)
        return None if routes is None else routes.route(self.dialect.triggered(run.node))

    def _fill(self, run: Run) -> MapResult | None:
        """Fill the resources of a record in, map by map, or return why there are none."""
        route, node, found = self._route(run), run.node, False
        if route is not None:
            plans = route.choose(self.dialect, node)
            for plan in plans if route.named else ():
                if plan.at in route.named:
                    _name(plan, plan.heads()(node, run), run)
            for plan in plans:
                if plan.places:
                    self._recall(plan, run)
                    found = True
                elif plan.whole(node, run):
                    found = True
        return None if found else _nothing(run)

    def _step(self, run: Run) -> MapResult | None:
        """Fill the resources of a record in with each step noted: first the ids of all, so that one without any is the first to be told of."""
        route, node = self._route(run), run.node
        chosen: list[tuple[MapPlan, Sequence[Head]]] = []
        for plan in [] if route is None else route.choose(self.dialect, node):
            heads = plan.heads()(node, run)
            if heads is not None:
                chosen.append((plan, heads))
                _name(plan, heads, run)
        for plan, some in chosen:
            _make(plan, some, run)
        return None if chosen else _nothing(run)

    def _recall(self, plan: MapPlan, run: Run) -> None:
        """Take the resources of a map that are known from earlier records, or make them all and remember them."""
        known, made = run.known.slots[plan.slot], run.made
        texts = self.dialect.texts(run.node, plan.places)
        ready = known.get(texts)
        if ready is None:
            ready = _ready(known, texts)
            if ready is None:
                heads = plan.heads()(run.node, run) or []
                _make(plan, heads, run)
                self._learn(plan, heads, run)
                return
            run.known.keep_all(known, texts, ready)
        for draft in ready:
            if draft.id not in made:
                made.add(draft.id)
                run.drafts.append(draft)

    def _learn(self, plan: MapPlan, heads: Sequence[Head], run: Run) -> None:
        """Remember what a map made of each text: its resource, the id alone where another text made it, or nothing."""
        known = run.known.slots[plan.slot]
        ids = {head[-1].f[0]: head[0] for head in heads}
        made = {draft.id: draft for draft in run.drafts if draft.plan is plan}
        for text in self.dialect.texts(run.node, plan.places):
            id_ = ids.get(text)
            draft = None if id_ is None else made.pop(id_, None)
            if draft is not None:
                draft.trail = None
            if draft is None or draft.said is None or not draft.said.issues:
                run.known.keep(known, text, (id_, draft))

    def source_code(self, map_name: str) -> str:
        """Return the Python that a map was compiled to.

        Raises:
            KeyError: there is no map of this name.
        """
        return {plan.name: plan.source for plan in self.plans}[map_name]

    def references_by_class(self) -> Mapping[str, frozenset[str]]:
        """Return, for each class key that the class map lists, the class keys that its resources may refer to."""
        return self.links


def _note(code: IssueCode, reason: str) -> Issue:
    return Issue(
        severity="warning",
        code=code,
        row="",
        source_path="",
        target_path="",
        masked="",
        reason=reason,
        action="read all the same",
    )


def _nothing(run: Run) -> MapResult:
    return _held(run, "no-map", _record_issue("structure", "", "", "no map is for this record"))


def _ready(known: Mapping[Any, Any], texts: Iterable[str]) -> tuple[Draft, ...] | None:
    """Return the resources that some texts mean, each once; ``None`` unless all of them are known."""
    found: dict[str, Draft] = {}
    for text in texts:
        kept = known.get(text)
        if kept is None:
            return None
        id_, draft = kept
        if id_ and id_ not in found:
            if draft is None:
                return None
            found[id_] = draft
    return tuple(found.values())


def _name(plan: MapPlan, heads: Sequence[Head] | None, run: Run) -> None:
    """Note the resources of a map under the name by which rows of other maps refer to them."""
    if heads is not None and plan.at is not None:
        run.named[plan.at] = [f"{plan.type}/{head[0]}" for head in heads]


def _make(plan: MapPlan, heads: Sequence[Head], run: Run) -> None:
    """Fill the resources of a map in, each step noted. What is only to be there is made once, however often the record names it."""
    rows, ensure, made = plan.noted(), plan.write == "ensure", run.made
    for head in heads:
        if ensure:
            if head[0] in made:
                continue
            made.add(head[0])
        rows(head, run)


def _held(run: Run, reason: str, found: Issue) -> MapResult:
    return MapResult(outcome="quarantined", issues=(*_issues(run), found), reason=reason)


def _issues(run: Run) -> tuple[Issue, ...]:
    found = run.issues.copy()
    for draft in run.drafts:
        if draft.said is not None:
            found += draft.said.issues
    return tuple(found)


def _result(run: Run, notes: Notes) -> MapResult:
    drafts, record, issues = run.drafts, run.record, run.issues.copy()
    hidden: set[str] = set()
    if run.labelled:
        hidden = {
            f"{draft.plan.type}/{draft.id}" for draft in drafts if draft.said and not NEVER_LEAVES.isdisjoint(draft.said.labels)
        }
    # An id is made of its type too.
    checked = bool(hidden) or len({draft.id for draft in drafts}) < len(drafts)
    seen: set[str] = set()
    mapped: list[Mapped] = []
    more = bool(record.labels or record.origin)
    source_time = record.source_time
    for number, draft in enumerate(drafts):
        plan, id_, references, said = draft.plan, draft.id, draft.references, draft.said
        if plan.directory:
            patient = None
        else:
            patient = id_ if plan.type == "Patient" else _patient(references, said)
            if patient is None:
                _check(draft, id_ in seen, hidden, patient)
        if checked:
            _check(draft, id_ in seen, hidden, patient)
            seen.add(id_)
        if more or said is not None:
            mapped.append(_mapped(record, draft, said or NOTHING_SAID, patient, Trail(notes, number)))
            if said is not None:
                issues += said.issues
            continue
        # Most resources. Each further keyword costs, also one with the value that it has anyway.
        made = Mapped(
            type=plan.type,
            id=id_,
            body=draft.body,
            write=plan.write,
            class_=draft.class_,
            data_at=draft.at,
            source_time=source_time,
            patient=patient,
            references=frozenset(references),
            trail=Trail(notes, number),
        )
        mapped.append(made)
    return MapResult(outcome="ok-with-issues" if issues else "ok", mapped=tuple(mapped), issues=tuple(issues))


def _check(draft: Draft, seen: bool, hidden: set[str], patient: str | None) -> None:
    """Quarantine the record when a finished resource is unfit to leave the mapping."""
    found = _fault(draft, seen, hidden, patient)
    if found is not None:
        draft.saying().issues.append(found)
        raise QuarantineError


def _fault(draft: Draft, seen: bool, hidden: set[str], patient: str | None) -> Issue | None:
    if seen:
        return _record_issue("structure", draft.plan.name, "id", "two resources of this record have one id")
    if patient is None and not draft.plan.directory:
        return _record_issue("reference-unresolved", draft.plan.name, "", "it refers to no patient, or to several")
    labels = draft.said.labels if draft.said else frozenset()
    if hidden and NEVER_LEAVES.isdisjoint(labels) and not hidden.isdisjoint(draft.references):
        return _record_issue(
            "structure", draft.plan.name, "", "it may leave, and refers to a resource of its record that may not"
        )
    return None


def _patient(references: set[str], said: Said | None) -> str | None:
    """Return the patient in whose compartment a resource is: as a row says it, else the only one that it refers to."""
    if said is not None and "patient" in said.facts:
        return str(said.facts["patient"])
    found = None
    for one in references:
        if one[:8] == "Patient/":
            if found is not None:
                return None
            found = one[8:]
    return found


def _mapped(record: SourceRecord, draft: Draft, said: Said, patient: str | None, trail: Trail) -> Mapped:
    """Return a resource of which a row, or its record, says more than most."""
    facts = said.facts
    return Mapped(
        type=draft.plan.type,
        id=draft.id,
        body=draft.body,
        write=draft.plan.write,
        class_=draft.class_,
        audience=facts.get("audience"),
        labels=record.labels | said.labels if said.labels else record.labels,
        data_at=draft.at,
        source_time=record.source_time,
        patient=patient,
        withdrawn=facts.get("withdrawn", False),
        origin_portal=facts.get("origin_portal", record.origin),
        secrets=said.secrets,
        references=frozenset(draft.references),
        trail=trail,
        issues=tuple(said.issues),
    )
