"""What each member may see of each record, said by the side that made the records.

Written before the server listens and kept equal to every change, so that a reader can be judged by it. It knows nothing
of the reader: the rules are those of the people (who is linked, at which level; what is confidential, hidden, private).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from samples.ecd.records import KINDS, Link, Record, World
from samples.ecd.reports import SOAP, UNAGREED

WHOLE, REDUCED, NEVER = "whole", "reduced", "never"
GRANT = "grant"

#: Streams with lines for each member; employees are a directory that travels with what refers to them.
JUDGED = ("clients", "relations", "reports", "care_plans", "agenda")

_DOSSIER = frozenset({"reports", "care_plans"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a record that is judged by itself: ``""`` or ``"confidential"``.

    ``closed`` is the reason nobody sees it whatever their level; ``set_aside`` the reason it becomes no resource at all.
    """

    name: str
    yields: dict[str, int]
    closed: str | None = None
    set_aside: str | None = None


def truth_lines(world: World) -> Iterator[Record]:
    """Yield a summary line for each stream, then a line for each (record, part, member)."""
    for stream, shelf in world.shelves.items():
        yield {"summary": stream, "kind": KINDS[stream], "records": len(shelf)}
    members = world.members()
    for client in world["clients"]:
        for stream in JUDGED:
            for record in _records(world, stream, client):
                yield from _record_lines(world, stream, client, record, members.get(client, []))


def _records(world: World, stream: str, client: str) -> list[Record]:
    if stream == "clients":
        record = world["clients"].get(client)
        return [] if record is None else [record]
    return world[stream].of_client(int(client))


def _record_lines(world: World, stream: str, client: str, record: Record, members: list[Link]) -> Iterator[Record]:
    key = str(record["id"])
    for part in parts(stream, record, unmappable=(stream, key) in world.unmappable):
        for member in _seats(members):
            expect, reason = judge(stream, key, part, member)
            yield {
                "stream": stream,
                "key": key,
                "part": part.name,
                "client": client,
                "person": member.person if member else None,
                "member_key": member.member_key if member else None,
                "kind": KINDS[stream],
                "expect": expect,
                "reason": reason,
                "yields": part.yields,
            }


def _seats(members: list[Link]) -> list[Link | None]:
    """Return the members, or one empty seat for a client whom nobody is linked to."""
    return [*members] or [None]


def judge(stream: str, key: str, part: Part, member: Link | None) -> tuple[str, str]:
    """Return what a member gets of a part, and why. The reasons come in a fixed order; the first that holds is given."""
    if part.set_aside:
        return NEVER, part.set_aside
    if member is None:
        return NEVER, "not-linked"
    if part.closed:
        return NEVER, part.closed
    if member.level == "none":
        return NEVER, "no-grant"
    if member.level == "basic" and stream in _DOSSIER:
        return NEVER, "level-too-low"
    if stream == "relations":
        return (WHOLE if key == member.person else REDUCED), GRANT
    return (WHOLE if member.level == "private-medical" else REDUCED), GRANT


def parts(stream: str, record: Record, *, unmappable: bool) -> list[Part]:
    """Return the parts of a record; those of a record that can't become resources yield nothing."""
    if unmappable:
        return [Part(name="", yields={}, set_aside="not-sent:unmappable")]
    if stream == "reports":
        return _report_parts(record)
    if stream == "care_plans":
        return [_care_plan(record)]
    if stream == "agenda":
        shut = record["private"] or not record["clientPresent"]
        return [Part(name="", yields={"Appointment": 1}, closed="not-in-audience" if shut else None)]
    return [Part(name="", yields={"Patient" if stream == "clients" else "RelatedPerson": 1})]


def _report_parts(report: Record) -> list[Part]:
    if report["reportTypeId"] != SOAP:
        return [Part(name="", yields={"Observation": 1}, closed=_closed(report, confidential=report["confidential"]))]
    found = Counter(bool(entry["confidential"]) for entry in report["soapReportEntries"])
    return [
        Part(
            name="confidential" if confidential else "",
            yields={"Composition": 1, "Observation": found[confidential]},
            closed=_closed(report, confidential=confidential),
        )
        for confidential in (False, True)
        if found[confidential]
    ]


def _closed(report: Record, *, confidential: bool) -> str | None:
    """Return why no family member sees it, in the order of the reasons."""
    holds = (
        ("marked-confidential", confidential),
        ("hidden", report["hidden"]),
        ("class-unmapped", report["reportTypeId"] == UNAGREED),
        ("from-this-portal", report["carenId"] is not None),
    )
    return next((reason for reason, true in holds if true), None)


def _care_plan(plan: Record) -> Part:
    entries = plan["carePlanEntries"]
    if plan["status"] != "ACTIVE":
        reason = {"DRAFT": "not-sent:draft", "OLD": "not-sent:superseded"}[plan["status"]]
        return Part(name="", yields={}, set_aside=reason)
    actions = sum(len(entry["actionEntries"]) for entry in entries)
    return Part(name="", yields={"CarePlan": 1 + actions, "Goal": len(entries)})
