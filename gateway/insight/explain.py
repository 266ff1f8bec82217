"""Why a member sees, or does not see, a resource or a class of information: now or on any earlier day.

The reason, the records that decided, the smallest single change that would turn it round, and what the portal holds whatever was decided.
Each question is itself audited. Texts name rights, classes and numbers, never a person or content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from gateway.audit import AuditEvent, append
from gateway.clients import find_client
from gateway.disclosure.decide import ClassRule, Facts, Grant, Verdict, decide
from gateway.disclosure.reasons import SENTENCES, Code, Sentence
from gateway.errors import NotFound
from gateway.insight.change import Change, smallest_change
from gateway.insight.directory import brought_by
from gateway.insight.holding import Holding, holdings
from gateway.insight.moment import NOT_YET, Item, Member, Moment, Recorded
from gateway.insight.moment import moment as moment_of
from gateway.insight.reason import sentence_of, stronger_sign_in
from gateway.insight.words import day
from gateway.runtime import Gateway

# What was asked about wasn't known at that moment: no rule decides then.
NOT_KNOWN: Final = "not-known-then"
Answer = Code | Literal["not-known-then"]
DIRECTORY: Final = Sentence(
    nl="Deze persoon ziet dit niet: het gaat alleen mee met iets dat deze persoon mag zien en dat ernaar verwijst.",
    en="This person does not see this: it only travels with something that this person may see and that refers to it.",
)
PART: Final = Sentence(
    nl="Deze persoon ziet hiervan een deel: de toestemming dekt niet meer dan dat.",
    en="This person sees part of this: the permission covers no more.",
)
WHOLE: Final = frozenset({"whole", "directory"})
# What no change of rights, links or stops helps against.
FINAL: Final[frozenset[Code]] = frozenset(
    {"resource-withdrawn", "marked-confidential", "hidden", "third-party-info", "class-unmapped"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer. ``deciding`` names the records that decided; ``change`` is the smallest single change that would make it visible.

    Either ``resource`` or ``class_`` says what was asked about. ``at`` is the moment that the answer is about. ``code`` is ``not-known-then``
    where the resource or the class wasn't there yet. ``holds`` is what the portal holds of it, ``holds_in_all`` of everything for this
    member; both are nothing for a moment to come.
    """

    code: Answer
    nl: str
    en: str
    member: str
    resource: str | None
    class_: str | None
    at: datetime
    projection: str | None = None
    deciding: tuple[dict[str, Any], ...] = ()
    change: str | None = None
    holds: Holding | None = None
    holds_in_all: Holding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What was asked about, as ``decide`` takes it; ``item`` unless it is a class. ``about`` names it for the trail."""

    about: dict[str, str]
    facts: Facts
    item: Item | None
    deciding: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unknown:
    """What was asked about is there now and wasn't known then; ``since`` where it is known from when."""

    about: dict[str, str]
    since: datetime | None
    item: None = None


def explain(
    gateway: Gateway,
    org: int,
    member: str,
    ref: str | None = None,
    *,
    class_: str | None = None,
    at: datetime | None = None,
    by: str = "operator",
) -> Explanation:
    """Explain to an operator why a member sees or does not see ``Type/id``, or an ordinary item of a class of that moment.

    ``at`` in the past asks for what held then, by what was recorded then. In the future: if nothing else changes until then.

    Raises:
        NotFound: no such member, resource or class in this organisation.
    """
    with gateway.database.transaction(org, plan_once=True) as db:
        moment = moment_of(db, at, gateway.clock())
        found = _member(moment, member)
        subject = _class(moment, class_) if class_ is not None else _resource(moment, ref or "")
        recorded = moment.recorded(found.client_id)
        asked = Explanation(code=NOT_KNOWN, nl="", en="", member=member, resource=ref, class_=class_, at=moment.at)
        if isinstance(subject, _Unknown):
            answer = _not_known(asked, found, subject)
        else:
            answer = _decided(asked, moment, found, subject, recorded, when=at is not None)
        answer = _with_holdings(answer, moment, found, subject, recorded)
        append(db, gateway.keys(org), org, [_event(found, subject, answer.code, by, at)])
    return answer


