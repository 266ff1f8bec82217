"""The smallest single change after which a member would see something: tried one by one, from what costs nobody a decision to what does most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from gateway.disclosure.decide import Facts, Grant, Level, Policy, Representation, Subscriber, decide
from gateway.disclosure.reasons import Sentence
from gateway.insight.moment import Recorded
from gateway.insight.words import CLASS_WORDS

LEVELS: Final[dict[Level, Sentence]] = {
    "basic": Sentence(nl="basis", en="basic"),
    "private-medical": Sentence(nl="privéberichten en medische informatie", en="private messages and medical information"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. ``record`` names the record that it would be made to, if there is one already."""

    name: str
    nl: str
    en: str
    record: tuple[str, int] | None = None


class _World(NamedTuple):
    subscriber: Subscriber
    policy: Policy


Tried = tuple[Change, _World]


def smallest_change(facts: Facts, subscriber: Subscriber, recorded: Recorded, at: datetime) -> Change | None:
    """Return the first single change that would make the member see it; nothing when no single one does."""
    for change, world in _changes(facts, subscriber, recorded, at):
        if decide(facts, world.subscriber, world.policy, at).permitted:
            return change
    return None


def _changes(facts: Facts, subscriber: Subscriber, recorded: Recorded, at: datetime) -> Iterator[Tried]:
    here = _World(subscriber, recorded.policy)
    own = [grant for grant in recorded.policy.grants if grant.person == subscriber.person]
    yield _step_up(here)
    for grant in own:
        yield from _to_grant(here, grant, facts, at)
    for grant in own:
        yield from _levels(here, grant)
    yield _represent(here, at)
    yield from _new_grants(here, at)
    yield from _lifted(here, recorded)
    yield _relinked(here)
    yield _resumed(here)


def _told(name: str, nl: str, en: str, record: tuple[str, int] | None = None) -> Change:
    return Change(name=name, nl=f"Wel zichtbaar {nl}.", en=f"Visible {en}.", record=record)


def _step_up(here: _World) -> Tried:
    stronger = replace(here.subscriber, acr=max(here.subscriber.acr, here.subscriber.needed_acr), auth_time=None)
    told = _told("step-up", "na een extra aanmeldstap (zoals een sms-code)", "after an extra sign-in step (such as an SMS code)")
    return told, here._replace(subscriber=stronger)


def _to_grant(here: _World, grant: Grant, facts: Facts, at: datetime) -> Iterator[Tried]:
    """Yield what one could change of a permission while its level stays."""
    record = ("grant", grant.id)
    if grant.parental or grant.basis == "statutory":
        told = _told("confirm", "als de toestemming opnieuw wordt bevestigd", "once the permission is confirmed again", record)
        yield told, _with(here, grant, replace(grant, confirmed_at=at))
    if grant.status == "suspended":
        told = _told(
            "unsuspend", "als de toestemming niet meer is opgeschort", "once the permission is no longer suspended", record
        )
        yield told, _with(here, grant, replace(grant, status="active"))
    told = _told("period", "als de toestemming nu geldt", "if the permission held at this time", record)
    yield told, _with(here, grant, replace(grant, valid_from=min(grant.valid_from, at), valid_to=None))
    told = _told("data-period", "als de toestemming over alle data gaat", "if the permission were about all dates", record)
    yield told, _with(here, grant, replace(grant, data_from=None, data_to=None))
    if grant.classes is not None and facts.rule is not None:
        yield _class_added(here, grant, facts.rule.class_)


def _class_added(here: _World, grant: Grant, class_: str) -> Tried:
    dutch, english = CLASS_WORDS.get(class_, ((class_, class_), (class_, class_)))
    nl, en = f"als de toestemming ook over {dutch[1]} gaat", f"if the permission were about {english[1]} too"
    wider = replace(grant, classes=frozenset({*(grant.classes or ()), class_}))
    return _told("class", nl, en, ("grant", grant.id)), _with(here, grant, wider)


def _levels(here: _World, grant: Grant) -> Iterator[Tried]:
    for level in LEVELS:
        yield _level(level, ("grant", grant.id)), _with(here, grant, replace(grant, level=level, status="active"))


def _new_grants(here: _World, at: datetime) -> Iterator[Tried]:
    """Yield a permission of the client's own; of who decides for a client who can't; instead of any that there is."""
    others = [grant for grant in here.policy.grants if grant.person != here.subscriber.person]
    for level in LEVELS:
        grant = Grant(id=0, person=here.subscriber.person, level=level, valid_from=at)
        yield _level(level, None), here._replace(policy=replace(here.policy, grants=[*others, grant]))
        by_representative = replace(grant, basis="representative")
        told = _told(
            f"represented-{level}",
            f"als wie voor de cliënt beslist het recht '{LEVELS[level].nl}' geeft",
            f"if who decides for the client gives the right '{LEVELS[level].en}'",
        )
        yield told, here._replace(policy=replace(here.policy, grants=[*others, by_representative]))


def _level(level: Level, record: tuple[str, int] | None) -> Change:
    return _told(f"level-{level}", f"met het recht '{LEVELS[level].nl}'", f"with the right '{LEVELS[level].en}'", record)


def _represent(here: _World, at: datetime) -> Tried:
    mandate = Representation(
        person=here.subscriber.person,
        kind="written-proxy",
        scope=frozenset({"medical", "care"}),
        valid_from=at - timedelta(days=1),
    )
    told = _told(
        "representation", "als een geldige vertegenwoordiging wordt vastgelegd", "once a valid representation has been recorded"
    )
    return told, here._replace(policy=replace(here.policy, representations=[*here.policy.representations, mandate]))


def _lifted(here: _World, recorded: Recorded) -> Iterator[Tried]:
    """Yield each exclusion lifted, and each objection elsewhere taken back."""
    exclusions, external = list(recorded.policy.exclusions), list(recorded.policy.external)
    for place, number in enumerate(recorded.exclusions):
        told = _told("lift-exclusion", "als de uitsluiting vervalt", "once the exclusion is lifted", ("exclusion", number))
        rest = [*exclusions[:place], *exclusions[place + 1 :]]
        yield told, here._replace(policy=replace(here.policy, exclusions=rest))
    for place, number in enumerate(recorded.external):
        told = _told(
            "lift-objection",
            "als het bezwaar in het andere register wordt ingetrokken",
            "once the objection in the other registry is taken back",
            ("external_consent", number),
        )
        rest_of_them = [*external[:place], *external[place + 1 :]]
        yield told, here._replace(policy=replace(here.policy, external=rest_of_them))


def _relinked(here: _World) -> Tried:
    told = _told("link", "als de koppeling weer actief wordt", "once the link is active again")
    return told, here._replace(subscriber=replace(here.subscriber, link_state="active"))


def _resumed(here: _World) -> Tried:
    told = _told("resume", "als het delen wordt hervat", "once sharing is resumed")
    return told, here._replace(policy=replace(here.policy, stopped=False, end_of_care_at=None))


def _with(here: _World, old: Grant, new: Grant) -> _World:
    return here._replace(policy=replace(here.policy, grants=[new if grant is old else grant for grant in here.policy.grants]))
