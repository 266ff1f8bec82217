"""The invariants that only the portals can answer: what each member's base really holds, and how often it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Protocol, runtime_checkable

from gateway.connector import Context, RemoteState, SinkConnector
from gateway.errors import GatewayError
from gateway.guard import guarded
from gateway.outbox.tombstone import hash_of
from gateway.runtime import Gateway
from gateway.verify.comparison import Comparison, Key, compare, portal_rows, reached
from gateway.verify.violation import Violation, violations

LINKS: Final = "select id, member::text as member from link where org = app_org() and portal_id = %s order by id"
# What a repair can take into the ledger, and so take back: what it does there, asked beforehand.
OURS: Final = """
select rtype, rid from resource where org = app_org() and (rtype, rid) in (select * from unnest(%s::text[], %s::text[]))"""
# Etags that count writes show without a look at the history that there was only one.
FIRST: Final = re.compile(r'W/"1"')


@runtime_checkable
class KeepsHistory(Protocol):
    """A sink that can show every write it took: oldest first, a deletion without body."""

    def history(self, ctx: Context, target: str, key: tuple[str, str]) -> Sequence[RemoteState]: ...


@dataclass(slots=True)
class _Findings:
    """Keys by what is wrong with them; members whom their portal doesn't know."""

    unlisted: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    def violations(self) -> list[Violation]:
        again = "deliver it again: zorgsluis verify --drift --repair; and ask the portal who wrote or removed it"
        return [
            *violations(
                "I1",
                "delivered by our ledger, and the portal knows no such member",
                "ask the portal whether that page was closed, and unlink who left; else see that base_url is right",
                self.unlisted,
            ),
            *violations("I1", "delivered by our ledger, and not at the portal", again, self.missing),
            *violations("I2", "equal content was written twice", "look for a worker without its fence", self.twice),
            *violations(
                "I4",
                "at the portal, and not explained by view, retraction or freeze",
                "retract it now: zorgsluis verify --drift --repair",
                self.unexplained,
            ),
            *violations(
                "I4",
                "at the portal, and nothing of ours: no record of this installation has that id",
                "we can't take it back: give the portal's people these ids, to remove it and to look for who wrote it",
                self.foreign,
            ),
            *violations("I4", "the portal holds other content than was delivered", again, self.differing),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """What was found at the portals, and each portal that couldn't be asked to the end, with why."""

    violations: list[Violation]
    asked: list[str]
    unasked: list[tuple[str, GatewayError]]


def at_portals(gateway: Gateway, org: int) -> ReadBack:
    """Read back every member's base at every portal and compare it with the ledger. A portal that is down costs no other its turn."""
    findings = _Findings()
    asked: list[str] = []
    unasked: list[tuple[str, GatewayError]] = []
    for row in portal_rows(gateway, org):
        try:
            _portal(gateway, org, row, findings)
            asked.append(row.code)
        except GatewayError as failed:
            unasked.append((row.code, failed))
    return ReadBack(violations=findings.violations(), asked=asked, unasked=unasked)


def _portal(gateway: Gateway, org: int, row: Any, findings: _Findings) -> None:
    portal, context = reached(gateway, org, row)
    with gateway.database.transaction(org) as db:
        links = db.execute(LINKS, (portal.id,)).fetchall()
    for link in links:
        found = compare(gateway, org, portal.sink, context, link)
        if found.unlisted:
            findings.unlisted.append(link.member)
        _member(portal.sink, context, link.member, found, findings)
        foreign = _foreign(gateway, org, found)
        findings.foreign += [_name(key, link.member) for key in foreign]
        findings.unexplained += [_name(key, link.member) for key in found.unexplained if key not in foreign]


def _foreign(gateway: Gateway, org: int, found: Comparison) -> list[Key]:
    """Return what is there, has no row in our ledger, and can't have one: no resource of ours has that id."""
    unknown = [key for key in found.unexplained if key not in found.known]
    if not unknown:
        return []
    with gateway.database.transaction(org) as db:
        ours = {(row.rtype, row.rid) for row in db.execute(OURS, ([key[0] for key in unknown], [key[1] for key in unknown]))}
    return [key for key in unknown if key not in ours]


def _member(sink: SinkConnector, context: Context, member: str, found: Comparison, findings: _Findings) -> None:
    findings.missing += [_name(key, member) for key in found.missing]
    findings.differing += [_name(key, member) for key in found.differing]
    if isinstance(sink, KeepsHistory):
        for key in _rewritten(found.states, found.known):
            with guarded():
                history = sink.history(context, member, key)
            if _twice(history):
                findings.twice.append(_name(key, member))


def _rewritten(states: dict[tuple[str, str], RemoteState], known: dict[tuple[str, str], Any]) -> Iterator[tuple[str, str]]:
    """Yield what may have been written more than once: all but first versions, and what is gone by now."""
    for key, state in states.items():
        if state.etag is None or FIRST.fullmatch(state.etag) is None:
            yield key
    for key, row in known.items():
        if key not in states and row.state in ("retracted", "retract_pending", "retract_failed"):
            yield key


def _twice(history: Sequence[RemoteState]) -> bool:
    """Tell whether two writes in a row had equal content: a retraction between them begins anew."""
    hashes = [hash_of(state) for state in history]
    return any(one is not None and one == other for one, other in pairwise(hashes))


def _name(key: tuple[str, str], member: str) -> str:
    return f"{key[0]}/{key[1]} for {member}"