def explain_person(
    gateway: Gateway,
    org: int,
    *,
    client: str | int,
    person: str,
    ref: str | None = None,
    class_: str | None = None,
    at: datetime | None = None,
    by: str = "operator",
) -> list[Explanation]:
    """Explain the same for each link that a person has, or ever had, to a client: one answer a portal.

    Raises:
        NotFound: no such client, resource or class; or the person was never linked.
    """
    with gateway.database.transaction(org, plan_once=True) as db:
        client_id = find_client(db, gateway.keys(org).ids(), client)
        links = [one.member for one in moment_of(db, at, gateway.clock()).members(client_id) if one.person == person]
    if not links:
        raise NotFound("this person was never linked to this client; `zorgsluis link list` shows who is")
    return [explain(gateway, org, member, ref, class_=class_, at=at, by=by) for member in links]


def typical(rules: list[ClassRule], at: datetime) -> list[Facts]:
    """Return what an ordinary item of a class would be, for each different rule of its keys: of this moment and with no label of its own."""
    return [
        Facts(rkey=0, rtype="Communication" if rule.class_ == "message" else "", rid="", rule=rule, data_at=at) for rule in rules
    ]


def _member(moment: Moment, member: str) -> Member:
    try:
        found = moment.member(str(UUID(member)))
    except ValueError:
        found = None
    if found is None:
        raise NotFound("no such member in this organisation; `zorgsluis link list` shows them")
    return found


def _resource(moment: Moment, ref: str) -> _Subject | _Unknown:
    type_, _, id_ = ref.partition("/")
    item = moment.item(type_, id_)
    if item is None:
        since = moment.item_since(type_, id_) if moment.past else None
        if since is None:
            raise NotFound(f"{ref}: no such resource in this organisation")
        return _Unknown(about={"resource": ref}, since=since)
    deciding = {
        "class_key": f"{item.system} {item.class_key}",
        "class": item.facts.rule and item.facts.rule.class_,
        "labels": sorted(item.facts.labels),
        "version": item.version,
    }
    if not item.kept:
        deciding["facts"] = "of today: those of then were not kept"
    return _Subject(about={"resource": ref}, facts=item.facts, item=item, deciding=deciding)


def _class(moment: Moment, class_: str) -> _Subject | _Unknown:
    """Take the item of the class that is meant for the widest audience."""
    rules = moment.rules()
    if class_ not in rules:
        today = replace(moment, past=False).rules()
        if moment.past and class_ in today:
            return _Unknown(about={"class": class_}, since=moment.class_since(class_))
        raise NotFound(f"no class is called {class_}; there are: {', '.join(sorted({*rules, *today}))}")
    widest = min(typical(rules[class_], moment.at), key=lambda facts: facts.rule is None or facts.rule.audience != "circle")
    return _Subject(about={"class": class_}, facts=widest, item=None, deciding={"class": class_, "rules": len(rules[class_])})


def _not_known(asked: Explanation, member: Member, subject: _Unknown) -> Explanation:
    """Say that nothing was known of it, and since when something is; what doesn't decide isn't told besides the link."""
    since = day(subject.since) if subject.since else None
    later = Sentence(nl=f"; dat is er sinds {since.nl}", en=f"; there is since {since.en}") if since else Sentence(nl="", en="")
    told = Sentence(nl=f"hierover was toen nog niets bekend{later.nl}.", en=f"nothing was known of this then{later.en}.")
    when = _when(asked.at)
    link = {"link": member.link_id, "state": member.state, "portal": member.portal}
    return replace(asked, nl=f"{when.nl}{told.nl}", en=f"{when.en}{told.en}", deciding=(link, subject.about))


def _decided(
    asked: Explanation, moment: Moment, member: Member, subject: _Subject, recorded: Recorded, *, when: bool
) -> Explanation:
    """Decide about what there was, and tell it."""
    verdict, sentence, brought = _verdict(moment, member, subject, recorded)
    change = _change(moment, member, subject, recorded, verdict)
    told = _told(sentence, change, asked.at if when else None)
    return replace(
        asked,
        code=verdict.code,
        nl=told.nl,
        en=told.en,
        projection=verdict.projection,
        deciding=tuple(_deciding(member, subject, recorded, verdict, change, brought)),
        change=None if change is None else change.name,
    )


def _with_holdings(
    answer: Explanation, moment: Moment, member: Member, subject: _Subject | _Unknown, recorded: Recorded
) -> Explanation:
    """Add what the portal holds: what is decided isn't always what is there."""
    asked = None if subject.item is None else subject.item.facts.rkey
    found = holdings(moment, [member], recorded, asked=asked, classes=answer.class_ is not None)
    if found is None:
        return answer
    of = found.of_asked(member.link_id) if answer.class_ is None else found.of(member.link_id, class_=answer.class_)
    return replace(answer, holds=of, holds_in_all=found.of(member.link_id))


def _verdict(moment: Moment, member: Member, subject: _Subject, recorded: Recorded) -> tuple[Verdict, Sentence, int | None]:
    """Decide; return also the sentence, and the item that brings a directory resource along."""
    item, subscriber, policy = subject.item, member.subscriber, recorded.policy
    if item is not None and item.client_id not in (None, member.client_id):
        return Verdict(code="not-linked"), SENTENCES["not-linked"], None
    verdict = decide(subject.facts, subscriber, policy, moment.at)
    directory = item is not None and item.client_id is None
    if not directory or item is None or verdict.code in ("not-linked", "client-stop", "resource-withdrawn"):
        part = verdict.permitted and verdict.projection not in WHOLE
        return verdict, PART if part else sentence_of(verdict, member, policy, moment.at), None
    brought = brought_by(moment, subscriber, policy, member.client_id, item)
    if brought is None:
        return Verdict(code="no-grant"), DIRECTORY, None
    return Verdict(code="grant", projection="directory"), SENTENCES["grant"], brought


def _change(moment: Moment, member: Member, subject: _Subject, recorded: Recorded, verdict: Verdict) -> Change | None:
    own = subject.item is None or subject.item.client_id == member.client_id
    if verdict.permitted or not own or verdict.code in FINAL or member.state == NOT_YET:
        return None
    change = smallest_change(subject.facts, member.subscriber, recorded, moment.at)
    if change is None or change.name != "step-up":
        return change
    helps = stronger_sign_in(member.subscriber)
    return replace(change, nl=helps.nl, en=helps.en)


def _told(sentence: Sentence, change: Change | None, at: datetime | None) -> Sentence:
    """Say it, with the moment before it when one was asked for, and the change after it when there is one."""
    when = Sentence(nl="", en="") if at is None else _when(at)
    then = Sentence(nl=f" {change.nl}", en=f" {change.en}") if change else Sentence(nl="", en="")
    return Sentence(nl=f"{when.nl}{sentence.nl}{then.nl}", en=f"{when.en}{sentence.en}{then.en}")


def _when(at: datetime) -> Sentence:
    told = day(at)
    return Sentence(nl=f"Op {told.nl}: ", en=f"On {told.en}: ")


def _deciding(
    member: Member, subject: _Subject, recorded: Recorded, verdict: Verdict, change: Change | None, brought: int | None
) -> Iterator[dict[str, Any]]:
    """Name the records that the verdict rests on: numbers, states and codes."""
    yield {"link": member.link_id, "state": member.state, "portal": member.portal}
    yield subject.deciding
    yield from (_grant(grant) for grant in recorded.policy.grants if grant.id == verdict.grant_id)
    if verdict.code == "excluded":
        yield {"exclusions": list(recorded.exclusions), "objections": list(recorded.external)}
    if verdict.code == "client-stop":
        yield {"stop": recorded.stop or "end-of-care"}
    if brought is not None:
        yield {"brought_by": brought}
    if change is not None and change.record is not None:
        yield {"change": change.name, change.record[0]: change.record[1]}


def _grant(grant: Grant) -> dict[str, Any]:
    narrowed = {} if grant.classes is None else {"classes": sorted(grant.classes)}
    return {"grant": grant.id, "level": grant.level, "status": grant.status, "basis": grant.basis, **narrowed}


def _event(member: Member, subject: _Subject | _Unknown, answer: Answer, by: str, at: datetime | None) -> AuditEvent:
    """Tell the trail who asked what, and what the answer was."""
    detail = {**subject.about, "code": answer, "portal": member.portal}
    if at is not None:
        detail["as_of"] = at.astimezone(UTC).isoformat()
    rkey = None if subject.item is None else subject.item.facts.rkey
    return AuditEvent(
        event="explain", action="R", agent=by, client_id=member.client_id, link_id=member.link_id, rkey=rkey, detail=detail
    )
